//! Makes a sample from two readings of the counters.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::own_metrics::{OwnMetrics, Totals, oldest_change_seconds, resident_bytes};
use crate::persist::Status;
use crate::shard::Shards;

/// The state of the gateway at one moment, and what has happened since the sample before.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Sample {
    /// When, in seconds since 1970.
    pub time: u64,
    /// Pushes answered per second, since the sample before.
    pub pushes_per_second: f64,
    /// Those of them that were not applied.
    pub failures_per_second: f64,
    /// Groups stored.
    pub groups: u64,
    /// Series stored.
    pub series: u64,
    /// Resident memory, in bytes.
    pub memory_bytes: u64,
    /// How long a scrape took to prepare, in the mean of those since the sample before or, if there were
    /// none, of the last that there were; `None` before the first.
    pub scrape_seconds: Option<f64>,
    /// How large a scrape was before compression, in bytes; likewise.
    pub scrape_bytes: Option<f64>,
    /// Messages waiting for the shard for which most do.
    pub queue_length_max: u64,
    /// Groups of the shard that holds the fewest.
    pub shard_groups_min: u64,
    /// Groups of the shard that holds the most.
    pub shard_groups_max: u64,
    /// How long ago the oldest change was made that is not on disk, in seconds; 0 when all are there, or
    /// nothing is kept on disk.
    pub persistence_lag_seconds: f64,
}

/// What is counted, as it stands at one moment.
#[derive(Debug)]
pub(super) struct Reading {
    at: Instant,
    totals: Totals,
    /// What needs no other reading to be told.
    state: Sample,
}

impl Reading {
    pub(super) fn take(own: &OwnMetrics, shards: &Shards, status: Option<&Status>) -> Reading {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let groups = || shards.stats().map(|(stats, _)| stats.groups());
        let state = Sample {
            time: since_1970.as_secs(),
            groups: groups().sum(),
            series: shards.stats().map(|(stats, _)| stats.series()).sum(),
            memory_bytes: resident_bytes(),
            queue_length_max: shards.stats().map(|(_, len)| len as u64).max().unwrap_or_default(),
            shard_groups_min: groups().min().unwrap_or_default(),
            shard_groups_max: groups().max().unwrap_or_default(),
            persistence_lag_seconds: status
                .map_or(0.0, |status| oldest_change_seconds(status, shards)),
            ..Sample::default()
        };
        Reading { at: Instant::now(), totals: own.totals(shards), state }
    }

    /// What has happened since `before`; `last` is the sample that was made then.
    pub(super) fn since(&self, before: &Reading, last: Option<&Sample>) -> Sample {
        let (now, then) = (&self.totals, &before.totals);
        let elapsed = (self.at - before.at).max(Duration::from_millis(1)).as_secs_f64();
        let per_second = |now: u64, then: u64| now.saturating_sub(then) as f64 / elapsed;
        // Counted one after the other while requests go on, the two may differ by one that is at hand.
        let scrapes = now.scrapes.saturating_sub(then.scrapes);
        let per_scrape = |now: f64, then: f64, last: Option<f64>| {
            if scrapes > 0 { Some((now - then).max(0.0) / scrapes as f64) } else { last }
        };
        let last_seconds = last.and_then(|last| last.scrape_seconds);
        let last_bytes = last.and_then(|last| last.scrape_bytes);
        Sample {
            pushes_per_second: per_second(now.pushes, then.pushes),
            failures_per_second: per_second(now.failures, then.failures),
            scrape_seconds: per_scrape(now.scrape_seconds, then.scrape_seconds, last_seconds),
            scrape_bytes: per_scrape(now.scrape_bytes, then.scrape_bytes, last_bytes),
            ..self.state.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(at: Instant, totals: Totals) -> Reading {
        Reading { at, totals, state: Sample { groups: 7, ..Sample::default() } }
    }

    #[test]
    fn counts_become_rates_and_means() {
        let start = Instant::now();
        let before = reading(start, Totals { pushes: 100, failures: 5, ..Totals::default() });
        let totals = Totals {
            pushes: 300,
            failures: 6,
            scrapes: 2,
            scrape_seconds: 0.5,
            scrape_bytes: 3000.0,
        };
        let after = reading(start + Duration::from_secs(10), totals);
        let sample = after.since(&before, None);
        assert_eq!((sample.pushes_per_second, sample.failures_per_second), (20.0, 0.1));
        assert_eq!((sample.scrape_seconds, sample.scrape_bytes), (Some(0.25), Some(1500.0)));
        assert_eq!(sample.groups, 7);
    }

    #[test]
    fn the_last_scrapes_are_shown_until_there_are_others() {
        let start = Instant::now();
        let (before, after) =
            (reading(start, Totals::default()), reading(start, Totals::default()));
        assert_eq!(after.since(&before, None).scrape_seconds, None);
        let last = Sample { scrape_seconds: Some(0.25), ..Sample::default() };
        assert_eq!(after.since(&before, Some(&last)).scrape_seconds, Some(0.25));
    }
}
