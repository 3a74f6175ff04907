//! When a shard looks at which group.

use std::collections::BTreeMap;

use crate::shard::timestamp::Timestamp;

/// The number of a group on its shard, never used again.
pub(in crate::shard) type GroupId = u64;

/// The looks in the order of their times, each with the hash of its group.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    looks: BTreeMap<(Timestamp, GroupId), u64>,
    /// Groups that are held until scrapers have had what was pushed at that time.
    held: BTreeMap<(Timestamp, GroupId), u64>,
}

impl Deadlines {
    pub(super) fn insert(&mut self, at: Timestamp, id: GroupId, hash: u64) {
        self.looks.insert((at, id), hash);
    }

    pub(super) fn remove(&mut self, at: Timestamp, id: GroupId) {
        self.looks.remove(&(at, id));
    }

    pub(super) fn hold(&mut self, since: Timestamp, id: GroupId, hash: u64) {
        self.held.insert((since, id), hash);
    }

    pub(super) fn unhold(&mut self, since: Timestamp, id: GroupId) {
        self.held.remove(&(since, id));
    }

    /// Takes out a group whose time has come, or that scrapers have had: its hash and number.
    pub(super) fn pop(&mut self, now: Timestamp, covered: Timestamp) -> Option<(u64, GroupId)> {
        let due = self.looks.first_entry().filter(|entry| entry.key().0 <= now);
        let had = self.held.first_entry().filter(|entry| entry.key().0 < covered);
        let ((_, id), hash) = due.or(had)?.remove_entry();
        Some((hash, id))
    }
}
