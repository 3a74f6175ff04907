//! Groups that are put in their place as they were elsewhere, with the times of their pushes there.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::budget::{Budget, Room};
use super::families::PUSH_FAILURE_TIME_ID;
use super::group::{Group, Timestamp};
use super::handle::Shards;
use super::plan::Mode;
use super::store::Store;
use super::task::Message;
use super::waiter::PushError;
use crate::push::{Batch, GroupingKey};

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

/// What a shard is asked to put in its place.
#[derive(Debug)]
pub(super) struct Placing {
    pub(super) hash: u64,
    pub(super) key: GroupingKey,
    pub(super) batch: Batch,
    pub(super) owner: Option<Arc<Budget>>,
    pub(super) placement: Placement,
    pub(super) reply: oneshot::Sender<Result<(), PushError>>,
}

impl Shards {
    /// Replaces a group by one that was pushed elsewhere, and waits for it. It then counts for `owner`.
    ///
    /// # Errors
    /// Why it was not done; then nothing has changed.
    pub async fn place(
        &self,
        key: GroupingKey,
        batch: Batch,
        owner: Option<Arc<Budget>>,
        placement: Placement,
    ) -> Result<(), PushError> {
        let (reply, answer) = oneshot::channel();
        let hash = self.hash(&key);
        let placing = Placing { hash, key, batch, owner, placement, reply };
        self.send(hash, Message::Place(Box::new(placing))).await?;
        self.settled(answer).await?
    }
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
