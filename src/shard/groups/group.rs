//! One group: what was last pushed under one grouping key.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::aggregate::{PushIds, Sum};
use crate::exposition::write_number;
use crate::push::{GroupingKey, Likeness, Series};
use crate::shard::budget::claim::Charge;
use crate::shard::groups::family::FamilyId;
use crate::shard::groups::rhythm::Rhythm;
use crate::shard::pages::Place;
use crate::shard::pages::part::PartHash;
use crate::shard::ruling::Ruled;
use crate::shard::saving::group_snapshot::SavedRole;
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

/// What a group is to other groups.
#[derive(Debug, Default)]
pub(in crate::shard) enum Role {
    /// Nothing.
    #[default]
    Plain,
    /// It shows what its sources come to.
    Sum(Box<Sum>),
    /// It is a source of a sum.
    Source(Box<SourceOf>),
    /// What was read back of a sum or a source. The shard makes roles of all of them once it has all (`sums/restore`).
    Unread(Box<Unread>),
}

/// What was read back of a sum, or of a source of the sum with that hash.
#[derive(Debug)]
pub(in crate::shard) struct Unread {
    pub(in crate::shard) saved: SavedRole,
    pub(in crate::shard) sum_hash: u64,
}

impl Role {
    pub(in crate::shard) fn is_sum(&self) -> bool {
        match self {
            Role::Sum(_) => true,
            Role::Unread(unread) => matches!(unread.saved, SavedRole::Sum(_)),
            Role::Plain | Role::Source(_) => false,
        }
    }

    /// Whether it is a source that is not shown.
    pub(in crate::shard) fn is_hidden(&self) -> bool {
        match self {
            Role::Source(source) => source.is_hidden,
            Role::Unread(unread) => unread.saved.is_hidden(),
            Role::Plain | Role::Sum(_) => false,
        }
    }
}

/// Of which sum a group is a source.
#[derive(Debug)]
pub(in crate::shard) struct SourceOf {
    pub(in crate::shard) sum: GroupingKey,
    pub(in crate::shard) sum_hash: u64,
    /// Whether it is not shown.
    pub(in crate::shard) is_hidden: bool,
    /// Its last pushes of increments.
    pub(in crate::shard) ids: PushIds,
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
