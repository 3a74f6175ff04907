//! One group: what was last pushed under one grouping key.

use std::sync::Arc;
use std::time::SystemTime;

use smallvec::SmallVec;

use super::budget::Charge;
use super::family::FamilyId;
use super::pages::Place;
use super::part::PartHash;
use super::unsaved::SaveState;
use crate::exposition::write_number;
use crate::push::Series;

/// A moment, in nanoseconds since 1970; zero for never.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Never.
    pub const NEVER: Timestamp = Timestamp(0);

    /// This moment.
    pub fn now() -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    /// So many nanoseconds after 1970.
    pub fn from_nanos(nanos: u64) -> Timestamp {
        Timestamp(nanos)
    }

    /// Nanoseconds since 1970.
    pub fn nanos(self) -> u64 {
        self.0
    }

    /// Seconds since 1970, as the push times are exposed.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

/// A group as its shard holds it.
#[derive(Debug)]
pub(super) struct Group {
    /// The text of the grouping key.
    pub(super) key: Arc<str>,
    /// The value of its label `job`, escaped.
    pub(super) job: Arc<str>,
    pub(super) part: PartHash,
    pub(super) has_empty_instance: bool,
    pub(super) created: Timestamp,
    pub(super) pushed: Timestamp,
    pub(super) failed: Timestamp,
    pub(super) push_time: Place,
    pub(super) failure_time: Place,
    pub(super) saving: SaveState,
    /// How many series and bytes it has, for which it counts.
    pub(super) charge: Charge,
    /// How many lines a scrape of its families has.
    pub(super) samples: u64,
    /// Sorted by the families' names.
    pub(super) families: Vec<Held>,
}

/// What a group holds of one family.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) family: FamilyId,
    pub(super) samples: u32,
    /// Of its text, and of its protobuf form if that is kept.
    pub(super) bytes: u32,
    pub(super) place: Place,
    pub(super) pushed: Timestamp,
    pub(super) help: Option<Arc<str>>,
    pub(super) series: SmallVec<[Series; 1]>,
}

/// Writes the one line of a push time.
pub(super) fn write_time(out: &mut Vec<u8>, name: &str, key: &str, time: Timestamp) {
    for part in [name, "{", key, "} "] {
        out.extend_from_slice(part.as_bytes());
    }
    write_number(out, time.seconds());
    out.push(b'\n');
}
