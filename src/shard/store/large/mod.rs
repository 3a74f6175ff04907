//! A change of a large group in slices, so that no push to another group waits for all of it.
//!
//! Start with [`LargeChange::advance`], which does one slice. A change has three stages:
//! 1. Plan (`planning`): walk through the families that the group holds and the push brings, and claim room for the growth.
//! 2. Enter (`entering`): new families and series enter the index. If one of them is rejected, the change leaves the index again.
//! 3. Apply (`applying`): each family gets its new samples, and series that go leave the index. Nothing can be rejected any more.
//!
//! **Invariant:** between two slices the shard applies only pushes to other groups. A scrape, a checkpoint or a query
//! would see half of the change. The task keeps them back.

mod applying;
mod entering;
mod planning;
mod slice;

use std::collections::VecDeque;
use std::sync::Arc;

use self::planning::Weighed;
use self::slice::Position;
use super::Store;
use super::place::Placement;
use super::plan::{Mode, Step, Walk};
use super::views::GroupRef;
use crate::push::{Batch, GroupingKey};
use crate::shard::budget::Budget;
use crate::shard::budget::claim::Claim;
use crate::shard::error::PushError;
use crate::shard::groups::families::LargeBlock;
use crate::shard::groups::group::Held;
use crate::shard::groups::role::Role;
use crate::shard::timestamp::Timestamp;

pub(super) use self::slice::SORTED_FROM;

/// A change is large when the push or the group has so many families, series or bytes. Anything smaller takes a
/// millisecond at most.
const FAMILIES_MIN: usize = 512;
const SERIES_MIN: usize = 16_384;
const BYTES_MIN: usize = 1 << 20;

/// A push to a large group, its placing or its deletion, under way.
#[derive(Debug)]
pub(in crate::shard) struct LargeChange {
    hash: u64,
    key: GroupingKey,
    mode: Mode,
    batch: Batch,
    owner: Option<Arc<Budget>>,
    now: Timestamp,
    /// Whether the group goes as a whole.
    deletes: bool,
    /// The times of a group that is placed.
    placement: Option<Placement>,
    stage: Stage,
    walk: Walk,
    steps: Vec<Step>,
    weighed: Weighed,
    /// Where the stage is.
    at: Position,
    claim: Option<Claim<Arc<Budget>>>,
    /// By how many bytes the shared ones have grown, less those that are claimed.
    unclaimed: i64,
    /// Why the change leaves the index again, and up to where it has entered the index.
    rejected: Option<(PushError, Position)>,
    /// The new families, still without samples.
    coming: VecDeque<Held>,
    old: std::vec::IntoIter<Held>,
    /// The family at hand, and how much of its samples is copied.
    current: Option<(Held, LargeBlock)>,
    /// What the group will hold.
    held: Vec<Held>,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Plan,
    Enter,
    Leave,
    Apply,
}

/// How a change has ended; `None` while it has not.
type Ended = Option<Result<(), PushError>>;

impl Store {
    /// Whether a push to the group at a place of the table, or its deletion, is to be done in slices.
    pub(in crate::shard) fn is_large(&self, at: Option<usize>, batch: Option<&Batch>) -> bool {
        let is_large = |families: usize, series: usize, bytes: usize| {
            families >= FAMILIES_MIN || series >= SERIES_MIN || bytes >= BYTES_MIN
        };
        let group = at.and_then(|at| self.groups.get_bucket(at));
        // A sum and its sources change together, in one go.
        let is_plain = group.is_none_or(|(_, group)| matches!(group.role, Role::Plain));
        is_plain
            && (batch.is_some_and(|batch| {
                is_large(batch.families.len(), batch.series_len(), batch.memory_bytes())
            }) || group.is_some_and(|(_, group)| {
                let series = group.charge.usage().series as usize;
                is_large(group.families.len(), series, group.bytes as usize)
            }))
    }
}

impl Store {
    fn listed(&self, group: &GroupRef) -> Option<usize> {
        self.groups.find_bucket_index(group.hash, |(_, stored)| *stored.key == *group.key)
    }

    /// Whether a group of a list is to be deleted in slices.
    pub(in crate::shard) fn is_listed_large(&self, group: &GroupRef) -> bool {
        self.is_large(self.listed(group), None)
    }

    /// The deletion of a group of a list, if it is stored.
    pub(in crate::shard) fn large_deletion(&self, group: &GroupRef) -> Option<LargeChange> {
        let (_, stored) = self.groups.get_bucket(self.listed(group)?)?;
        let key = GroupingKey::from_text(&stored.key, stored.has_empty_instance)?;
        Some(LargeChange::delete(group.hash, key))
    }
}

impl LargeChange {
    /// A push, whose group then counts for `owner`.
    pub(in crate::shard) fn push(
        hash: u64,
        key: GroupingKey,
        mode: Mode,
        batch: Batch,
        owner: Option<Arc<Budget>>,
        now: Timestamp,
    ) -> LargeChange {
        LargeChange {
            hash,
            key,
            mode,
            batch,
            owner,
            now,
            deletes: false,
            placement: None,
            stage: Stage::Plan,
            walk: Walk::default(),
            steps: Vec::new(),
            weighed: Weighed::default(),
            at: Position::default(),
            claim: None,
            unclaimed: 0,
            rejected: None,
            coming: VecDeque::new(),
            old: Vec::new().into_iter(),
            current: None,
            held: Vec::new(),
        }
    }

    /// The placing of a group, which then counts for `owner`.
    pub(in crate::shard) fn place(
        hash: u64,
        key: GroupingKey,
        batch: Batch,
        owner: Option<Arc<Budget>>,
        placement: Placement,
    ) -> LargeChange {
        let change = LargeChange::push(hash, key, Mode::Replace, batch, owner, placement.pushed);
        LargeChange { placement: Some(placement), ..change }
    }

    /// The deletion of a stored group.
    pub(in crate::shard) fn delete(hash: u64, key: GroupingKey) -> LargeChange {
        let (mode, batch, now) = (Mode::Replace, Batch::default(), Timestamp::NEVER);
        LargeChange { deletes: true, ..LargeChange::push(hash, key, mode, batch, None, now) }
    }

    /// The hash of its group.
    pub(in crate::shard) fn hash(&self) -> u64 {
        self.hash
    }

    /// Whether the group goes.
    pub(in crate::shard) fn deletes(&self) -> bool {
        self.deletes
    }

    /// The group's key, and what was pushed.
    pub(in crate::shard) fn into_parts(self) -> (GroupingKey, Batch) {
        (self.key, self.batch)
    }

    /// Does the next slice. Answers how the change has ended, once it has.
    pub(in crate::shard) fn advance(&mut self, store: &mut Store) -> Ended {
        match self.stage {
            Stage::Plan => self.plan(store),
            Stage::Enter => self.enter(store),
            Stage::Leave => self.leave(store),
            Stage::Apply => self.apply(store),
        }
    }

    /// Does the change in one go: what it changes of names may depend on all of it.
    fn do_whole(&mut self, store: &mut Store) -> Ended {
        let owner = self.owner.as_ref();
        Some(match self.placement {
            Some(placement) => store.place(self.hash, &self.key, &self.batch, owner, placement),
            None => store.push(self.hash, &self.key, self.mode, &self.batch, owner, self.now),
        })
    }
}
