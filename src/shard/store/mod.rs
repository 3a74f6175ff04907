//! What one shard holds. Plain and synchronous; its task is its only caller.

pub(super) mod check;
#[cfg(test)]
mod counted;
pub(super) mod delete;
pub(super) mod place;
pub(super) mod plan;
pub(super) mod restore;
pub(super) mod selected_jobs;
pub(super) mod snapshot;
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
use crate::shard::groups::families::{Families, PUSH_FAILURE_TIME_ID};
use crate::shard::groups::group::Group;
use crate::shard::groups::jobs::Jobs;
use crate::shard::index::Index;
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
    /// What all groups of the gateway may come to; `None` when nothing bounds that.
    pub(in crate::shard) budget: Option<Arc<Budget>>,
    /// How large a group may become.
    pub(in crate::shard) group_bytes_max: u64,
    /// What the groups count for, without what they share.
    pub(in crate::shard) group_bytes: u64,
    /// What is to be written down; `None` when nothing ever is.
    pub(in crate::shard) dirty: Option<DirtyGroups>,
}

impl Store {
    /// An empty store. `index` has the push times reserved; `write` writes groups down, if somebody is
    /// to ask for them.
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

    /// How many series the groups hold, their push times included.
    pub fn series(&self) -> u64 {
        self.families.series + 2 * self.groups()
    }

    /// How many lines a scrape of the groups has, their push times included.
    pub fn samples(&self) -> u64 {
        self.families.samples + 2 * self.groups()
    }

    /// What all that is stored counts for in bytes.
    pub fn bytes(&self) -> u64 {
        self.group_bytes + self.families.shared.bytes
    }

    /// Applies a push to the group `key`, whose hash is `hash`, for whom it then counts.
    ///
    /// # Errors
    /// Why the push is inconsistent; then only the group's failure time has changed. When there is no room for
    /// it nothing has.
    pub fn push(
        &mut self,
        hash: u64,
        key: &GroupingKey,
        mode: Mode,
        batch: &Batch,
        owner: Option<&Arc<Budget>>,
        now: Timestamp,
    ) -> Result<(), PushError> {
        self.check_spelling(hash, key)?;
        let updated = self.update(hash, key, mode, batch, owner, Room::Needed, now);
        if let Err(PushError::Refused(_)) = updated {
            self.fail(hash, key, owner, now);
        }
        updated
    }

    /// Notes that a push to the group was refused, making the group if there is none and there is room for it.
    pub fn fail(
        &mut self,
        hash: u64,
        key: &GroupingKey,
        owner: Option<&Arc<Budget>>,
        now: Timestamp,
    ) {
        if self.check_spelling(hash, key).is_err() {
            return;
        }
        let Store { groups, jobs, families, dirty, budget, group_bytes, .. } = self;
        let is_stored = groups.find(hash, |(_, group)| *group.key == *key.text()).is_some();
        let claim = if is_stored {
            None
        } else {
            let (usage, shared) = (Usage::of_empty_group(key), SharedChange::default());
            let claim = Claim::new(budget.as_ref(), owner, None, usage, shared, Room::Needed);
            let Ok(claim) = claim else { return };
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
        group.failed = now;
        let (id, place) = (PUSH_FAILURE_TIME_ID, group.failure_time);
        group.failure_time = families.replace_time(id, &group.key, now, place);
    }

    /// How many groups are to be written down, and since when the first of them; never when none is, or
    /// all have been pending.
    pub fn dirty(&self) -> (usize, Timestamp) {
        self.dirty
            .as_ref()
            .map_or((0, Timestamp::NEVER), |dirty| (dirty.len(), dirty.since()))
    }

    /// Promises to hand over all groups that are not written down, as they are now. What was
    /// pending before has been handed over.
    pub fn checkpoint(&mut self) {
        if let Some(dirty) = &mut self.dirty {
            dirty.checkpoint();
        }
    }

    /// Hands over some of the groups pending, until their snapshots exceed `bytes_max`.
    pub fn hand_over(&mut self, bytes_max: usize) -> Changes {
        let Store { groups, families, dirty, .. } = self;
        let dirty = dirty.as_mut();
        dirty.map(|dirty| dirty.hand_over(bytes_max, groups, families)).unwrap_or_default()
    }

    /// A group that is stored under a key which differs in labels with an empty value stands in the way of this one:
    /// to Prometheus both would expose the same push times. A hash is one of the identity that both share.
    pub(in crate::shard) fn check_spelling(
        &self,
        hash: u64,
        key: &GroupingKey,
    ) -> Result<(), Refusal> {
        let stored = self.groups.find(hash, |(_, group)| key.shares_identity(&group.key));
        let is_other = |group: &Group| {
            group.has_empty_instance != key.has_empty_instance() || *group.key != *key.text()
        };
        if stored.is_some_and(|(_, group)| is_other(group)) {
            return Err(Refusal::OtherSpelling);
        }
        Ok(())
    }
}
