//! The last pushes of increments to one source, by what tells them from others.

use std::collections::VecDeque;
use std::time::Duration;

use crate::aggregate::exact::take;
use crate::rules::PushId;

/// How many pushes of a source are remembered.
pub const REMEMBERED_MAX: usize = 1000;
/// For how long.
pub const REMEMBERED_FOR: Duration = Duration::from_secs(600);

/// The last pushes, the oldest first, each with when it was applied, in nanoseconds since 1970.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct PushIds(VecDeque<(u128, u64)>);

impl PushIds {
    /// Whether a push was applied and is remembered.
    pub fn contains(&self, id: PushId, now: u64) -> bool {
        let oldest = oldest(now);
        self.0.iter().any(|(one, at)| *one == id.0 && *at >= oldest)
    }

    /// Remembers a push, and forgets what is too old or too many.
    pub fn remember(&mut self, id: PushId, now: u64) {
        self.0.push_back((id.0, now));
        let oldest = oldest(now);
        while self.0.len() > REMEMBERED_MAX || self.0.front().is_some_and(|(_, at)| *at < oldest) {
            self.0.pop_front();
        }
    }

    /// How much memory they take.
    pub fn bytes(&self) -> u64 {
        (self.0.capacity() * size_of::<(u128, u64)>()) as u64
    }

    /// Whether none is remembered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends them as they are stored: u32 how many, and for each u128 and u64.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.0.len() as u32).to_le_bytes());
        for (id, at) in &self.0 {
            out.extend_from_slice(&id.to_le_bytes());
            out.extend_from_slice(&at.to_le_bytes());
        }
    }

    /// What was stored.
    pub fn read(mut bytes: &[u8]) -> Option<PushIds> {
        let len = u32::from_le_bytes(take(&mut bytes)?);
        let mut ids = VecDeque::new();
        for _ in 0..len {
            let id = u128::from_le_bytes(take(&mut bytes)?);
            ids.push_back((id, u64::from_le_bytes(take(&mut bytes)?)));
        }
        bytes.is_empty().then_some(PushIds(ids))
    }
}

fn oldest(now: u64) -> u64 {
    now.saturating_sub(REMEMBERED_FOR.as_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_pushes_of_ten_minutes_are_remembered() {
        let second = 1_000_000_000;
        let mut ids = PushIds::default();
        for at in 0..1500 {
            assert!(!ids.contains(PushId(at), second));
            ids.remember(PushId(at), second);
        }
        let known =
            |ids: &PushIds, now| (0..1500).filter(|at| ids.contains(PushId(*at), now)).count();
        assert_eq!((known(&ids, second), known(&ids, 601 * second)), (1000, 1000));
        assert!(ids.contains(PushId(500), second) && !ids.contains(PushId(499), second));
        let mut stored = Vec::new();
        ids.write(&mut stored);
        assert_eq!(PushIds::read(&stored).as_ref(), Some(&ids));
        assert_eq!(PushIds::read(&stored[1..]), None);
        assert_eq!(known(&ids, 602 * second), 0);
        ids.remember(PushId(7), 602 * second);
        assert_eq!(ids.0.len(), 1);
    }
}
