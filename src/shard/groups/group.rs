//! One group: what was last pushed under one grouping key.

use std::sync::Arc;
use std::time::SystemTime;

use smallvec::SmallVec;

use crate::exposition::write_number;
use crate::push::Series;
use crate::shard::budget::Charge;
use crate::shard::groups::family::FamilyId;
use crate::shard::pages::Place;
use crate::shard::pages::part::PartHash;
use crate::shard::saving::dirty_groups::SaveState;

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

    /// So many seconds after 1970; `None` where that is no moment. What [`Timestamp::seconds`] says of a moment
    /// becomes one of which it says the same.
    pub fn from_seconds(seconds: f64) -> Option<Timestamp> {
        if !(0.0..u64::MAX as f64 / 1e9).contains(&seconds) {
            return None;
        }
        // Each by itself, since their sum has more digits than a float.
        let (whole, part) = (seconds.trunc() as u64, (seconds.fract() * 1e9).round() as u64);
        Some(Timestamp(whole * 1_000_000_000 + part))
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
    pub(in crate::shard) push_time: Place,
    pub(in crate::shard) failure_time: Place,
    pub(in crate::shard) saving: SaveState,
    /// What it counts for.
    pub(in crate::shard) charge: Charge,
    /// How many lines a scrape of its families has.
    pub(in crate::shard) samples: u64,
    /// How many bytes those lines are, with the protobuf forms that are kept.
    pub(in crate::shard) bytes: u64,
    /// Sorted by the families' names.
    pub(in crate::shard) families: Vec<Held>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_lead_to_a_moment_that_says_the_same() {
        let mut nanos = 1_700_000_000_000_000_000_u64;
        for step in 0..100_000 {
            nanos += 7_654_321_987 + step;
            let seconds = Timestamp(nanos).seconds();
            assert_eq!(Timestamp::from_seconds(seconds).map(Timestamp::seconds), Some(seconds));
        }
        assert_eq!(Timestamp::from_seconds(0.0), Some(Timestamp::NEVER));
        assert_eq!(Timestamp::from_seconds(-0.0), Some(Timestamp::NEVER));
        assert_eq!(Timestamp::from_seconds(1.5), Some(Timestamp(1_500_000_000)));
        assert_eq!(
            Timestamp::from_seconds(1.75e9 + 0.25),
            Some(Timestamp(1_750_000_000_250_000_000))
        );
        for nonsense in [-1e-9, f64::NAN, f64::INFINITY, 1e11] {
            assert_eq!(Timestamp::from_seconds(nonsense), None, "{nonsense}");
        }
    }
}
