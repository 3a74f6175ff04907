//! The last hour of the gateway, for users without a Prometheus.
//!
//! [`sample`] takes a sample every ten seconds. `reading` makes it from two readings of the existing counters,
//! and `ring` keeps the samples of the last hour.
//!
//! **Invariant:** a request does no work for the history, and the history has a fixed size.

mod reading;
mod ring;

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::own_metrics::OwnMetrics;
use crate::persist::Status;
use crate::shard::Shards;
use reading::Reading;

pub use reading::Sample;
pub use ring::{History, SAMPLES_MAX};

/// How much time lies between two samples.
pub const SAMPLE_EVERY: Duration = Duration::from_secs(10);

/// Takes samples, for ever.
pub async fn sample(history: &History, own: &OwnMetrics, shards: &Shards, status: Option<&Status>) {
    let mut ticks = tokio::time::interval(SAMPLE_EVERY);
    // After a time in which nothing ran there is one longer interval, not many that are empty.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    let mut before = Reading::take(own, shards, status);
    loop {
        ticks.tick().await;
        let now = Reading::take(own, shards, status);
        history.add(now.since(&before, history.latest().as_ref()));
        before = now;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::own_metrics::Verb;
    use crate::shard::Options;

    #[tokio::test(start_paused = true)]
    async fn samples_come_at_their_time_and_tell_what_has_happened() {
        let (shards, _tasks) = Shards::start(&Options {
            shards: 3,
            reserved: &[],
            limits: None,
            group_bytes_max: crate::shard::GROUP_BYTES_MAX,
            saving: None,
        });
        let (own, history) = (OwnMetrics::new(["push"]), History::default());
        let happening = async {
            tokio::time::sleep(SAMPLE_EVERY / 2).await;
            for code in [200, 200, 202, 400, 413] {
                own.answered("push", Verb::Put, code);
            }
            own.scrape_begins().answered(200, 1000, Instant::now());
            tokio::time::sleep(2 * SAMPLE_EVERY).await;
        };
        tokio::select! {
            () = sample(&history, &own, &shards, None) => {}
            () = happening => {}
        }
        let samples = history.samples();
        let rates =
            samples.iter().map(|sample| (sample.pushes_per_second, sample.failures_per_second));
        assert_eq!(rates.collect::<Vec<_>>(), [(0.5, 0.2), (0.0, 0.0)]);
        assert_eq!(samples[1].scrape_bytes, Some(1000.0), "still those of the last");
        assert!(samples[0].memory_bytes > 1 << 20);
        assert_eq!(samples[0].persistence_lag_seconds, 0.0);
    }
}
