//! Groups that are put in their place as they were elsewhere, with the times of their pushes there.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::push::{Batch, GroupingKey};
use crate::shard::budget::Budget;
use crate::shard::budget::claim::Room;
use crate::shard::error::PushError;
use crate::shard::groups::families::PUSH_FAILURE_TIME_ID;
use crate::shard::groups::group::Group;
use crate::shard::handle::Shards;
use crate::shard::store::Store;
use crate::shard::store::plan::Mode;
use crate::shard::task::message::Message;
use crate::shard::timestamp::Timestamp;

/// The times that a group brings along, and what they are worth beside those of the group in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// When it was last pushed to.
    pub pushed: Timestamp,
    /// When a push to it was last refused.
    pub failed: Timestamp,
    /// Whether a group that was pushed to later, or then but refused a push later, is left alone.
    pub keeps_newer: bool,
}

impl Store {
    /// Replaces the group `key`, whose hash is `hash`, for whom it then counts.
    ///
    /// # Errors
    /// Why it is inconsistent, or that the group there is newer, or that there is no room; then nothing has changed.
    pub fn place(
        &mut self,
        hash: u64,
        key: &GroupingKey,
        batch: &Batch,
        owner: Option<&Arc<Budget>>,
        placement: Placement,
    ) -> Result<(), PushError> {
        self.check_spelling(hash, key)?;
        let Placement { pushed, failed, keeps_newer } = placement;
        let stored = self.groups.find(hash, |(_, group)| *group.key == *key.text());
        let is_newer = |group: &Group| (group.pushed, group.failed) > (pushed, failed);
        if let Some((_, group)) = stored.filter(|(_, group)| keeps_newer && is_newer(group)) {
            return Err(PushError::Newer(group.pushed.max(group.failed)));
        }
        self.update(hash, key, Mode::Replace, batch, owner, Room::Needed, pushed)?;
        let stored = self.groups.find_mut(hash, |(_, group)| *group.key == *key.text());
        let group = &mut stored.expect("it was just stored").1;
        if group.created == Timestamp::NEVER {
            group.created = failed; // No push to it was ever applied.
        }
        group.failed = failed;
        let (id, place) = (PUSH_FAILURE_TIME_ID, group.failure_time);
        group.failure_time = self.families.replace_time(id, &group.key, failed, place);
        Ok(())
    }
}
