//! What one shard holds: its groups, families and pages. Plain and synchronous; the task is its only caller.
//!
//! Start with [`Store::push`]. `update` applies a push: `plan` says what it changes, `weigh` how much, and the index whether
//! it may. `large` does the same in slices, for `delete` and `place` too. `expire` does what the rules say. `sums` keeps sums of groups. `delete`, `place`, `restore`, `replay` and `wipe` change groups in other ways; `check`, `snapshot`,
//! `selected_jobs` and `views` only read.

pub(super) mod check;
#[cfg(test)]
pub(super) mod counted;
pub(super) mod delete;
pub(super) mod expire;
#[cfg(test)]
mod expired;
pub(super) mod large;
pub(super) mod merge;
pub(super) mod place;
pub(super) mod plan;
pub(super) mod replay;
pub(super) mod restore;
pub(super) mod selected_jobs;
pub(super) mod snapshot;
pub(super) mod sums;
#[cfg(test)]
pub(super) mod tests;
pub(super) mod update;
pub(super) mod views;
pub(super) mod weigh;
pub(super) mod wipe;

use std::sync::Arc;

use hashbrown::HashTable;

use self::plan::{GROUP_BYTES_MAX, Mode};
use self::update::group_or_new;
use crate::push::{Batch, GroupingKey, Refusal};
use crate::shard::budget::claim::{Claim, Room, SharedChange};
use crate::shard::budget::{Budget, Usage};
use crate::shard::error::PushError;
use crate::shard::groups::families::Families;
use crate::shard::groups::group::Group;
use crate::shard::groups::jobs::Jobs;
use crate::shard::index::Index;
use crate::shard::ruling::Ruling;
use crate::shard::saving::changes::Changes;
use crate::shard::saving::dirty_groups::DirtyGroups;
use crate::shard::saving::group_snapshot::WriteRecord;
use crate::shard::timestamp::Timestamp;

/// Groups and families of one shard.
///
/// **Invariant:** the index holds exactly the names of the families and the series of the groups here, but
/// in the moment between the wipe of a store and the clearing of the index.
#[derive(Debug)]
pub struct Store {
    pub(in crate::shard) index: Arc<Index>,
    pub(in crate::shard) groups: HashTable<(u64, Group)>,
    pub(in crate::shard) jobs: Jobs,
    pub(in crate::shard) families: Families,
    /// How much all groups of the gateway may take; `None` when there is no bound.
    pub(in crate::shard) budget: Option<Arc<Budget>>,
    /// How large a group may become.
    pub(in crate::shard) group_bytes_max: u64,
    /// How many bytes the groups count for, without the bytes that they share.
    pub(in crate::shard) group_bytes: u64,
    /// The dirty groups; `None` without a persistence file.
    pub(in crate::shard) dirty: Option<DirtyGroups>,
    /// What rules make of the groups.
    pub(in crate::shard) ruling: Ruling,
    /// The sources that are not shown, if there are any.
    pub(in crate::shard) hidden: Option<Box<Store>>,
    pub(in crate::shard) sums: sums::Sums,
}

impl Store {
    /// An empty store. The push times are reserved in `index`. With `write`, the store keeps track of dirty groups.
    pub fn new(index: Arc<Index>, write: Option<WriteRecord>) -> Store {
        Store {
            index,
            groups: HashTable::new(),
            jobs: Jobs::default(),
            families: Families::new(None),
            budget: None,
            group_bytes_max: GROUP_BYTES_MAX,
            group_bytes: 0,
            dirty: write.map(DirtyGroups::new),
            ruling: Ruling::default(),
            hidden: None,
            sums: sums::Sums::default(),
        }
    }

    /// The empty store, bounded by a budget that others may share, and in the size of each group.
    pub(in crate::shard) fn within(
        self,
        budget: Option<Arc<Budget>>,
        group_bytes_max: u64,
    ) -> Store {
        Store { families: Families::new(budget.clone()), budget, group_bytes_max, ..self }
    }

    /// How many groups are stored.
    pub fn groups(&self) -> u64 {
        self.groups.len() as u64
    }

    /// How many sources there are that are not shown.
    pub fn hidden_sources(&self) -> u64 {
        self.hidden.as_ref().map_or(0, |hidden| hidden.groups())
    }

    /// How many series the groups hold, their push times included.
    pub fn series(&self) -> u64 {
        self.families.series + 2 * self.groups()
    }

    /// How many lines a scrape of the groups has, their push times included.
    pub fn samples(&self) -> u64 {
        self.families.samples + 2 * self.groups()
    }

    /// How many bytes all groups count for.
    pub fn bytes(&self) -> u64 {
        let hidden = self.hidden.as_ref().map_or(0, |hidden| hidden.bytes());
        self.group_bytes + self.families.shared.bytes + hidden
    }

    /// Applies a push to the group `key`, whose hash is `hash`. The group then counts for `owner`.
    ///
    /// # Errors
    /// Why the push is inconsistent; then only the failure time of the group has changed. Or that there is no room; then
    /// nothing has changed.
    pub fn push(
        &mut self,
        hash: u64,
        key: &GroupingKey,
        mode: Mode,
        batch: &Batch,
        owner: Option<&Arc<Budget>>,
        now: Timestamp,
    ) -> Result<(), PushError> {
        let at = self.find(hash, key)?;
        self.push_at(at, hash, key, mode, batch, owner, now)
    }

    /// The same, when the place of the group in the table is known.
    #[expect(clippy::too_many_arguments, reason = "a push is all of these")]
    pub(in crate::shard) fn push_at(
        &mut self,
        at: Option<usize>,
        hash: u64,
        key: &GroupingKey,
        mode: Mode,
        batch: &Batch,
        owner: Option<&Arc<Budget>>,
        now: Timestamp,
    ) -> Result<(), PushError> {
        let updated = self.update(hash, at, key, mode, batch, owner, Room::Needed, now);
        match updated {
            Ok(()) => self.accepted(at.is_none(), hash, key),
            Err(PushError::Refused(_)) => self.fail(hash, key, owner, now),
            Err(_) => {}
        }
        updated
    }

    /// Notes that a push to the group was rejected. Makes the group if there is none and there is room for it.
    pub fn fail(
        &mut self,
        hash: u64,
        key: &GroupingKey,
        owner: Option<&Arc<Budget>>,
        now: Timestamp,
    ) {
        if let Some(is_new) = self.note_failed(hash, key, owner, now) {
            self.rejected(is_new, hash, key);
        }
    }

    /// The same without a look at the rules. Answers whether the group is new, or nothing where it is not stored.
    fn note_failed(
        &mut self,
        hash: u64,
        key: &GroupingKey,
        owner: Option<&Arc<Budget>>,
        now: Timestamp,
    ) -> Option<bool> {
        let at = self.find(hash, key).ok()?;
        {
            let Store { groups, jobs, families, dirty, budget, group_bytes, .. } = self;
            let claim = if at.is_some() {
                None
            } else {
                let (usage, shared) = (Usage::of_empty_group(key), SharedChange::default());
                let claim = Claim::new(budget.as_ref(), owner, None, usage, shared, Room::Needed);
                let claim = claim.ok()?;
                *group_bytes += usage.bytes;
                Some(claim)
            };
            let group = group_or_new(groups, jobs, families, hash, key, now);
            if let Some(claim) = claim {
                claim.settle(&mut group.charge);
            }
            if let Some(dirty) = dirty {
                dirty.changes(hash, group, families);
            }
            families.set_failed(group, now);
        }
        Some(at.is_none())
    }

    /// How many groups are dirty, and when the first group of this epoch changed.
    pub fn dirty(&self) -> (usize, Timestamp) {
        let own =
            self.dirty.as_ref().map_or((0, Timestamp::NEVER), |dirty| (dirty.len(), dirty.since()));
        let Some(hidden) = &self.hidden else { return own };
        let (len, since) = hidden.dirty();
        let first = [own.1, since].into_iter().filter(|since| *since != Timestamp::NEVER).min();
        (own.0 + len, first.unwrap_or_default())
    }

    /// Ends the epoch. All groups that were pending have been handed over.
    pub fn checkpoint(&mut self) {
        if let Some(dirty) = &mut self.dirty {
            dirty.checkpoint();
        }
        if let Some(hidden) = &mut self.hidden {
            hidden.checkpoint();
        }
    }

    /// Hands over some pending groups, until their records exceed `bytes_max`.
    pub fn hand_over(&mut self, bytes_max: usize) -> Changes {
        let Store { groups, families, dirty, .. } = self;
        let dirty = dirty.as_mut();
        let own =
            dirty.map(|dirty| dirty.hand_over(bytes_max, groups, families)).unwrap_or_default();
        match &mut self.hidden {
            Some(hidden) if !own.has_more => own.and(hidden.hand_over(bytes_max)),
            _ => own,
        }
    }

    /// Rejects a key if a group is stored under another spelling of it, which differs in labels with an empty value. To
    /// Prometheus, both groups would expose the same push times. Both spellings have the same hash.
    pub(in crate::shard) fn check_spelling(
        &self,
        hash: u64,
        key: &GroupingKey,
    ) -> Result<(), Refusal> {
        self.find(hash, key).map(drop)
    }

    /// Where in the table a group is, if it is stored.
    pub(in crate::shard) fn find(
        &self,
        hash: u64,
        key: &GroupingKey,
    ) -> Result<Option<usize>, Refusal> {
        let is_group = |(_, group): &(u64, Group)| *group.key == *key.text();
        let is_other = |(_, group): &(u64, Group)| key.shares_identity(&group.key);
        let at = self.groups.find_bucket_index(hash, is_group);
        let stored = at.and_then(|at| self.groups.get_bucket(at));
        match stored.or_else(|| self.groups.find(hash, is_other)) {
            Some((_, group))
                if at.is_none() || group.has_empty_instance != key.has_empty_instance() =>
            {
                Err(Refusal::OtherSpelling)
            }
            _ => Ok(at),
        }
    }

    /// A group, if it is stored.
    fn group(&self, hash: u64, key: &GroupingKey) -> Option<&Group> {
        self.groups.find(hash, |(_, group)| *group.key == *key.text()).map(|(_, group)| group)
    }

    /// A group that is known to be stored, and the families.
    fn stored(&mut self, hash: u64, key: &GroupingKey) -> (&mut Group, &mut Families) {
        let group = self.groups.find_mut(hash, |(_, group)| *group.key == *key.text());
        (&mut group.expect("it is stored").1, &mut self.families)
    }
}
