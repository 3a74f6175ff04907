//! Stores groups that were read back: from the persistence file, or from what another replica has written.

use std::collections::HashSet;
use std::sync::Arc;

use crate::push::{Batch, GroupingKey, Refusal};
use crate::shard::budget::claim::Room;
use crate::shard::error::PushError;
use crate::shard::groups::group::SaveState;
use crate::shard::groups::role::SavedRole;
use crate::shard::groups::role::{Role, Unread};
use crate::shard::saving::group_snapshot::GroupTimes;
use crate::shard::store::Store;
use crate::shard::store::large::SORTED_FROM;
use crate::shard::store::plan::Mode;
use crate::shard::store::views::GroupRef;
use crate::shard::timestamp::Timestamp;

/// Keys of hidden sources.
pub(in crate::shard) type Keys = HashSet<Arc<str>, ahash::RandomState>;

/// A group that was read back from the persistence file.
#[derive(Debug)]
pub struct RestoredGroup {
    /// Its grouping key.
    pub key: GroupingKey,
    /// When things happened to it.
    pub times: GroupTimes,
    /// What was pushed to it.
    pub batch: Batch,
    /// When each family of the batch was pushed.
    pub pushed: Vec<Timestamp>,
    /// What it is to other groups.
    pub role: SavedRole,
}

impl Store {
    /// Stores a group that was read back; `sum_hash` is the hash of its sum. What it is to other groups counts from
    /// `read_roles` on.
    ///
    /// # Errors
    /// When it does not agree with what is stored; then nothing has changed.
    pub fn restore(
        &mut self,
        hash: u64,
        sum_hash: u64,
        restored: &RestoredGroup,
    ) -> Result<(), Refusal> {
        if !restored.role.is_hidden() {
            return self.restore_here(hash, sum_hash, restored);
        }
        let mut hidden = self.hidden.take().unwrap_or_else(|| self.new_hidden());
        let result = hidden.restore_here(hash, sum_hash, restored);
        self.hidden = Some(hidden);
        result
    }

    fn restore_here(
        &mut self,
        hash: u64,
        sum_hash: u64,
        restored: &RestoredGroup,
    ) -> Result<(), Refusal> {
        let RestoredGroup { key, times, batch, pushed, .. } = restored;
        let at = self.find(hash, key)?;
        if let Some(refusal) = batch.repeated_series() {
            return Err(refusal);
        }
        let dirty = self.dirty.take(); // What has been read back need not be written.
        let stored =
            self.update(hash, at, key, Mode::Replace, batch, None, Room::NotNeeded, times.created);
        self.dirty = dirty;
        match stored {
            Err(PushError::Refused(refusal)) => return Err(refusal),
            stored => debug_assert_eq!(stored, Ok(()), "restoring needs no room and no shard"),
        }
        let (group, families) = self.stored(hash, key);
        group.saving = SaveState::WRITTEN;
        group.role = match &restored.role {
            SavedRole::Plain => Role::Plain,
            saved => Role::Unread(Box::new(Unread { saved: saved.clone(), sum_hash })),
        };
        group.created = times.created;
        if let Some(ruled) = &mut group.ruled {
            ruled.asked = None;
        }
        for (held, pushed) in group.families.iter_mut().zip(pushed) {
            held.pushed = *pushed;
            if held.series.len() >= SORTED_FROM {
                held.series.sort_unstable();
            }
        }
        families.set_pushed(group, times.pushed);
        families.set_failed(group, times.failed);
        if let Some(expire) = times.asked {
            self.asks(hash, key, expire);
        }
        self.govern(true, hash, key, false);
        Ok(())
    }

    /// Forgets groups of which another replica says that they are gone: listed ones, and hidden sources by their keys. That
    /// need not be written down.
    pub(in crate::shard) fn forget_replayed(&mut self, groups: &[GroupRef], hidden: &Keys) {
        let dirty = self.dirty.take();
        self.delete_listed_here(groups);
        self.dirty = dirty;
        let Some(store) = self.hidden.as_mut().filter(|_| !hidden.is_empty()) else { return };
        let groups = store.of_keys(hidden);
        store.forget_replayed(&groups, &Keys::default());
    }

    /// Has these groups written down again, as far as they are there.
    pub(in crate::shard) fn touch(&mut self, touched: &[GroupRef], hidden: &Keys) {
        if let Some(store) = self.hidden.as_mut().filter(|_| !hidden.is_empty()) {
            let groups = store.of_keys(hidden);
            store.touch(&groups, &Keys::default());
        }
        let Store { groups, families, dirty, .. } = self;
        let Some(dirty) = dirty else { return };
        for of in touched {
            let found = groups.find_mut(of.hash, |(_, group)| *group.key == *of.key);
            if let Some((hash, group)) = found {
                dirty.changes(*hash, group, families);
            }
        }
    }

    /// The groups of some keys. The hash of a source depends on its sum, which its key alone does not tell.
    fn of_keys(&self, keys: &Keys) -> Vec<GroupRef> {
        let groups = self.groups.iter().filter(|(_, group)| keys.contains(&group.key));
        groups.map(|(hash, group)| GroupRef { key: Arc::clone(&group.key), hash: *hash }).collect()
    }
}
