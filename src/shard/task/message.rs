//! What a shard can be asked.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::push::Refusal;
use crate::push::{Batch, GroupingKey};
use crate::shard::budget::Budget;
use crate::shard::error::{PushError, RestoreError, Unavailable};
use crate::shard::saving::changes::Changes;
use crate::shard::store::place::Placement;
use crate::shard::store::plan::Mode;
use crate::shard::store::restore::RestoredGroup;
use crate::shard::store::snapshot::{HomedPage, Selection, Snapshot};
use crate::shard::store::views::{GroupRef, GroupSummary, GroupView};
use crate::shard::store::wipe::Remains;
use crate::shard::task::cut::Cut;
use crate::shard::task::waiter::Waiter;

/// What a shard can be asked.
#[derive(Debug)]
pub(in crate::shard) enum Message {
    /// Apply a push. Without a reply, nobody waits and a refusal is logged here.
    Push {
        hash: u64,
        key: GroupingKey,
        mode: Mode,
        batch: Batch,
        owner: Option<Arc<Budget>>,
        reply: Option<oneshot::Sender<Result<(), PushError>>>,
    },
    /// Put a group in its place. In a box: a push does not carry the room for it.
    Place(Box<Placing>),
    /// Say whether a push would be applied.
    Check {
        hash: u64,
        key: GroupingKey,
        mode: Mode,
        batch: Batch,
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Note a push that was refused before it came here.
    Fail { hash: u64, key: GroupingKey, owner: Option<Arc<Budget>>, reply: oneshot::Sender<()> },
    /// Forget a group.
    Delete { hash: u64, key: GroupingKey, reply: oneshot::Sender<Result<(), Unavailable>> },
    /// Forget those of these groups that are there, and say how many they were.
    DeleteListed { groups: Vec<GroupRef>, reply: oneshot::Sender<Result<u64, Unavailable>> },
    /// Forget all groups, at the same moment as all others.
    Wipe { cut: Cut, reply: oneshot::Sender<Result<Remains, Unavailable>> },
    /// Answer once all that has been applied is on disk, where that was pending.
    Settle { reply: oneshot::Sender<Result<(), Unavailable>> },
    /// Store groups as they once were.
    Restore { groups: Vec<(u64, RestoredGroup)>, reply: oneshot::Sender<Result<(), RestoreError>> },
    /// End the epoch, at the same moment as all others, and hand over some of what has changed in it. Behind the last one
    /// nothing is changed any more.
    Checkpoint {
        cut: Cut,
        is_last: bool,
        bytes_max: usize,
        reply: oneshot::Sender<(Vec<Waiter>, Changes)>,
    },
    /// Hand over more of what was pending then.
    HandOver { bytes_max: usize, reply: oneshot::Sender<Changes> },
    /// Answer a scrape, at the same moment as all others.
    Snapshot { cut: Cut, selection: Arc<Selection>, reply: oneshot::Sender<Snapshot> },
    /// Tell the hashes of all groups, or of those of some jobs, likewise.
    Hashes { cut: Cut, jobs: Arc<Vec<String>>, reply: oneshot::Sender<Vec<u64>> },
    /// Sum up the groups that have these hashes.
    Summaries { hashes: Vec<u64>, reply: oneshot::Sender<Vec<GroupSummary>> },
    /// Show those of these groups that are there, in that order.
    Views { groups: Vec<GroupRef>, reply: oneshot::Sender<Vec<GroupView>> },
    /// Pages have been concatenated.
    Adopt { pages: Vec<HomedPage> },
    /// Say that all that came before has been handled.
    Pass { reply: oneshot::Sender<()> },
    /// Look for commands.
    Knock,
    /// Die.
    #[cfg(test)]
    Panic,
}

/// What a shard is asked to put in its place.
#[derive(Debug)]
pub(in crate::shard) struct Placing {
    pub(in crate::shard) hash: u64,
    pub(in crate::shard) key: GroupingKey,
    pub(in crate::shard) batch: Batch,
    pub(in crate::shard) owner: Option<Arc<Budget>>,
    pub(in crate::shard) placement: Placement,
    pub(in crate::shard) reply: oneshot::Sender<Result<(), PushError>>,
}
