//! The handle to all shards.
//!
//! `start` starts their tasks. `change` sends pushes and other changes of one group, to the shard that `route` names; `ask` sends messages and gathers answers.
//! `snapshot` is what a scrape shows, and `restore` what was stored before. `expiry` lets groups expire, `moving` moves groups after a change of the rules.
//! `checkpoint`, `group_scan` and `wipe` are requests that take several messages. `replica` is what a replica set needs of the shards.

pub(super) mod ask;
mod change;
pub(super) mod checkpoint;
pub(super) mod expiry;
pub(super) mod group_scan;
pub(super) mod moving;
pub(super) mod replica;
mod restore;
pub(super) mod route;
mod snapshot;
mod start;
pub(super) mod wipe;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::{Mutex, RwLock, watch};

pub use self::start::Options;
use crate::shard::budget::Budget;
use crate::shard::ruling::ledger::Ledger;
use crate::shard::task::lanes::Lanes;
use crate::shard::task::stats::ShardStats;
use crate::shard::task::turn::Turns;

/// How long a push or delete waits for room in a full queue. A shard needs an eighth of that for a full queue of usual pushes.
/// A longer wait would only add latency.
pub const QUEUE_WAIT: Duration = Duration::from_millis(200);
/// How long the answer to a push waits until the push is on disk, with `--persistence.sync=push`.
pub const SAVED_WAIT: Duration = Duration::from_secs(10);

/// The shards. Cheap to clone; they end when the last clone is gone.
#[derive(Debug, Clone)]
pub struct Shards {
    pub(in crate::shard) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(in crate::shard) struct Shared {
    pub(in crate::shard) lanes: Vec<Lanes>,
    pub(in crate::shard) turns: Vec<Arc<Turns>>,
    stats: Vec<Arc<ShardStats>>,
    hasher: ahash::RandomState,
    /// Held while all shards are asked for a cut.
    cut_order: Arc<RwLock<()>>,
    /// Locked from the beginning of a wipe until all that it leaves has been dropped.
    pub(in crate::shard) wiping: Arc<Mutex<()>>,
    /// Held until all groups of an epoch have been handed over, and while a wipe says which groups are gone.
    pub(in crate::shard) epoch: Mutex<()>,
    pub(in crate::shard) dead: watch::Receiver<bool>,
    /// The same, for every push to read.
    pub(in crate::shard) has_died: Arc<AtomicBool>,
    budget: Option<Arc<Budget>>,
    /// Whether the answer to a request waits until the request is on disk.
    is_awaited: bool,
    /// Whether there was ever a push that was acknowledged before it was applied.
    pub(in crate::shard) has_unchecked: AtomicBool,
    /// Whether such pushes are rejected from now on.
    refuses_unchecked: AtomicBool,
    /// What is known of the jobs whose groups may expire.
    pub(in crate::shard) ledger: Arc<Ledger>,
    /// Which groups are sources of which sums.
    pub(in crate::shard) sums: route::Sums,
    /// Locked for writing while a group moves, and for reading while all shards are asked for a cut.
    pub(in crate::shard) moving: RwLock<()>,
}

impl Shards {
    /// What is known of the jobs whose groups may expire.
    pub fn ledger(&self) -> &Ledger {
        &self.shared.ledger
    }

    /// The budget of the gateway; `None` when there is no bound.
    pub fn budget(&self) -> Option<&Budget> {
        self.shared.budget.as_deref()
    }

    /// Whether every shard lives.
    pub fn are_alive(&self) -> bool {
        !self.shared.has_died.load(Relaxed)
    }

    /// The counters of each shard, and how many pushes wait for it.
    pub fn stats(&self) -> impl Iterator<Item = (&ShardStats, usize)> {
        let shared = &self.shared;
        shared.stats.iter().zip(&shared.lanes).map(|(stats, lanes)| (&**stats, lanes.pushes.len()))
    }
}

#[cfg(test)]
mod tests;
