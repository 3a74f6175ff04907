//! Storing groups again that were read from the disk.

use crate::push::{Batch, GroupingKey, Refusal};
use crate::shard::budget::claim::Room;
use crate::shard::error::PushError;
use crate::shard::groups::families::{PUSH_FAILURE_TIME_ID, PUSH_TIME_ID};
use crate::shard::groups::group::SaveState;
use crate::shard::saving::group_snapshot::GroupTimes;
use crate::shard::store::Store;
use crate::shard::store::plan::Mode;
use crate::shard::timestamp::Timestamp;

/// A group that was written down, to be stored again as it was.
#[derive(Debug)]
pub struct RestoredGroup {
    /// What it is called.
    pub key: GroupingKey,
    /// When things happened to it.
    pub times: GroupTimes,
    /// What was pushed to it.
    pub batch: Batch,
    /// When each family of the batch was pushed.
    pub pushed: Vec<Timestamp>,
}

impl Store {
    /// Stores a group as it once was.
    ///
    /// # Errors
    /// When it does not agree with what is stored; then nothing has changed.
    pub fn restore(&mut self, hash: u64, restored: &RestoredGroup) -> Result<(), Refusal> {
        let RestoredGroup { key, times, batch, pushed } = restored;
        self.check_spelling(hash, key)?;
        if let Some(refusal) = batch.repeated_series() {
            return Err(refusal);
        }
        let dirty = self.dirty.take(); // What has been read back need not be written.
        let stored =
            self.update(hash, key, Mode::Replace, batch, None, Room::NotNeeded, times.created);
        self.dirty = dirty;
        match stored {
            Err(PushError::Refused(refusal)) => return Err(refusal),
            stored => debug_assert_eq!(stored, Ok(()), "restoring needs no room and no shard"),
        }
        let Store { groups, families, .. } = self;
        let stored = groups.find_mut(hash, |(_, group)| *group.key == *key.text());
        let group = &mut stored.expect("it was just stored").1;
        group.saving = SaveState::WRITTEN;
        for (held, pushed) in group.families.iter_mut().zip(pushed) {
            held.pushed = *pushed;
        }
        (group.pushed, group.failed) = (times.pushed, times.failed);
        let place = group.push_time;
        group.push_time = families.replace_time(PUSH_TIME_ID, &group.key, times.pushed, place);
        let (id, place) = (PUSH_FAILURE_TIME_ID, group.failure_time);
        group.failure_time = families.replace_time(id, &group.key, times.failed, place);
        Ok(())
    }
}
