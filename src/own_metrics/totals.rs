//! Counts since the start, for the history.

use std::sync::atomic::Ordering::Relaxed;

use super::OwnMetrics;
use crate::shard::Shards;

/// Counts that only ever grow.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Totals {
    /// Pushes answered.
    pub pushes: u64,
    /// Those of them that were not applied, whatever they were answered.
    pub failures: u64,
    /// Scrapes answered with samples.
    pub scrapes: u64,
    /// How long all of those took to prepare.
    pub scrape_seconds: f64,
    /// How large they were before compression.
    pub scrape_bytes: f64,
}

impl OwnMetrics {
    /// The counts as they are now.
    pub fn totals(&self, shards: &Shards) -> Totals {
        let (pushes, refused) = self.requests.of("push");
        let dropped: u64 = shards.stats().map(|(stats, _)| stats.dropped()).sum();
        let (scrapes, scrape_seconds) = self.scrape_seconds.total();
        Totals {
            pushes,
            failures: refused + self.dropped.load(Relaxed) + dropped,
            scrapes,
            scrape_seconds,
            scrape_bytes: self.scrape_bytes.total().1,
        }
    }
}
