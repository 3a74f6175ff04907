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
    /// What it counts for.
    pub(super) charge: Charge,
    /// How many lines a scrape of its families has.
    pub(super) samples: u64,
    /// How many bytes those lines are, with the protobuf forms that are kept.
    pub(super) bytes: u64,
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
