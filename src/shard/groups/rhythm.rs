//! How often a group is pushed to: the times between its last pushes.

use std::time::Duration;

use crate::shard::timestamp::Timestamp;

/// How many times between pushes are remembered.
const INTERVALS_KEPT: usize = 8;
/// How many of them have to be known before a group can be late.
const INTERVALS_KNOWN_MIN: usize = 3;
/// A group is late this long after one and a half times its longest interval.
const LATE_SLACK: Duration = Duration::from_secs(30);

/// The times between the last pushes to a group, since the gateway was started.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Rhythm {
    /// In seconds, the newest last; 0 where none is known.
    intervals: [f32; INTERVALS_KEPT],
}

impl Rhythm {
    /// Notes a push that comes after another one.
    pub fn note(&mut self, before: Timestamp, now: Timestamp) {
        if before == Timestamp::NEVER || now <= before {
            return;
        }
        self.intervals.rotate_left(1);
        self.intervals[INTERVALS_KEPT - 1] = ((now.nanos() - before.nanos()) as f64 / 1e9) as f32;
    }

    /// The times between the last pushes, oldest first.
    pub fn intervals(&self) -> Vec<Duration> {
        let known = self.intervals.iter().filter(|seconds| **seconds > 0.0);
        known.map(|seconds| Duration::from_secs_f32(*seconds)).collect()
    }

    /// How old the last push may be before the group is late; `None` while too little is known.
    pub fn late_after(&self) -> Option<Duration> {
        // Without a list: a page asks this of every group.
        let known = self.intervals.iter().filter(|seconds| **seconds > 0.0).count();
        let longest = self.intervals.iter().copied().fold(0.0, f32::max);
        let longest = Duration::from_secs_f32(longest);
        (known >= INTERVALS_KNOWN_MIN).then(|| longest.mul_f32(1.5) + LATE_SLACK)
    }

    /// Whether the next push is late.
    pub fn is_late(&self, pushed: Timestamp, now: Timestamp) -> bool {
        let age = Duration::from_nanos(now.nanos().saturating_sub(pushed.nanos()));
        self.late_after().is_some_and(|after| age > after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn a_group_is_late_once_its_push_is_missing_for_long() {
        let mut rhythm = Rhythm::default();
        rhythm.note(Timestamp::NEVER, at(1000));
        assert!(rhythm.intervals().is_empty() && !rhythm.is_late(at(1000), at(1_000_000)));
        // Hourly, with one of two hours.
        for (before, now) in [(1000, 4600), (4600, 11_800), (11_800, 15_400)] {
            assert_eq!(rhythm.late_after(), None);
            rhythm.note(at(before), at(now));
        }
        assert_eq!(rhythm.late_after(), Some(Duration::from_secs(10_830)));
        assert!(!rhythm.is_late(at(15_400), at(15_400 + 10_830)));
        assert!(rhythm.is_late(at(15_400), at(15_400 + 10_831)));
        rhythm.note(at(15_400), at(15_400)); // A clock that was set back says nothing.
        rhythm.note(at(15_400), at(15_300));
        assert_eq!(rhythm.intervals().len(), 3);
        for step in 0..20 {
            rhythm.note(at(20_000 + step), at(20_001 + step));
        }
        assert_eq!(rhythm.intervals(), [Duration::from_secs(1); INTERVALS_KEPT]);
    }
}
