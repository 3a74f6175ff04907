//! How the shards start.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio::sync::{Mutex, RwLock, watch};
use tokio::task::JoinSet;

use super::{Shards, Shared};
use crate::exposition::Kind;
use crate::push::{PUSH_FAILURE_TIME, PUSH_TIME};
use crate::shard::budget::{Budget, Limits};
use crate::shard::index::Index;
use crate::shard::store::Store;
use crate::shard::task::lanes::lanes;
use crate::shard::task::run::run;
use crate::shard::task::stats::ShardStats;
use crate::shard::task::turn::Turns;
use crate::shard::task::{Saving, Shard};

/// How to start the shards.
#[derive(Debug)]
pub struct Options<'a> {
    /// How many.
    pub shards: usize,
    /// The names and kinds of the gateway's own families, which no push may use otherwise.
    pub reserved: &'a [(&'a str, Kind)],
    /// How much may be stored; `None` when nothing bounds it.
    pub limits: Option<Limits>,
    /// How large one group may become, in bytes that count; at most [`GROUP_BYTES_MAX`](crate::shard::GROUP_BYTES_MAX).
    pub group_bytes_max: u64,
    /// How groups reach the disk; `None` without a persistence file.
    pub saving: Option<Saving>,
}

impl Shards {
    /// Starts the shards on the current runtime. The set of tasks, which must be kept, is empty again
    /// once the last handle is gone and everything that was sent has been applied.
    pub fn start(options: &Options<'_>) -> (Shards, JoinSet<()>) {
        let index = Arc::new(Index::default());
        for name in [PUSH_TIME, PUSH_FAILURE_TIME] {
            index.reserve(name, Kind::Gauge);
        }
        for (name, kind) in options.reserved {
            index.reserve(name, *kind);
        }
        let (died, dead) = watch::channel(false);
        let (died, has_died) = (Arc::new(died), Arc::<AtomicBool>::default());
        let budget = options.limits.map(|limits| Arc::new(Budget::new(limits)));
        let mut tasks = JoinSet::new();
        let (mut all_lanes, mut turns, mut stats) = (Vec::new(), Vec::new(), Vec::new());
        let cut_order = Arc::<RwLock<()>>::default();
        for shard in 0..options.shards {
            let (lanes, mailbox) = lanes();
            let shard_stats = Arc::new(ShardStats::default());
            let store =
                Store::new(Arc::clone(&index), options.saving.as_ref().map(|saving| saving.write));
            let store = store.within(budget.clone(), options.group_bytes_max);
            let awaited = options.saving.as_ref().and_then(|saving| saving.awaited.clone());
            let left_behind = mailbox.left_behind();
            let (stats_of, order) = (Arc::clone(&shard_stats), Arc::clone(&cut_order));
            let shard_turns = Arc::new(Turns::new(Shard::new(store, awaited, stats_of, order)));
            let running = tokio::spawn(run(Arc::clone(&shard_turns), mailbox));
            let (died, has_died) = (Arc::clone(&died), Arc::clone(&has_died));
            tasks.spawn(async move {
                if let Err(error) = running.await {
                    tracing::error!(shard, err = %error, "a shard has died");
                    has_died.store(true, Relaxed);
                    died.send_replace(true);
                    // Whoever waits for an answer learns that there will be none.
                    left_behind.discard().await;
                }
            });
            all_lanes.push(lanes);
            turns.push(shard_turns);
            stats.push(shard_stats);
        }
        let hasher = ahash::RandomState::new();
        let is_awaited = options.saving.as_ref().is_some_and(|saving| saving.awaited.is_some());
        let shared = Arc::new(Shared {
            lanes: all_lanes,
            turns,
            stats,
            hasher,
            cut_order,
            wiping: Arc::default(),
            epoch: Mutex::default(),
            dead,
            has_died,
            budget,
            is_awaited,
            has_unchecked: AtomicBool::new(false),
            refuses_unchecked: AtomicBool::new(false),
            ledger: Arc::default(),
            sums: Default::default(),
            moving: RwLock::default(),
        });
        (Shards { shared }, tasks)
    }
}
