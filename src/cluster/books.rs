//! Which entries hold the last records of which groups, and what of the stream can be given up.
//!
//! Each replica keeps these books, so that a new leader goes on where the last one was. When too much of the stream is
//! dead, the leader has the living groups of its oldest epochs written again, and then purges those epochs. It is the same
//! rule by which `persist::segments` gives up the oldest segments of a file.
//!
//! **Invariant:** only the oldest epochs are purged, so a note about a deleted group stays for as long as an older epoch
//! may hold a record of it. What remains begins with the first part of an epoch that counts.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// More than half as much again as what is living, and this much, is a waste.
const SLACK_BYTES: u64 = 1 << 20;

/// What is where.
#[derive(Debug)]
pub(super) struct Books {
    slack_bytes: u64,
    /// The oldest first.
    epochs: VecDeque<Epoch>,
    locations: HashMap<Arc<str>, Location, ahash::RandomState>,
    bytes: u64,
    living_bytes: u64,
}

#[derive(Debug)]
struct Epoch {
    /// The entry with its first part.
    start: u64,
    /// Its number, by which locations name it.
    number: u64,
    bytes: u64,
    living_bytes: u64,
    /// The groups that it has records of, but those that are to be written again.
    keys: Vec<Arc<str>>,
}

#[derive(Debug, Clone, Copy)]
struct Location {
    epoch: u64,
    bytes: u64,
}

impl Default for Books {
    fn default() -> Books {
        Books::new(SLACK_BYTES)
    }
}

impl Books {
    pub(super) fn new(slack_bytes: u64) -> Books {
        let (epochs, locations) = (VecDeque::new(), HashMap::default());
        Books { slack_bytes, epochs, locations, bytes: 0, living_bytes: 0 }
    }

    /// Whether the stream has a record of the group, and nothing later about it.
    pub(super) fn holds(&self, key: &str) -> bool {
        self.locations.contains_key(key)
    }

    /// How many bytes the stream has, and of them how many in last records.
    pub(super) fn bytes(&self) -> [u64; 2] {
        [self.bytes, self.living_bytes]
    }

    /// The stream has an entry of so many bytes that is of no epoch, or they are of an epoch without being records.
    pub(super) fn write_dead(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        if let Some(last) = self.epochs.back_mut() {
            last.bytes += bytes as u64;
        }
    }

    /// The stream has an epoch, which begins with the entry `start`: of each group the bytes of its record, or that it is
    /// gone.
    pub(super) fn write<'a>(
        &mut self,
        start: u64,
        changes: impl Iterator<Item = (&'a Arc<str>, Option<usize>)>,
    ) {
        let number = self.epochs.back().map_or(0, |last| last.number + 1);
        let mut epoch = Epoch { start, number, bytes: 0, living_bytes: 0, keys: Vec::new() };
        for (key, record_bytes) in changes {
            self.forget(key);
            if let Some(bytes) = record_bytes {
                let bytes = bytes as u64;
                epoch.bytes += bytes;
                epoch.living_bytes += bytes;
                epoch.keys.push(Arc::clone(key));
                self.locations.insert(Arc::clone(key), Location { epoch: number, bytes });
            }
        }
        self.bytes += epoch.bytes;
        self.living_bytes += epoch.living_bytes;
        if epoch.keys.is_empty() && self.epochs.back().is_some_and(|last| last.living_bytes == 0) {
            return; // An empty one that follows a dead one goes with it.
        }
        self.epochs.push_back(epoch);
    }

    fn forget(&mut self, key: &str) {
        if let Some(Location { epoch, bytes }) = self.locations.remove(key) {
            self.living_bytes -= bytes;
            let first = self.epochs.front().map_or(0, |first| first.number);
            if let Some(epoch) = epoch.checked_sub(first).map(|at| at as usize)
                && let Some(epoch) = self.epochs.get_mut(epoch)
            {
                epoch.living_bytes -= bytes;
            }
        }
    }

    /// How many bytes there are too many.
    fn excess_bytes(&self) -> u64 {
        self.bytes.saturating_sub(self.living_bytes + self.living_bytes / 2 + self.slack_bytes)
    }

    /// Groups to be written again, about so many bytes, so that the oldest epochs die. Names each group once.
    pub(super) fn keys_to_write_again(&mut self, bytes_max: u64) -> Vec<Arc<str>> {
        let (mut keys, mut bytes) = (Vec::new(), 0);
        let excess_bytes = self.excess_bytes();
        let Books { epochs, locations, .. } = self;
        let last = epochs.len().saturating_sub(1);
        let mut dying = 0;
        for epoch in epochs.iter_mut().take(last) {
            // More need not die now. What was named before and is still on its way dies too.
            if dying >= excess_bytes + bytes {
                break;
            }
            while bytes < bytes_max
                && let Some(key) = epoch.keys.pop()
            {
                let location = locations.get(&key).filter(|it| it.epoch == epoch.number);
                if let Some(location) = location {
                    bytes += location.bytes;
                    keys.push(key);
                }
            }
            if bytes >= bytes_max {
                break;
            }
            dying += epoch.bytes;
        }
        keys
    }

    /// Forgets the oldest epochs that hold nothing any more, if there is enough of that. Answers up to which entry the stream
    /// can be purged.
    pub(super) fn give_up(&mut self) -> Option<u64> {
        let mut up_to = None;
        while self.excess_bytes() > 0
            && self.epochs.len() > 1
            && self.epochs.front().is_some_and(|epoch| epoch.living_bytes == 0)
            && let Some(epoch) = self.epochs.pop_front()
        {
            self.bytes -= epoch.bytes;
            up_to = self.epochs.front().map(|next| next.start - 1);
        }
        up_to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_stays_in_proportion_to_what_is_stored() {
        let mut books = Books::new(1000);
        let mut random = 7_u64;
        let mut next = move |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) % below
        };
        let mut again = Vec::new();
        let mut living: HashMap<Arc<str>, (u64, usize)> = HashMap::new();
        for sequence in 1..5000 {
            let mut changes: HashMap<Arc<str>, Option<usize>> = HashMap::new();
            for key in std::mem::take(&mut again) {
                changes.insert(Arc::clone(&key), living.get(&key).map(|(_, bytes)| *bytes));
            }
            for _ in 0..next(4) {
                let bytes = (next(9) > 0).then(|| 50 + next(100) as usize);
                changes.insert(format!("{}", next(60)).into(), bytes);
            }
            for (key, bytes) in &changes {
                match bytes {
                    Some(bytes) => living.insert(Arc::clone(key), (sequence, *bytes)),
                    None => living.remove(key),
                };
            }
            books.write(sequence, changes.iter().map(|(key, bytes)| (key, *bytes)));
            books.write_dead(20);
            again = books.keys_to_write_again(500);
            if let Some(up_to) = books.give_up() {
                assert!(living.values().all(|(sequence, _)| *sequence > up_to), "it is needed");
            }
            let stored: usize = living.values().map(|(_, bytes)| bytes).sum();
            let [bytes, living_bytes] = books.bytes();
            assert_eq!(living_bytes, stored as u64);
            assert!(bytes < 3 * living_bytes + 3000, "{bytes} bytes for {living_bytes}");
            assert_eq!(books.locations.len(), living.len());
        }
    }

    #[test]
    fn no_more_is_written_again_than_the_excess_needs() {
        let mut books = Books::new(1000);
        let mut random = 7_u64;
        let mut again: VecDeque<Vec<Arc<str>>> = VecDeque::from([Vec::new(), Vec::new()]);
        let (mut pushed, mut written_again) = (0, 0);
        for sequence in 1..5000 {
            let mut keys = again.pop_front().unwrap_or_default();
            written_again += keys.len();
            for _ in 0..20 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                keys.push(format!("{}", (random >> 33) % 1000).into());
            }
            pushed += 20;
            keys.sort_unstable();
            keys.dedup();
            books.write(sequence, keys.iter().map(|key| (key, Some(100))));
            again.push_back(books.keys_to_write_again(100_000));
            books.give_up();
        }
        assert!(written_again < pushed, "{written_again} written again, {pushed} pushed");
    }
}
