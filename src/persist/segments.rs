//! Segments: which records are the last ones of their groups, and where they are.
//!
//! A segment holds many records and is never changed. The new record of a group goes into a new segment, and a
//! deleted group leaves a note there. The older record is dead then. When too much is dead, the oldest segments are given up:
//! their living records move to the newest segment. So a commit costs what has changed, and the file stays in proportion to
//! what is stored.
//!
//! **Invariant:** a note about a deleted group stays for as long as an older segment may hold a record of the group.
//! Therefore segments are given up from the oldest on.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// More than half as much again as what is living, and this much, is a waste.
const SLACK_BYTES: u64 = 1 << 20;

/// What is where. Numbers of segments grow with time.
#[derive(Debug, Default)]
pub(super) struct Segments {
    by_number: BTreeMap<u64, Segment>,
    locations: HashMap<Arc<str>, Location, ahash::RandomState>,
    bytes: u64,
    living_bytes: u64,
}

#[derive(Debug, Default, Clone, Copy)]
struct Segment {
    bytes: u64,
    living_bytes: u64,
}

/// Where the last record of a group is.
#[derive(Debug, Clone, Copy)]
struct Location {
    segment: u64,
    bytes: u64,
}

impl Segments {
    /// The number for the next segment.
    pub(super) fn next(&self) -> u64 {
        self.by_number.last_key_value().map_or(0, |(last, _)| last + 1)
    }

    /// Whether the last record of the group is known.
    pub(super) fn holds(&self, key: &str) -> bool {
        self.locations.contains_key(key)
    }

    /// Whether the last record of the group is in that segment.
    pub(super) fn is_last(&self, key: &str, segment: u64) -> bool {
        self.locations.get(key).is_some_and(|location| location.segment == segment)
    }

    /// A segment has a record of so many bytes, the last of its group.
    pub(super) fn write(&mut self, segment: u64, key: Arc<str>, bytes: usize) {
        self.forget(&key);
        let bytes = bytes as u64;
        let entry = self.by_number.entry(segment).or_default();
        entry.bytes += bytes;
        entry.living_bytes += bytes;
        self.bytes += bytes;
        self.living_bytes += bytes;
        self.locations.insert(key, Location { segment, bytes });
    }

    /// A segment has something of so many bytes that is no last record.
    pub(super) fn write_dead(&mut self, segment: u64, bytes: usize) {
        self.by_number.entry(segment).or_default().bytes += bytes as u64;
        self.bytes += bytes as u64;
    }

    /// The group is gone: its last record, wherever that is, is dead.
    pub(super) fn forget(&mut self, key: &str) {
        if let Some(Location { segment, bytes }) = self.locations.remove(key) {
            self.living_bytes -= bytes;
            if let Some(entry) = self.by_number.get_mut(&segment) {
                entry.living_bytes -= bytes;
            }
        }
    }

    /// The oldest segment, if so much is dead that it should be given up, and how many bytes it has, of
    /// them living.
    pub(super) fn to_give_up(&self) -> Option<(u64, [u64; 2])> {
        let is_wasteful = self.bytes > self.living_bytes + self.living_bytes / 2 + SLACK_BYTES;
        let (number, segment) = self.by_number.first_key_value().filter(|_| is_wasteful)?;
        Some((*number, [segment.bytes, segment.living_bytes]))
    }

    /// A segment is no more. What was living in it has been written elsewhere: answers whether that is so, and changes
    /// nothing if it is not.
    pub(super) fn give_up(&mut self, number: u64) -> bool {
        if self.by_number.get(&number).is_some_and(|segment| segment.living_bytes > 0) {
            return false;
        }
        self.bytes -= self.by_number.remove(&number).map_or(0, |segment| segment.bytes);
        true
    }

    /// How many bytes of last records there are.
    #[cfg(test)]
    pub(super) fn living_bytes(&self) -> u64 {
        self.living_bytes
    }
}
