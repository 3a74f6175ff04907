//! Push priority: work that can wait pauses while pushes are coming in.

use std::time::{Duration, Instant};

use crate::shard::Shards;

/// While pushes are handled faster than one in this time, counted since the work began,
const BUSY_PUSH: Duration = Duration::from_millis(1);
/// the work pauses for this long after each of its steps: a push that waits is worse than a scrape that
/// takes longer,
const BUSY_PAUSE: Duration = Duration::from_millis(3);
/// until the work has taken this long.
const BUSY_WAIT: Duration = Duration::from_secs(1);

/// Work that is done in steps.
#[derive(Debug)]
pub(crate) struct PushPriority {
    shards: Shards,
    began: Instant,
    pushes_before: u64,
}

impl PushPriority {
    /// Of work that begins now.
    pub(crate) fn new(shards: Shards) -> PushPriority {
        let pushes_before = pushes(&shards);
        PushPriority { shards, began: Instant::now(), pushes_before }
    }

    /// How long to pause before the next step, if at all.
    pub(crate) fn pause(&self) -> Option<Duration> {
        let taken = self.began.elapsed();
        let handled = pushes(&self.shards) - self.pushes_before;
        let is_busy = u128::from(handled) * BUSY_PUSH.as_nanos() > taken.as_nanos();
        (is_busy && taken < BUSY_WAIT).then_some(BUSY_PAUSE)
    }
}

fn pushes(shards: &Shards) -> u64 {
    shards.stats().map(|(stats, _)| stats.pushes()).sum()
}
