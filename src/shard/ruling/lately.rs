//! The groups that have expired in the last hour: for somebody who looks for a group that is gone.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::shard::timestamp::Timestamp;

/// How long an expired group is known.
const KNOWN_WAIT: Duration = Duration::from_secs(3600);
/// How many expired groups are known. Beyond that, the oldest are only counted.
pub const EXPIRED_KEPT_MAX: usize = 1000;
/// How many bytes their grouping keys may take.
const KEYS_BYTES_MAX: usize = 1 << 20;
/// They are counted by the minute in which they expired.
const MINUTE_NANOS: u64 = 60_000_000_000;

/// A group that has expired.
#[derive(Debug, Clone)]
pub struct ExpiredGroup {
    /// The text of the grouping key.
    pub key: Arc<str>,
    /// Whether the key names an empty `instance`, rather than none.
    pub has_empty_instance: bool,
    /// When it was last pushed to.
    pub pushed: Timestamp,
    /// When the gateway deleted it.
    pub expired: Timestamp,
    /// How long after its last push it was due.
    pub after: Duration,
    /// The rule that said so; `None` where the last push asked for it.
    pub rule: Option<u16>,
}

/// The groups that have expired lately. All shards share it.
#[derive(Debug, Default)]
pub struct ExpiredLately {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The oldest first.
    groups: VecDeque<ExpiredGroup>,
    keys_bytes: usize,
    /// How many of those that are only counted have expired in each minute since 1970, the oldest minute first.
    minutes: VecDeque<(u64, u64)>,
}

impl ExpiredLately {
    pub(in crate::shard) fn note(&self, group: ExpiredGroup) {
        let mut known = self.lock();
        known.forget_before(group.expired);
        known.keys_bytes += group.key.len();
        known.groups.push_back(group);
        while known.groups.len() > EXPIRED_KEPT_MAX || known.keys_bytes > KEYS_BYTES_MAX {
            if let Some(oldest) = known.forget_oldest() {
                known.count(oldest.nanos() / MINUTE_NANOS);
            }
        }
    }

    /// How many groups have expired in the hour before `now`.
    pub fn count(&self, now: Timestamp) -> u64 {
        let mut known = self.lock();
        known.forget_before(now);
        known.groups.len() as u64 + known.minutes.iter().map(|(_, count)| count).sum::<u64>()
    }

    /// Those of these groups that are still known, the last one first.
    pub fn groups(&self, now: Timestamp) -> Vec<ExpiredGroup> {
        let mut known = self.lock();
        known.forget_before(now);
        known.groups.iter().rev().cloned().collect()
    }

    /// The last time that the group with this key has expired.
    pub fn find(&self, key: &str, now: Timestamp) -> Option<ExpiredGroup> {
        let mut known = self.lock();
        known.forget_before(now);
        known.groups.iter().rev().find(|group| *group.key == *key).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Forgets what happened more than an hour before `now`.
    fn forget_before(&mut self, now: Timestamp) {
        let first = Timestamp::from_nanos(now.nanos().saturating_sub(KNOWN_WAIT.as_nanos() as u64));
        while self.groups.front().is_some_and(|group| group.expired < first) {
            self.forget_oldest();
        }
        let first = first.nanos() / MINUTE_NANOS;
        while self.minutes.front().is_some_and(|(minute, _)| *minute < first) {
            self.minutes.pop_front();
        }
    }

    /// Forgets the oldest, and answers when it expired.
    fn forget_oldest(&mut self) -> Option<Timestamp> {
        let group = self.groups.pop_front()?;
        self.keys_bytes -= group.key.len();
        Some(group.expired)
    }

    fn count(&mut self, minute: u64) {
        match self.minutes.back_mut().filter(|(last, _)| *last >= minute) {
            Some((_, count)) => *count += 1,
            None => self.minutes.push_back((minute, 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    fn note(lately: &ExpiredLately, key: &str, seconds: u64) {
        lately.note(ExpiredGroup {
            key: Arc::from(key),
            has_empty_instance: false,
            pushed: at(seconds - 10),
            expired: at(seconds),
            after: Duration::from_secs(10),
            rule: Some(1),
        });
    }

    #[test]
    fn an_expired_group_is_known_for_an_hour() {
        let lately = ExpiredLately::default();
        note(&lately, "a", 60_000);
        note(&lately, "b", 60_001);
        note(&lately, "a", 62_000);
        let keys = |now: u64| -> Vec<String> {
            lately.groups(at(now)).iter().map(|group| group.key.to_string()).collect()
        };
        assert_eq!(
            (keys(62_001), lately.count(at(62_001))),
            (vec!["a".into(), "b".into(), "a".into()], 3)
        );
        assert_eq!(lately.find("a", at(62_001)).map(|group| group.expired), Some(at(62_000)));
        assert_eq!((keys(63_601), lately.count(at(63_601))), (vec!["a".into(), "b".into()], 2));
        assert_eq!((keys(63_700), lately.count(at(63_700))), (vec!["a".into()], 1));
        assert!(lately.find("b", at(63_700)).is_none());
        assert_eq!((keys(70_000), lately.count(at(70_000))), (Vec::new(), 0));
        // A clock that was set back breaks nothing.
        note(&lately, "c", 60_000);
        note(&lately, "d", 50_000);
        assert_eq!(lately.count(at(60_000)), 2);
    }

    #[test]
    fn a_million_expired_groups_are_counted_and_take_no_more_than_the_bound() {
        let lately = ExpiredLately::default();
        let long = "x".repeat(4000);
        for group in 0..1_000_000_u64 {
            note(&lately, &long[..if group % 500 == 0 { 4000 } else { 20 }], 60_000 + group / 1000);
        }
        let now = at(61_000);
        assert_eq!((lately.groups(now).len(), lately.count(now)), (EXPIRED_KEPT_MAX, 1_000_000));
        (0..2000).for_each(|_| note(&lately, &long, 61_000));
        let bytes: usize = lately.groups(now).iter().map(|group| group.key.len()).sum();
        assert!(bytes <= KEYS_BYTES_MAX && bytes > KEYS_BYTES_MAX / 2, "{bytes}");
    }
}
