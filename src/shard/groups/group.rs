//! One group: what was last pushed under one grouping key.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::exposition::write_number;
use crate::push::{Likeness, Series};
use crate::shard::budget::claim::Charge;
use crate::shard::groups::family::FamilyId;
use crate::shard::groups::rhythm::Rhythm;
use crate::shard::groups::role::Role;
use crate::shard::pages::Place;
use crate::shard::pages::part::PartHash;
use crate::shard::ruling::Ruled;
use crate::shard::timestamp::Timestamp;

/// A group as its shard holds it.
#[derive(Debug)]
pub(in crate::shard) struct Group {
    /// The text of the grouping key.
    pub(in crate::shard) key: Arc<str>,
    /// The value of its label `job`, escaped.
    pub(in crate::shard) job: Arc<str>,
    pub(in crate::shard) part: PartHash,
    pub(in crate::shard) has_empty_instance: bool,
    pub(in crate::shard) created: Timestamp,
    pub(in crate::shard) pushed: Timestamp,
    pub(in crate::shard) failed: Timestamp,
    pub(in crate::shard) rhythm: Rhythm,
    pub(in crate::shard) push_time: Place,
    pub(in crate::shard) failure_time: Place,
    pub(in crate::shard) saving: SaveState,
    /// What it counts for.
    pub(in crate::shard) charge: Charge,
    /// How many lines a scrape of its families has.
    pub(in crate::shard) samples: u64,
    /// How many bytes those lines are, with the protobuf forms that are kept.
    pub(in crate::shard) bytes: u64,
    /// What rules make of it, if any applies.
    pub(in crate::shard) ruled: Option<Box<Ruled>>,
    /// What it is to other groups.
    pub(in crate::shard) role: Role,
    /// Sorted by the families' names.
    pub(in crate::shard) families: Vec<Held>,
    /// That of the last push, if the group holds exactly what the push brought.
    pub(in crate::shard) likeness: Option<Likeness>,
}

/// What a group knows of itself being written down.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::shard) struct SaveState {
    /// The epoch in which it has changed since it was last handed over; 0 when it has not.
    pub(in crate::shard) epoch: u64,
    /// Whether an image of it was ever handed over.
    pub(in crate::shard) is_written: bool,
}

impl SaveState {
    /// Of a group that has been read back.
    pub(in crate::shard) const WRITTEN: SaveState = SaveState { epoch: 0, is_written: true };
}

impl Group {
    /// Takes what it holds from now on.
    pub(in crate::shard) fn hold(&mut self, families: Vec<Held>) {
        self.families = families;
        self.likeness = None;
        self.samples = self.families.iter().map(|held| u64::from(held.samples)).sum();
        self.bytes = self.families.iter().map(|held| u64::from(held.bytes)).sum();
    }
}

/// What a group holds of one family.
#[derive(Debug)]
pub(in crate::shard) struct Held {
    pub(in crate::shard) family: FamilyId,
    pub(in crate::shard) samples: u32,
    /// Of its text, and of its protobuf form if that is kept.
    pub(in crate::shard) bytes: u32,
    pub(in crate::shard) place: Place,
    pub(in crate::shard) pushed: Timestamp,
    pub(in crate::shard) help: Option<Arc<str>>,
    pub(in crate::shard) series: SmallVec<[Series; 1]>,
}

/// Writes the one line of a push time.
pub(in crate::shard) fn write_time(out: &mut Vec<u8>, name: &str, key: &str, time: Timestamp) {
    for part in [name, "{", key, "} "] {
        out.extend_from_slice(part.as_bytes());
    }
    write_number(out, time.seconds());
    out.push(b'\n');
}
