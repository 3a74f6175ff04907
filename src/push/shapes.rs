//! The shapes that bodies had lately, as each thread remembers them.

use std::cell::RefCell;

use memchr::memchr;
use xxhash_rust::xxh3::xxh3_64;

use super::batch::Batch;
use super::grouping_key::GroupingKey;
use super::rules::Rules;
use super::shape::Shape;

/// How many shapes a thread remembers,
const SHAPES_LEN: usize = 32;
/// of bodies of at most so many bytes.
const SHAPE_BODY_BYTES_MAX: usize = 16 << 10;
/// A body that comes to more than this is decoded anew, by what counts the memory that it takes.
const SHAPE_RENDERED_BYTES_MAX: usize = 128 << 10;
/// A shape is made once two bodies in a row may have had it, and forgotten after so many in a row that did not.
const MISSES_MAX: u32 = 64;

/// The place of all bodies that begin alike.
#[derive(Debug, Default)]
struct Slot {
    beginning: u64,
    shape: Option<Box<Shape>>,
    /// How many bodies in a row came here and were of another shape.
    misses: u32,
}

thread_local! {
    static SLOTS: RefCell<[Slot; SHAPES_LEN]> = RefCell::default();
}

/// How a body begins, which says where its shape is remembered.
#[derive(Clone, Copy)]
pub(super) struct Beginning(u64);

impl Beginning {
    /// A hash of the first line, up to the last blank in that of a sample, so that no value is in it. `None` for a body
    /// that is too large to be remembered.
    pub(super) fn of(body: &[u8]) -> Option<Beginning> {
        if body.len() > SHAPE_BODY_BYTES_MAX {
            return None;
        }
        let line = &body[..memchr(b'\n', body).unwrap_or(body.len())];
        let is_comment = line.first() == Some(&b'#');
        let end = if is_comment { None } else { line.iter().rposition(|&byte| byte == b' ') };
        Some(Beginning(xxh3_64(&line[..end.unwrap_or(line.len())])))
    }

    /// What a body that begins so comes to if it is of the shape remembered.
    pub(super) fn recall(self, key: &GroupingKey, body: &[u8], rules: Rules) -> Option<Batch> {
        self.with_slot(|slot| {
            if slot.beginning != self.0 {
                return None;
            }
            let shape = slot
                .shape
                .as_ref()
                .filter(|shape| shape.bytes_max(key, body) <= SHAPE_RENDERED_BYTES_MAX)?;
            let batch = shape.decode(key, body, rules)?;
            slot.misses = 0;
            Some(batch)
        })
    }

    /// Notes a body that begins so and was decoded otherwise, and perhaps remembers its shape.
    pub(super) fn remember(self, key: &GroupingKey, body: &[u8], rules: Rules, batch: &Batch) {
        if batch.bytes() > SHAPE_RENDERED_BYTES_MAX {
            return;
        }
        self.with_slot(|slot| {
            slot.misses += 1;
            let is_alike = slot.beginning == self.0;
            if slot.misses > MISSES_MAX || (slot.shape.is_none() && !is_alike) {
                *slot = Slot { beginning: self.0, shape: None, misses: 0 };
            } else if is_alike && slot.shape.is_none() && slot.misses == 1 {
                slot.shape = Shape::of(key, body, rules, batch).map(Box::new);
            }
        });
    }

    fn with_slot<T>(self, use_it: impl FnOnce(&mut Slot) -> T) -> T {
        SLOTS.with_borrow_mut(|slots| use_it(&mut slots[self.0 as usize % SHAPES_LEN]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::NameRules;
    use crate::push::decode::{decode, decode_anew};

    const RULES: NameRules = NameRules::Legacy;

    fn recall(key: &GroupingKey, body: &[u8], rules: Rules) -> Option<Batch> {
        Beginning::of(body)?.recall(key, body, rules)
    }

    fn key(path: &str) -> GroupingKey {
        GroupingKey::parse(path.as_bytes(), RULES).expect("a valid path")
    }

    fn told(batch: &Batch) -> String {
        let families = batch.families.iter().map(|family| {
            let (name, help) = (batch.name(family), batch.help(family));
            let text = String::from_utf8_lossy(batch.text(family));
            let samples = (family.samples, family.has_quoted_names);
            format!(
                "{name} {help} {:?} {samples:?}\n{text}{:?}\n",
                family.kind,
                batch.series(family)
            )
        });
        families.collect()
    }

    /// Whether a body like `body` is recalled once it has been seen with other values and another group.
    fn is_recalled(seen: &str, path: &str, body: &str) -> bool {
        SLOTS.with_borrow_mut(|slots| *slots = Default::default());
        for _ in 0..2 {
            let _shown = decode(&key("/other/instance/o"), seen.as_bytes(), RULES);
        }
        let recalled = recall(&key(path), body.as_bytes(), RULES.into());
        if let Some(recalled) = &recalled {
            let anew = decode_anew(&key(path), body.as_bytes(), RULES.into()).expect("it is right");
            assert_eq!(told(recalled), told(&anew), "{body}");
        }
        recalled.is_some()
    }

    const SEEN: &str = "# HELP a Help.\n# TYPE a gauge\na 1\n# TYPE h histogram\nh_bucket{le=\"1.0\",z=\"\"} 1\n\
        h_sum{z=\"\"} 2\nh_count{z=\"\"} 3\n# TYPE b counter\nb{x=\"1\"} 4\nb{code=\"2\",interface=\"e\"} 5\n";

    #[test]
    fn values_and_groups_may_differ_and_nothing_else() {
        for (from, to) in [
            ("a 1", "a 2.50"),
            ("a 1", "a -1e3"),
            ("2\nh_count", "nan\nh_count"),
            ("} 3", "} +Inf"),
        ] {
            let body = SEEN.replacen(from, to, 1);
            // A negative value might be a count.
            assert_eq!(is_recalled(SEEN, "/j/instance/a%2C%22", &body), !to.contains('-'), "{to}");
        }
        assert!(is_recalled(SEEN, "/j/instance@base64/=", SEEN));
        let without = "samples keep an instance of their own";
        assert!(!is_recalled(SEEN, "/j", SEEN), "{without}");
        let own = "a{instance=\"own\"} 1\n";
        assert!(!is_recalled(own, "/j", own), "{without}");
        assert!(!is_recalled(SEEN, "/j/instance/i/zone/z", SEEN));
        for (from, to) in [
            ("a 1", "a x"),
            ("a 1", "a 1 2"),
            ("a 1", "a  1"),
            ("Help.", "Held."),
            ("x=\"1\"", "x=\"2\""),
            ("} 3", "} -3"),
            ("5\n", "5"),
            ("5\n", "5\nc 1\n"),
            ("b{x=\"1\"} 4\n", ""),
        ] {
            assert!(!is_recalled(SEEN, "/j/instance/i", &SEEN.replacen(from, to, 1)), "{to}");
        }
    }

    #[test]
    fn what_cannot_be_told_from_values_is_not_remembered() {
        for seen in [
            "# TYPE s summary\ns_sum 1\n",
            "# TYPE push_time_seconds summary\npush_time_seconds_count 1\na 1\n",
            "a 1\r\n",
            "a 1",
            "# nothing\n",
            "# TYPE h histogram\nh_bucket 1\nh_count 1\n",
        ] {
            assert!(!is_recalled(seen, "/other/instance/o", seen), "{seen}");
        }
        assert!(is_recalled("a{instance=\"own\"} 1\n", "/j/instance/i", "a{instance=\"own\"} 2\n"));
    }

    #[test]
    fn the_samples_of_a_family_may_stand_apart() {
        let seen = "a{x=\"1\"} 1\nb 2\na{x=\"2\"} 3\n";
        assert!(is_recalled(seen, "/j/instance/i", &seen.replace('3', "4")));
    }

    #[test]
    fn shapes_give_way_to_others() {
        assert!(is_recalled("a{x=\"1\"} 1\n", "/j/instance/i", "a{x=\"1\"} 2\n"));
        // They begin alike, as far as a name goes.
        let other = "# HELP a Help.\na 1\n";
        let another = "# HELP a Help.\na 1\nb 1\n";
        assert!(is_recalled(other, "/j/instance/i", other));
        for _ in 0..MISSES_MAX + 3 {
            assert!(decode(&key("/j/instance/i"), another.as_bytes(), RULES).is_ok());
        }
        assert!(recall(&key("/j/instance/i"), another.as_bytes(), RULES.into()).is_some());
        assert!(recall(&key("/j/instance/i"), other.as_bytes(), RULES.into()).is_none());
    }
}
