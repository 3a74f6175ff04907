//! Places a group with the push times that it had elsewhere.

use std::sync::Arc;

use crate::push::{Batch, GroupingKey};
use crate::shard::budget::Budget;
use crate::shard::budget::claim::Room;
use crate::shard::error::PushError;
use crate::shard::groups::group::Group;
use crate::shard::store::Store;
use crate::shard::store::plan::Mode;
use crate::shard::timestamp::Timestamp;

/// The push times of a group to be placed, and what happens if the stored group is newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// When it was last pushed to.
    pub pushed: Timestamp,
    /// When a push to it was last refused.
    pub failed: Timestamp,
    /// Whether a stored group with later times is left alone.
    pub keeps_newer: bool,
}

impl Store {
    /// Replaces the group `key`, whose hash is `hash`. The group then counts for `owner`.
    ///
    /// # Errors
    /// Why the push is inconsistent, that the stored group is newer, or that there is no room. Nothing has changed then.
    pub fn place(
        &mut self,
        hash: u64,
        key: &GroupingKey,
        batch: &Batch,
        owner: Option<&Arc<Budget>>,
        placement: Placement,
    ) -> Result<(), PushError> {
        let at = self.find(hash, key)?;
        self.check_newer(hash, key, placement)?;
        self.update(hash, at, key, Mode::Replace, batch, owner, Room::Needed, placement.pushed)?;
        self.set_placed(hash, key, placement);
        Ok(())
    }

    /// Rejects the placement if the stored group is newer and is to be kept then.
    pub(super) fn check_newer(
        &self,
        hash: u64,
        key: &GroupingKey,
        placement: Placement,
    ) -> Result<(), PushError> {
        let Placement { pushed, failed, keeps_newer } = placement;
        let is_newer = |group: &&Group| (group.pushed, group.failed) > (pushed, failed);
        match self.group(hash, key).filter(is_newer).filter(|_| keeps_newer) {
            Some(group) => Err(PushError::Newer(group.pushed.max(group.failed))),
            None => Ok(()),
        }
    }

    /// Gives a group that has been placed the time of its last failure.
    pub(super) fn set_placed(&mut self, hash: u64, key: &GroupingKey, placement: Placement) {
        let (group, families) = self.stored(hash, key);
        if group.created == Timestamp::NEVER {
            group.created = placement.failed; // No push to it was ever applied.
        }
        families.set_failed(group, placement.failed);
        self.govern(true, hash, key, true);
    }
}
