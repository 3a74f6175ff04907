//! Puts the lines of one histogram or summary together.
//!
//! The lines of a series may come in any order and stand anywhere in the body. Start with [`Assembly`]: it gathers the
//! lines while the body is read, and renders each series after the end of the body.

use std::ops::Range;

use hashbrown::HashTable;
use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64;

use crate::exposition::Kind;
use crate::push::batch::series::Series;
use crate::push::samples::families::Role;
use crate::push::samples::labels::{GroupLabels, Label};
use crate::push::samples::number::Number;
use crate::push::samples::opening::Opening;

/// Up to this many series, looking at each is quicker than hashing.
const SEARCHED_MAX: usize = 16;

/// A generous guess at what a line holds besides its name and labels.
pub(crate) const LINE_BYTES: usize = 64;

/// The lines that every series ends in, whether they were pushed or not: a sum, a count, and for a
/// histogram a bucket for infinity.
pub(crate) const CLOSING_LINES: usize = 3;

/// One series of a histogram or summary while the push is read.
#[derive(Debug)]
struct Assembled<'a> {
    family: usize,
    /// What its labels add to its fingerprint.
    labels: Series,
    /// The merged labels and behind them what the group overrode, in the assembly's bytes: the identity
    /// of the series as it was pushed.
    identity: Range<usize>,
    labels_end: usize,
    /// About how large each of its lines will be.
    line_bytes: usize,
    sum: Option<Number<'a>>,
    count: Option<Number<'a>>,
    /// Whether the parts so far came with ever larger bounds, so that none can be twice.
    ascending: bool,
    bound_last: f64,
}

/// A bucket or quantile.
#[derive(Debug, Clone, Copy)]
struct Part<'a> {
    series: u32,
    bound: Number<'a>,
    value: Number<'a>,
}

/// The assembled series of a push.
#[derive(Debug, Default)]
pub(crate) struct Assembly<'a> {
    series: Vec<Assembled<'a>>,
    parts: Vec<Part<'a>>,
    /// The series of the line before, and the labels of its own that the line had.
    last: usize,
    last_own: Vec<Label<'a>>,
    /// The identities of the series, one after the other.
    bytes: Vec<u8>,
    /// Empty while there are few.
    by_identity: HashTable<u32>,
    rendered_bytes: usize,
}

/// A assembled series, rendered.
pub(crate) struct Rendered {
    pub(crate) family: usize,
    pub(crate) samples: u32,
    /// What its labels add to its fingerprint.
    pub(crate) labels: Series,
    /// The same bucket or quantile was there twice.
    pub(crate) duplicate_part: bool,
}

impl<'a> Assembly<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// How many series there are.
    pub(crate) fn series_len(&self) -> usize {
        self.series.len()
    }

    /// How many bytes of memory it takes. Whatever grows twofold is there twice while it does.
    pub(crate) fn memory_bytes(&self) -> usize {
        2 * (self.series.len() * (size_of::<Assembled<'_>>() + size_of::<u32>())
            + self.parts.len() * size_of::<Part<'_>>()
            + self.bytes.len())
    }

    /// About how large what was taken so far will be once rendered, and hardly ever less.
    pub(crate) fn rendered_bytes(&self) -> usize {
        self.rendered_bytes
    }

    /// Takes one line of a series. `bound` is the value of `le` or `quantile`, if the line has one; a
    /// part without one says nothing, and only makes the series exist.
    pub(crate) fn add(
        &mut self,
        series: usize,
        role: Role,
        bound: Option<Number<'a>>,
        value: Number<'a>,
    ) {
        let assembled = &mut self.series[series];
        match role {
            Role::Sum => assembled.sum = Some(value),
            Role::Count => assembled.count = Some(value),
            Role::Part => {
                let Some(bound) = bound else { return };
                if bound.is_nan() {
                    return;
                }
                let bound_value = bound.value();
                assembled.ascending &= bound_value > assembled.bound_last;
                assembled.bound_last = bound_value;
                self.rendered_bytes += assembled.line_bytes;
                self.parts.push(Part { series: series as u32, bound, value });
            }
        }
    }

    /// The series of the family at `family` with these labels, made when there is none.
    pub(crate) fn series(
        &mut self,
        name: &[u8],
        family: usize,
        group: GroupLabels<'_>,
        own: &[Label<'a>],
    ) -> usize {
        // Most often the line belongs to the series of the line before, and says so in the same words.
        if let Some(last) = self.series.get(self.last)
            && last.family == family
            && self.last_own.iter().map(|label| label.whole).eq(own.iter().map(|label| label.whole))
        {
            return self.last;
        }
        self.last = self.find_or_insert(name, family, group, own);
        self.last_own.clear();
        self.last_own.extend_from_slice(own);
        self.last
    }

    /// A new series, whatever its labels. An assembly is given all of its series so, or none.
    pub(crate) fn insert(
        &mut self,
        name: &[u8],
        family: usize,
        group: GroupLabels<'_>,
        own: &[Label<'_>],
    ) -> usize {
        let start = self.bytes.len();
        let labels = group.merge(&mut self.bytes, own, None);
        let labels_end = self.bytes.len();
        self.push(name, (family, labels), start, labels_end)
    }

    /// A series of the identity that stands in the bytes from `start` on.
    fn push(
        &mut self,
        name: &[u8],
        (family, labels): (usize, Series),
        start: usize,
        labels_end: usize,
    ) -> usize {
        let line_bytes = name.len() + (labels_end - start) + LINE_BYTES;
        self.rendered_bytes += CLOSING_LINES * line_bytes;
        self.series.push(Assembled {
            family,
            labels,
            identity: start..self.bytes.len(),
            labels_end,
            line_bytes,
            sum: None,
            count: None,
            ascending: true,
            bound_last: f64::NEG_INFINITY,
        });
        self.series.len() - 1
    }

    fn find_or_insert(
        &mut self,
        name: &[u8],
        family: usize,
        group: GroupLabels<'_>,
        own: &[Label<'a>],
    ) -> usize {
        let start = self.bytes.len();
        let mut shadowed = Vec::new();
        let labels = group.merge(&mut self.bytes, own, Some(&mut shadowed));
        let labels_end = self.bytes.len();
        self.bytes.extend_from_slice(&shadowed);
        let Assembly { series, bytes, by_identity, .. } = &*self;
        let identity = &bytes[start..];
        let is_same = |assembled: &Assembled<'_>| {
            assembled.family == family
                && assembled.labels_end - assembled.identity.start == labels_end - start
                && bytes[assembled.identity.clone()] == *identity
        };
        let hash = |identity: &[u8], family: usize| xxh3_64(identity) ^ family as u64;
        let found = if series.len() <= SEARCHED_MAX {
            series.iter().position(is_same)
        } else {
            let found =
                by_identity.find(hash(identity, family), |&at| is_same(&series[at as usize]));
            found.map(|&at| at as usize)
        };
        if let Some(found) = found {
            self.bytes.truncate(start);
            return found;
        }
        let position = self.push(name, (family, labels), start, labels_end);
        let Assembly { series, bytes, by_identity, .. } = self;
        let hash_at = |at: &u32| {
            let assembled = &series[*at as usize];
            hash(&bytes[assembled.identity.clone()], assembled.family)
        };
        if position >= SEARCHED_MAX {
            let unhashed = if position == SEARCHED_MAX { 0 } else { position };
            for at in unhashed as u32..=position as u32 {
                by_identity.insert_unique(hash_at(&at), at, hash_at);
            }
        }
        position
    }

    /// Renders every series in turn; `rendered` is told of each with its text, which is then at the end of `out`.
    pub(crate) fn render(
        &mut self,
        out: &mut Vec<u8>,
        family: impl Fn(usize) -> (Opening<'a>, Kind),
        mut rendered: impl FnMut(Rendered, &[u8]),
    ) {
        if !self.parts.is_sorted_by_key(|part| part.series) {
            self.parts.sort_by_key(|part| part.series); // Stable: parts keep the order given.
        }
        let mut parts = &self.parts[..];
        for (position, series) in self.series.iter().enumerate() {
            let own = parts.partition_point(|part| part.series as usize == position);
            let (own, rest) = parts.split_at(own);
            parts = rest;
            let (opening, kind) = family(series.family);
            let labels = &self.bytes[series.identity.start..series.labels_end];
            let start = out.len();
            let samples = series.write(out, opening, kind, labels, own);
            let duplicate_part = !series.ascending && has_duplicate(own);
            let done =
                Rendered { family: series.family, samples, labels: series.labels, duplicate_part };
            rendered(done, &out[start..]);
        }
    }
}

impl Assembled<'_> {
    /// Appends the lines of the series in the order of the format, and says how many there are.
    fn write(
        &self,
        out: &mut Vec<u8>,
        opening: Opening<'_>,
        kind: Kind,
        labels: &[u8],
        parts: &[Part<'_>],
    ) -> u32 {
        let (before, behind) = (opening.before, opening.behind());
        let is_summary = kind == Kind::Summary;
        let count = self.count.unwrap_or(Number::ZERO);
        // The reference holds the count of a summary as an integer.
        let count = if is_summary { count.truncated() } else { count };
        let (suffix, label): (&[u8], &[u8]) =
            if is_summary { (b"", b",quantile=\"") } else { (b"_bucket", b",le=\"") };
        // What the lines of all parts begin with is put together once, and copied from there.
        let mut head = SmallVec::<[u8; 256]>::new();
        for piece in [before, suffix, behind, labels, label] {
            head.extend_from_slice(piece);
        }
        let mut part = |bound: Number<'_>, value: Number<'_>| {
            out.extend_from_slice(&head);
            bound.write(out);
            out.extend_from_slice(b"\"} ");
            value.write(out);
            out.push(b'\n');
        };
        parts.iter().for_each(|one| part(one.bound, one.value));
        let mut samples = parts.len() as u32 + 2;
        if !is_summary && !parts.iter().any(|part| part.bound.is_infinity()) {
            part(Number::INFINITY, count);
            samples += 1;
        }
        let sum = self.sum.unwrap_or(Number::ZERO);
        for (suffix, value) in [(&b"_sum"[..], sum), (b"_count", count)] {
            for piece in [before, suffix, behind, labels, b"} "] {
                out.extend_from_slice(piece);
            }
            value.write(out);
            out.push(b'\n');
        }
        samples
    }
}

fn has_duplicate(parts: &[Part<'_>]) -> bool {
    let mut bounds: Vec<f64> = parts.iter().map(|part| part.bound.value()).collect();
    bounds.sort_unstable_by(f64::total_cmp);
    bounds.windows(2).any(|pair| pair[0] == pair[1])
}
