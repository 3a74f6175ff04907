//! A scrape split over several scrapers: which groups belong to which part.

use xxhash_rust::xxh3::xxh3_64;

/// What decides the part of a group. The same for the same grouping key on every gateway and every
/// machine, for ever: the scrapers of a fleet rely on it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::shard) struct PartHash(pub(in crate::shard) u32);

impl PartHash {
    /// Of the group with this key, in its canonical spelling.
    pub(in crate::shard) fn of(key: &str) -> PartHash {
        PartHash((xxh3_64(key.as_bytes()) >> 32) as u32)
    }
}

/// One of the parts into which all groups are split. Every group is in exactly one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Part {
    number: u32,
    of: u32,
}

impl Part {
    /// The largest number of parts; no fleet has more scrapers.
    pub const PARTS_MAX: u32 = 1024;

    /// Part `number`, counted from 0, of `of`; `None` where there is no such part.
    pub fn new(number: u32, of: u32) -> Option<Part> {
        (number < of && of <= Part::PARTS_MAX).then_some(Part { number, of })
    }

    /// Whether this is the first part.
    pub fn is_first(self) -> bool {
        self.number == 0
    }

    pub(in crate::shard) fn holds(self, hash: PartHash) -> bool {
        (u64::from(hash.0) * u64::from(self.of)) >> 32 == u64::from(self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_is_in_one_part_and_the_parts_are_about_as_large() {
        for of in [1, 2, 3, 7, 1024] {
            let parts: Vec<Part> = (0..of).filter_map(|number| Part::new(number, of)).collect();
            let mut groups = vec![0; parts.len()];
            for group in 0..10_000 {
                let hash = PartHash::of(&format!("instance=\"node-{group}\",job=\"a\""));
                let holders: Vec<usize> =
                    (0..parts.len()).filter(|&part| parts[part].holds(hash)).collect();
                assert_eq!(holders.len(), 1);
                groups[holders[0]] += 1;
            }
            if of < 10 {
                let fair = 10_000 / of;
                assert!(groups.iter().all(|&groups| groups > fair * 9 / 10), "{groups:?}");
            }
        }
    }

    #[test]
    fn a_group_stays_in_its_part_for_ever() {
        assert_eq!(PartHash::of("instance=\"\",job=\"a\""), PartHash(3_416_856_774));
    }

    #[test]
    fn parts_that_do_not_exist_are_none() {
        assert_eq!(Part::new(0, 0), None);
        assert_eq!(Part::new(3, 3), None);
        assert_eq!(Part::new(0, Part::PARTS_MAX + 1), None);
    }
}
