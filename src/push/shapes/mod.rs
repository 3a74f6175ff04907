//! The shapes that bodies had lately, as each thread remembers them.
//!
//! Start with [`decode`]. A body of text is looked up by how many lines it has and what three of them are, one
//! of protobuf by the names and lengths of its families. A fleet of many kinds of jobs has a shape for each kind, though all of them
//! begin with the same lines of their client library.
//!
//! `shape` is what a body comes to, and `apart` how its values are found.

mod apart;
mod format;
mod protobuf;
mod shape;

use std::cell::RefCell;
use std::collections::HashMap;

use memchr::{memchr, memchr_iter, memrchr, memrchr_iter};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use self::format::Format;
use self::shape::Shape;
use crate::push::allowance::Allowance;
use crate::push::batch::Batch;
use crate::push::error::Rejected;
use crate::push::key::GroupingKey;
use crate::push::protobuf::decode_protobuf_anew;
use crate::push::rules::Rules;
use crate::push::text::decode_anew;

/// How many shapes, and outlines of bodies that have none yet, a thread remembers,
const SHAPES_LEN: usize = 2048;
/// and how many bytes of memory the shapes take, about.
const SHAPES_BYTES_MAX: usize = 8 << 20;
/// Bodies of more bytes have no shape.
const SHAPE_BODY_BYTES_MAX: usize = 16 << 10;
/// A body that comes to more than this is decoded anew, by what counts the memory that it takes.
const SHAPE_RENDERED_BYTES_MAX: usize = 128 << 10;
/// A shape is made for the second body with the same outline, and forgotten after so many in a row that did not fit.
const MISSES_MAX: u32 = 64;

/// What is remembered of bodies with the same outline.
#[derive(Debug, Default)]
struct Slot {
    shape: Option<Box<Shape>>,
    /// How many bodies in a row came here and were of another shape.
    misses: u32,
}

#[derive(Default)]
struct Slots {
    by_outline: HashMap<Outline, Slot, ahash::RandomState>,
    shapes_bytes: usize,
}

thread_local! {
    static SLOTS: RefCell<Slots> = RefCell::default();
}

/// What says quickly that two bodies may have the same shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Outline(u64);

/// Decodes a body in the text format 0.0.4, pushed to the group `key`. `rules` say which names
/// and labels are valid; any name may be quoted.
///
/// # Errors
/// [`Rejected::Syntax`] for the first line that cannot be read; [`Rejected::Refused`] when all of it
/// reads, but it contradicts itself or carries timestamps.
pub fn decode(key: &GroupingKey, body: &[u8], rules: impl Into<Rules>) -> Result<Batch, Rejected> {
    decode_within(key, body, rules.into(), Allowance::unlimited())
}

/// The same within an allowance.
///
/// # Errors
/// Those of [`decode`], and [`Rejected::TooLarge`] and [`Rejected::NoRoom`] where the allowance does not suffice.
pub fn decode_within(
    key: &GroupingKey,
    body: &[u8],
    rules: Rules,
    allowance: Allowance<'_>,
) -> Result<Batch, Rejected> {
    remembered(key, Format::Text, body, rules, || decode_anew(key, body, rules, allowance))
}

/// Decodes a body of delimited protobuf, pushed to the group `key`.
///
/// # Errors
/// [`Rejected::Syntax`] for the first message that is malformed; [`Rejected::Refused`] when all are
/// well-formed, but what they say contradicts itself or could not be exposed.
pub fn decode_protobuf(
    key: &GroupingKey,
    body: &[u8],
    rules: impl Into<Rules>,
) -> Result<Batch, Rejected> {
    decode_protobuf_within(key, body, rules.into(), Allowance::unlimited())
}

/// The same within an allowance.
///
/// # Errors
/// Those of [`decode_protobuf`], and [`Rejected::TooLarge`] and [`Rejected::NoRoom`] where the allowance does not suffice.
pub fn decode_protobuf_within(
    key: &GroupingKey,
    body: &[u8],
    rules: Rules,
    allowance: Allowance<'_>,
) -> Result<Batch, Rejected> {
    remembered(key, Format::Protobuf, body, rules, || {
        decode_protobuf_anew(key, body, rules, allowance)
    })
}

/// What a body comes to: by its shape if that is remembered, else by `decode`. Then its shape may be remembered.
#[inline]
fn remembered(
    key: &GroupingKey,
    format: Format,
    body: &[u8],
    rules: Rules,
    decode: impl FnOnce() -> Result<Batch, Rejected>,
) -> Result<Batch, Rejected> {
    let outline = Outline::of(format, body);
    if let Some(batch) = outline.and_then(|outline| outline.recall(key, body, rules)) {
        return Ok(batch);
    }
    let decoded = decode();
    if let (Some(outline), Ok(batch)) = (outline, &decoded) {
        outline.remember(key, (format, body), rules, batch);
    }
    decoded
}

impl Outline {
    /// The outline of a body. `None` for one that is too large to have a shape.
    fn of(format: Format, body: &[u8]) -> Option<Outline> {
        if body.len() > SHAPE_BODY_BYTES_MAX {
            return None;
        }
        match format {
            Format::Text => Some(Outline(outline_of_text(body))),
            Format::Protobuf => protobuf::outline(body).map(Outline),
        }
    }

    /// What a body with this outline comes to if it is of the shape remembered.
    fn recall(self, key: &GroupingKey, body: &[u8], rules: Rules) -> Option<Batch> {
        SLOTS.with_borrow_mut(|slots| {
            let slot = slots.by_outline.get_mut(&self)?;
            let shape = slot
                .shape
                .as_ref()
                .filter(|shape| shape.bytes_max(key, body) <= SHAPE_RENDERED_BYTES_MAX)?;
            let batch = shape.decode(key, body, rules)?;
            slot.misses = 0;
            Some(batch)
        })
    }

    /// Notes a body with this outline that was decoded otherwise, and perhaps remembers its shape.
    fn remember(
        self,
        key: &GroupingKey,
        (format, body): (Format, &[u8]),
        rules: Rules,
        batch: &Batch,
    ) {
        if batch.bytes() > SHAPE_RENDERED_BYTES_MAX {
            return;
        }
        SLOTS.with_borrow_mut(|slots| {
            slots.make_room();
            let Slots { by_outline, shapes_bytes } = slots;
            let Some(slot) = by_outline.get_mut(&self) else {
                by_outline.insert(self, Slot::default());
                return;
            };
            slot.misses += 1;
            if slot.misses > MISSES_MAX {
                *shapes_bytes -= slot.shape.as_ref().map_or(0, |shape| shape.memory_bytes());
                *slot = Slot::default();
            } else if slot.shape.is_none() && slot.misses == 1 {
                slot.shape = Shape::of(key, (format, body), rules, batch).map(Box::new);
                *shapes_bytes += slot.shape.as_ref().map_or(0, |shape| shape.memory_bytes());
            }
        });
    }
}

/// A hash of the number of lines, and of three lines without their values: the first, the last, and one before the last
/// quarter, since a library may sort the families of the job among its own.
fn outline_of_text(body: &[u8]) -> u64 {
    let body = body.strip_suffix(b"\n").unwrap_or(body);
    let first = &body[..memchr(b'\n', body).unwrap_or(body.len())];
    let last = &body[memrchr(b'\n', body).map_or(0, |at| at + 1)..];
    let lines = memchr_iter(b'\n', body).count();
    let end = memrchr_iter(b'\n', body).nth(lines / 4).unwrap_or(body.len());
    let third = &body[memrchr(b'\n', &body[..end]).map_or(0, |at| at + 1)..end];
    [first, third, last]
        .iter()
        .fold(lines as u64, |hash, line| xxh3_64_with_seed(without_value(line), hash))
}

/// A line up to its value; all of a comment.
fn without_value(line: &[u8]) -> &[u8] {
    let is_comment = line.first() == Some(&b'#');
    let end = if is_comment { None } else { memrchr(b' ', line) };
    &line[..end.unwrap_or(line.len())]
}

impl Slots {
    /// Makes room for one more: outlines without a shape go first, then everything. It makes much room at once, since it
    /// looks at all of them.
    fn make_room(&mut self) {
        if self.by_outline.len() >= SHAPES_LEN {
            self.by_outline.retain(|_, slot| slot.shape.is_some());
            if self.by_outline.len() > SHAPES_LEN / 2 {
                *self = Slots::default();
            }
        }
        if self.shapes_bytes >= SHAPES_BYTES_MAX {
            *self = Slots::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::NameRules;
    use crate::push::decode;

    const RULES: NameRules = NameRules::Legacy;

    fn recall(key: &GroupingKey, body: &[u8], rules: Rules) -> Option<Batch> {
        Outline::of(Format::Text, body)?.recall(key, body, rules)
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
            let anew = Format::Text
                .decode_anew(&key(path), body.as_bytes(), RULES.into())
                .expect("it is right");
            assert_eq!(told(recalled), told(&anew), "{body}");
        }
        recalled.is_some()
    }

    const SEEN: &str = "# HELP a Help.\n# TYPE a gauge\na 1\n# TYPE h histogram\nh_bucket{le=\"1.0\",z=\"\"} 1\n\
        h_sum{z=\"\"} 2\nh_count{z=\"\"} 3\n# TYPE b counter\nb{x=\"1\"} 4\nb{code=\"2\",interface=\"e\"} 5\n";

    #[test]
    fn values_and_groups_may_differ_and_nothing_else() {
        let summary = "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 2\ns_count 3\n";
        for (count, is_fitting) in
            [("4", true), ("4.0", true), ("1e+06", true), ("4.5", false), ("+Inf", false)]
        {
            let body = summary.replace("_count 3", &format!("_count {count}"));
            assert_eq!(is_recalled(summary, "/j/instance/i", &body), is_fitting, "{count}");
        }
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
    fn bodies_with_other_lines_are_not_alike_though_their_series_are() {
        let likeness = |body: &str| {
            is_recalled(body, "/j/instance/i", body);
            let batch = recall(&key("/j/instance/i"), body.as_bytes(), RULES.into());
            batch.and_then(|batch| batch.likeness).expect("it is remembered")
        };
        let seen = likeness(SEEN);
        assert_eq!(likeness(&SEEN.replace("a 1", "a 2")), seen);
        assert_ne!(likeness(&SEEN.replace("le=\"1.0\"", "le=\"2.0\"")), seen);
        let quantile = "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 2\ns_count 3\n";
        assert_ne!(likeness(quantile), likeness(&quantile.replace("0.5", "0.9")));
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
        // They begin and end alike, as far as a name goes.
        let other = "# HELP a Help.\na 1\nw 1\nx 1\ny 1\nz 1\n";
        let another = "# HELP a Help.\nb 1\nw 1\nx 1\ny 1\nz 1\n";
        assert!(is_recalled(other, "/j/instance/i", other));
        for _ in 0..MISSES_MAX + 3 {
            assert!(decode(&key("/j/instance/i"), another.as_bytes(), RULES).is_ok());
        }
        assert!(recall(&key("/j/instance/i"), another.as_bytes(), RULES.into()).is_some());
        assert!(recall(&key("/j/instance/i"), other.as_bytes(), RULES.into()).is_none());
    }

    #[test]
    fn many_kinds_of_bodies_that_begin_alike_are_remembered_within_a_bound() {
        SLOTS.with_borrow_mut(|slots| *slots = Default::default());
        let body = |kind: usize| format!("# HELP a Help.\na 1\nkind{kind} 2\n").into_bytes();
        for kind in (0..500).chain(0..500) {
            assert!(decode(&key("/j/instance/i"), &body(kind), RULES).is_ok());
        }
        let recalled = |kind| recall(&key("/k/instance/i"), &body(kind), RULES.into()).is_some();
        assert!((0..500).all(recalled));
        for kind in 0..3 * SHAPES_LEN {
            assert!(decode(&key("/j/instance/i"), &body(kind), RULES).is_ok());
            SLOTS.with_borrow(|slots| assert!(slots.by_outline.len() <= SHAPES_LEN));
        }
        assert!((0..500).all(recalled), "outlines that came once gave way first");
        for kind in (0..2 * SHAPES_LEN).flat_map(|kind| [kind; 2]) {
            assert!(decode(&key("/j/instance/i"), &body(kind), RULES).is_ok());
        }
        SLOTS.with_borrow(|slots| {
            let shapes = slots.by_outline.values().filter_map(|slot| slot.shape.as_ref());
            let bytes: usize = shapes.map(|shape| shape.memory_bytes()).sum();
            assert_eq!(bytes, slots.shapes_bytes);
            assert!(slots.by_outline.len() <= SHAPES_LEN && bytes <= 2 * SHAPES_BYTES_MAX);
        });
    }
}
