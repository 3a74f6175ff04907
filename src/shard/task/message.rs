//! The messages of a shard: all that its task can be asked.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::push::Refusal;
use crate::push::{Batch, GroupingKey};
use crate::rules::{Asked, GroupRules};
use crate::shard::budget::Budget;
use crate::shard::error::{PushError, RestoreError, Unavailable};
use crate::shard::ruling::ledger::Ledger;
use crate::shard::saving::changes::Changes;
use crate::shard::saving::dirty_groups::Gone;
use crate::shard::store::expire::Looked;
use crate::shard::store::place::Placement;
use crate::shard::store::plan::Mode;
use crate::shard::store::restore::RestoredGroup;
use crate::shard::store::snapshot::{HomedPage, Selection, Snapshot};
use crate::shard::store::views::{GroupRef, GroupSummary, GroupView};
use crate::shard::store::wipe::Remains;
use crate::shard::task::cut::Cut;
use crate::shard::task::waiter::Waiter;
use crate::shard::timestamp::Timestamp;

/// What a shard can be asked.
#[derive(Debug)]
pub(in crate::shard) enum Message {
    /// Apply a push. Without a reply, the client has its answer, and the shard logs a rejection.
    Push {
        hash: u64,
        key: GroupingKey,
        how: How,
        batch: Batch,
        owner: Option<Arc<Budget>>,
        reply: Option<oneshot::Sender<Result<(), PushError>>>,
    },
    /// Place a group. It is in a box so that the message of a push stays small.
    Place(Box<Placing>),
    /// Say whether a push would be applied.
    Check {
        hash: u64,
        key: GroupingKey,
        how: How,
        batch: Batch,
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Note a push that was rejected before it reached the shard.
    Fail { hash: u64, key: GroupingKey, owner: Option<Arc<Budget>>, reply: oneshot::Sender<()> },
    /// Forget a group.
    Delete { hash: u64, key: GroupingKey, reply: oneshot::Sender<Result<(), Unavailable>> },
    /// Forget these groups, and count those that were there.
    DeleteListed { groups: Vec<GroupRef>, reply: oneshot::Sender<Result<u64, Unavailable>> },
    /// Forget all groups, at the same moment as all other shards.
    Wipe { cut: Cut, reply: oneshot::Sender<Result<Remains, Unavailable>> },
    /// Note that a wipe has taken these groups.
    NoteGone { groups: Vec<Gone>, reply: oneshot::Sender<()> },
    /// Answer once all applied changes are on disk, if that was promised.
    Settle { reply: oneshot::Sender<Result<(), Unavailable>> },
    /// Take new rules for groups.
    Rules { rules: Arc<GroupRules>, ledger: Arc<Ledger> },
    /// Let groups expire that are due by `now`, as far as scrapers have had what was pushed before `covered`.
    Look { now: Timestamp, covered: Timestamp, reply: oneshot::Sender<Looked> },
    /// Store groups as they once were.
    Restore { groups: Vec<(u64, RestoredGroup)>, reply: oneshot::Sender<Result<(), RestoreError>> },
    /// End the epoch, at the same moment as all other shards, and hand over some dirty groups. After the last checkpoint the
    /// shard rejects every change.
    Checkpoint {
        cut: Cut,
        is_last: bool,
        bytes_max: usize,
        reply: oneshot::Sender<(Vec<Waiter>, Changes)>,
    },
    /// Hand over more pending groups.
    HandOver { bytes_max: usize, reply: oneshot::Sender<Changes> },
    /// Answer a scrape, at the same moment as all other shards.
    Snapshot { cut: Cut, selection: Arc<Selection>, reply: oneshot::Sender<Snapshot> },
    /// Tell the hashes of all groups, or of the groups of some jobs, at the same moment as all other shards.
    Hashes { cut: Cut, jobs: Arc<Vec<String>>, reply: oneshot::Sender<Vec<u64>> },
    /// Sum up the groups that have these hashes.
    Summaries { hashes: Vec<u64>, reply: oneshot::Sender<Vec<GroupSummary>> },
    /// Show these groups, in this order, without those that are gone.
    Views { groups: Vec<GroupRef>, reply: oneshot::Sender<Vec<GroupView>> },
    /// Take over pages that a scrape has concatenated.
    Adopt { pages: Vec<HomedPage> },
    /// Answer once all earlier messages of this lane have been handled.
    Pass { reply: oneshot::Sender<()> },
    /// Look for commands in the other lane.
    Knock,
    /// Die.
    #[cfg(test)]
    Panic,
}

/// How a push changes its group.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// What it does with the families that it does not name.
    pub mode: Mode,
    /// What its headers ask for.
    pub asked: Asked,
}

impl From<Mode> for How {
    fn from(mode: Mode) -> How {
        How { mode, asked: Asked::default() }
    }
}

/// A group to be placed.
#[derive(Debug)]
pub(in crate::shard) struct Placing {
    pub(in crate::shard) hash: u64,
    pub(in crate::shard) key: GroupingKey,
    pub(in crate::shard) batch: Batch,
    pub(in crate::shard) owner: Option<Arc<Budget>>,
    pub(in crate::shard) placement: Placement,
    pub(in crate::shard) reply: oneshot::Sender<Result<(), PushError>>,
}
