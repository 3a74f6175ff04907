//! The last pushes of increments to one source, by what tells them from others.

use std::collections::VecDeque;
use std::sync::OnceLock;
use std::time::Duration;

use hashbrown::HashTable;

use crate::aggregate::exact::take;
use crate::rules::PushId;

/// How many pushes of a source are remembered.
pub const REMEMBERED_MAX: usize = 1000;
/// For how long.
pub const REMEMBERED_FOR: Duration = Duration::from_secs(600);

/// The last pushes. A push is found in the same time however many are remembered.
#[derive(Debug, Default, Clone)]
pub struct PushIds {
    /// The oldest first, each with when it was applied, in nanoseconds since 1970.
    list: VecDeque<(u128, u64)>,
    /// The numbers of those in the list, counted on from `first`. Of several pushes with one identifier, the last one.
    numbers: HashTable<u32>,
    /// The number of the oldest one.
    first: u32,
}

impl PushIds {
    /// Whether a push was applied and is remembered.
    pub fn contains(&self, id: PushId, now: u64) -> bool {
        let PushIds { list, numbers, first } = self;
        let of_number = |number: &u32| list[number.wrapping_sub(*first) as usize];
        let found = numbers.find(hash(id.0), |number| of_number(number).0 == id.0);
        found.is_some_and(|number| of_number(number).1 >= oldest(now))
    }

    /// Remembers a push, and forgets what is too old or too many.
    pub fn remember(&mut self, id: PushId, now: u64) {
        self.push(id.0, now);
        let oldest = oldest(now);
        while self.list.len() > REMEMBERED_MAX
            || self.list.front().is_some_and(|(_, at)| *at < oldest)
        {
            self.pop();
        }
    }

    fn push(&mut self, id: u128, at: u64) {
        let PushIds { list, numbers, first } = self;
        let number = first.wrapping_add(list.len() as u32);
        list.push_back((id, at));
        let id_of = |number: &u32| list[number.wrapping_sub(*first) as usize].0;
        match numbers.find_mut(hash(id), |number| id_of(number) == id) {
            Some(known) => *known = number,
            None => {
                numbers.insert_unique(hash(id), number, |number| hash(id_of(number)));
            }
        }
    }

    fn pop(&mut self) {
        let Some((id, _)) = self.list.pop_front() else { return };
        let first = self.first;
        if let Ok(found) = self.numbers.find_entry(hash(id), |number| *number == first) {
            found.remove();
        }
        self.first = first.wrapping_add(1);
    }

    /// How much memory they take.
    pub fn bytes(&self) -> u64 {
        let list = self.list.capacity() * size_of::<(u128, u64)>();
        (list + self.numbers.allocation_size()) as u64
    }

    /// Whether none is remembered.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Appends them as they are stored: u32 how many, and for each u128 and u64.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.list.len() as u32).to_le_bytes());
        for (id, at) in &self.list {
            out.extend_from_slice(&id.to_le_bytes());
            out.extend_from_slice(&at.to_le_bytes());
        }
    }

    /// What was stored.
    pub fn read(mut bytes: &[u8]) -> Option<PushIds> {
        let len = u32::from_le_bytes(take(&mut bytes)?);
        let mut ids = PushIds::default();
        for _ in 0..len {
            let id = u128::from_le_bytes(take(&mut bytes)?);
            ids.push(id, u64::from_le_bytes(take(&mut bytes)?));
        }
        bytes.is_empty().then_some(ids)
    }
}

/// Two are the same if their lists are.
impl PartialEq for PushIds {
    fn eq(&self, other: &PushIds) -> bool {
        self.list == other.list
    }
}

impl Eq for PushIds {}

/// Clients choose identifiers, so the hash has a secret.
fn hash(id: u128) -> u64 {
    static HASHER: OnceLock<ahash::RandomState> = OnceLock::new();
    HASHER.get_or_init(ahash::RandomState::new).hash_one(id)
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
        assert_eq!((ids.list.len(), ids.numbers.len()), (1, 1));
    }

    #[test]
    fn each_push_is_found_that_a_search_of_all_finds_whatever_the_clock_does() {
        let mut random = 3_u64;
        let mut next = move |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) % below
        };
        let minute = 60_000_000_000;
        for first in [0, u32::MAX - 100] {
            let (mut ids, mut now) = (PushIds { first, ..PushIds::default() }, 100 * minute);
            for _ in 0..4000 {
                now = (now + next(minute / 20)).saturating_sub(next(4) / 3 * next(12) * minute / 4);
                let id = PushId(next(1500).into());
                let naive = ids.list.iter().any(|(one, at)| *one == id.0 && *at >= oldest(now));
                assert_eq!(ids.contains(id, now), naive);
                if !naive {
                    ids.remember(id, now);
                }
                let mut stored = Vec::new();
                ids.write(&mut stored);
                assert_eq!(PushIds::read(&stored).as_ref(), Some(&ids));
                assert!(ids.numbers.len() <= ids.list.len() && ids.bytes() > 0);
            }
        }
    }
}
