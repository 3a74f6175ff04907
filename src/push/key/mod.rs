//! The grouping key: the labels in a push URL, which name the group it goes to.

mod error;
mod parse;
mod stored;

use std::borrow::Cow;
use std::ops::Range;

use smallvec::SmallVec;

pub use self::error::KeyError;
use crate::exposition::{unescape, write_label_name, write_label_value};
use crate::push::spelling::{is_left_out, without_empty};

/// The labels a push URL names, spelled as every sample of the group shows them.
///
/// **Invariant:** the text holds the pairs `name="value"`, sorted by name, joined by commas, with
/// `instance=""` where the URL gives no instance. Names are quoted where they have to be, and sorted
/// as they are meant. Two keys with the same text, labels with an empty value left out, would expose the same push
/// times, so that is the identity of a group.
#[derive(Debug, Clone)]
pub struct GroupingKey {
    /// The text in braces, with the blank that follows them in a sample; behind it, those names that
    /// stand in quotes there, as they are meant.
    text: String,
    braced_end: usize,
    pairs: SmallVec<[Pair; 4]>,
    instance: Instance,
    /// Whether any label but `instance` has an empty value.
    has_empty_label: bool,
}

/// Where one `name="value"` stands in the text, where the value in it begins, and where its name stands
/// as it is meant.
#[derive(Debug, Clone, Copy)]
struct Pair {
    start: u32,
    value: u32,
    end: u32,
    name: [u32; 2],
}

/// A label of the URL.
type PathLabel<'a> = (Cow<'a, str>, Cow<'a, str>);

/// What the URL says about the label `instance`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Instance {
    /// Nothing: samples that bring none of their own get an empty one.
    Absent,
    /// That it is empty: samples lose their own.
    Empty,
    /// A value.
    Given,
}

impl GroupingKey {
    fn new(mut labels: SmallVec<[PathLabel<'_>; 4]>) -> GroupingKey {
        let instance = match labels.iter().rev().find(|(name, _)| *name == "instance") {
            None => {
                labels.push((Cow::Borrowed("instance"), Cow::Borrowed("")));
                Instance::Absent
            }
            Some((_, value)) if value.is_empty() => Instance::Empty,
            Some(_) => Instance::Given,
        };
        labels.reverse();
        // Stable: the last of a repeated label stands first.
        labels.sort_by(|(one, _), (other, _)| one.cmp(other));
        labels.dedup_by(|(one, _), (other, _)| one == other);
        let mut has_empty_label = false;
        let mut text = Vec::with_capacity(64);
        let mut pairs: SmallVec<[Pair; 4]> = SmallVec::new();
        for (name, value) in &labels {
            has_empty_label |= is_left_out(name.as_bytes(), value.as_bytes());
            text.push(if text.is_empty() { b'{' } else { b',' });
            let start = text.len() as u32;
            write_label_name(&mut text, name.as_bytes());
            let name = [start, text.len() as u32];
            text.extend_from_slice(b"=\"");
            let value_start = text.len() as u32;
            write_label_value(&mut text, value.as_bytes());
            text.push(b'"');
            pairs.push(Pair { start, value: value_start, end: text.len() as u32, name });
        }
        let text =
            String::from_utf8(text).expect("names and values are UTF-8, and escaping keeps it");
        let names = labels.iter().map(|(name, _)| &**name);
        GroupingKey::ended(text, pairs, names, instance, has_empty_label)
    }

    /// The key of these labels, up to the last of them. Ends its text, and writes the names behind it that stand in quotes.
    fn ended<'n>(
        mut text: String,
        mut pairs: SmallVec<[Pair; 4]>,
        names: impl Iterator<Item = &'n str>,
        instance: Instance,
        has_empty_label: bool,
    ) -> GroupingKey {
        text.push_str("} ");
        let braced_end = text.len();
        for (pair, name) in pairs.iter_mut().zip(names) {
            if text.as_bytes()[pair.start as usize] == b'"' {
                let start = text.len() as u32;
                text.push_str(name);
                pair.name = [start, text.len() as u32];
            }
        }
        GroupingKey { text, braced_end, pairs, instance, has_empty_label }
    }

    /// The labels of the group as they stand between the braces of a sample that brings no labels of its own.
    pub fn text(&self) -> &str {
        &self.text[1..self.braced_end - 2]
    }

    /// The identity of the group: its text without labels that have an empty value, since to Prometheus those are no
    /// labels. Only one of the groups that share it can exist at a time.
    pub fn identity(&self) -> Cow<'_, str> {
        if self.has_empty_label { identity_of(self.text()) } else { Cow::Borrowed(self.text()) }
    }

    /// Whether the group stored with the text `stored` is this one, or would be but for labels with an empty value.
    pub(crate) fn shares_identity(&self, stored: &str) -> bool {
        *stored == *self.text() || identity_of(stored) == self.identity()
    }

    /// The value of the label `job`, escaped.
    pub fn job(&self) -> &str {
        let at = (0..self.len()).find(|at| self.name(*at) == Some(b"job"));
        self.escaped_value(at.expect("every grouping key has a job"))
    }

    /// What stands between the name and the value of such a sample.
    pub(crate) fn braced(&self) -> &[u8] {
        &self.text.as_bytes()[..self.braced_end]
    }

    /// Whether the URL sets `instance` to the empty string, rather than leaving it out. Both have the same text and
    /// expose the same push times, so only one of the two groups can exist at a time.
    pub fn has_empty_instance(&self) -> bool {
        self.instance == Instance::Empty
    }

    /// Whether a sample's own value of the label `name` gives way to the group's.
    pub(crate) fn overrides(&self, name: &[u8]) -> bool {
        !(self.instance == Instance::Absent && name == b"instance")
    }

    /// How many labels there are; at least the job and the instance.
    pub(crate) fn len(&self) -> usize {
        self.pairs.len()
    }

    /// The name, as it is meant, of the label at a position in the order of names.
    pub(crate) fn name(&self, at: usize) -> Option<&[u8]> {
        let [start, end] = self.pairs.get(at)?.name;
        Some(&self.text.as_bytes()[start as usize..end as usize])
    }

    /// The value of the label at a position in the order of names, without escapes.
    pub(crate) fn value(&self, at: usize) -> Cow<'_, str> {
        unescape(self.escaped_value(at))
    }

    /// The labels at these positions, at least one: `name="value"`, joined by commas.
    pub(crate) fn pairs(&self, at: Range<usize>) -> &[u8] {
        let (first, last) = (self.pairs[at.start], self.pairs[at.end - 1]);
        &self.text.as_bytes()[first.start as usize..last.end as usize]
    }

    fn escaped_value(&self, at: usize) -> &str {
        let Pair { value, end, .. } = self.pairs[at];
        &self.text[value as usize..end as usize - 1]
    }

    /// Whether the URL names the label `name`.
    pub(crate) fn names(&self, name: &str) -> bool {
        let name = name.as_bytes();
        self.overrides(name) && (0..self.len()).any(|at| self.name(at) == Some(name))
    }
}

/// The text of a key without labels that have an empty value.
fn identity_of(text: &str) -> Cow<'_, str> {
    match without_empty(text.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(shorter) => {
            Cow::Owned(String::from_utf8(shorter).expect("whole labels of a text are text"))
        }
    }
}

#[cfg(test)]
mod tests;
