//! What happened in the last hour, so that somebody without a Prometheus sees it too.
//!
//! - `reading`: what is counted anyway, as it stands at one moment; a [`Sample`] is made of two.
//! - `ring`: the samples of the last hour.
//! - [`sample`]: takes one from time to time.
//!
//! **Invariants:** requests pay nothing for it: all of it is read from counters that are there. What is
//! kept is bounded, whatever is stored.

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
