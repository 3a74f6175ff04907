//! The shape of a body: all of it but the values of its samples, and what it comes to.
//!
//! A job pushes the same families with the same labels each time, and so do all jobs of one kind: only values differ,
//! and the group. Where a body has a shape that is known, its values are put into text that was rendered before.
//!
//! What a body of some shape means is not known here: a shape is made by having the decoder read the body with a
//! marker in the place of each value, and looking where those come out.
//!
//! **Invariant:** what a shape makes of a body is what the decoder would make of it.

use std::sync::Arc;

use smallvec::SmallVec;

use super::apart::{Apart, MARKER};
use super::format::Format;
use crate::exposition::{Kind, NameRules, SampleLine, sample_lines};
use crate::push::batch::likeness::Likeness;
use crate::push::batch::series::Series;
use crate::push::batch::strings::Strings;
use crate::push::batch::{Batch, BatchFamily};
use crate::push::key::GroupingKey;
use crate::push::rules::Rules;
use crate::push::samples::labels::GroupLabels;
use crate::push::samples::number::Number;

/// More values than this would not be worth it, nor small.
const VALUES_MAX: usize = 512;

/// No number is rendered to more bytes.
const NUMBER_BYTES: usize = 32;

const INSTANCE: &[u8] = b"instance";

/// All of a body but its values.
#[derive(Debug)]
pub(crate) struct Shape {
    rules: Rules,
    /// The names of the grouping labels: they decide where these stand among those of a sample.
    key_names: Vec<Box<[u8]>>,
    /// Whether the group has an instance, which then overrides the one of a sample.
    has_instance: bool,
    apart: Apart,
    /// Whether any value is a count, perhaps, which must not be negative.
    has_counts: bool,
    /// What is always in the rendered text.
    text: Vec<u8>,
    lines: Vec<Line>,
    pieces: Vec<Piece>,
    /// The families, each with the lines it has as its text.
    families: Vec<BatchFamily>,
    strings: Arc<str>,
    series_len: usize,
    likeness: Option<Likeness>,
}

/// One rendered line: pieces, what stands between the last grouping label and the value, and the value.
#[derive(Debug)]
struct Line {
    pieces: [u32; 2],
    closing: [u32; 2],
    value: u32,
    /// Whether only a value without a fraction is shown as it is.
    is_whole: bool,
    /// What the line adds to the fingerprint of the group's labels, where it ends a series.
    series: Option<Series>,
}

/// Text that is always the same, and grouping labels behind it.
#[derive(Debug)]
struct Piece {
    text: [u32; 2],
    pairs: [u32; 2],
}

impl Shape {
    /// The shape of a body of which the decoder has made `batch`, if it is one that can be remembered.
    pub(crate) fn of(
        key: &GroupingKey,
        (format, body): (Format, &[u8]),
        rules: Rules,
        batch: &Batch,
    ) -> Option<Shape> {
        if rules.names != NameRules::Legacy || !batch.native.is_empty() {
            return None;
        }
        let (apart, marked) = Apart::of(format, body)?;
        let values = apart.values_len();
        if !(1..=VALUES_MAX).contains(&values) {
            return None;
        }
        let probe = format.decode_anew(key, &marked, rules).ok()?;
        let mut shape = Shape {
            rules,
            key_names: (0..key.len()).filter_map(|at| key.name(at)).map(Into::into).collect(),
            has_instance: key.overrides(INSTANCE),
            apart,
            has_counts: false,
            text: Vec::new(),
            lines: Vec::new(),
            pieces: Vec::new(),
            families: Vec::new(),
            strings: Arc::from(&*probe.strings),
            series_len: probe.series.len(),
            likeness: None,
        };
        let mut is_shown = vec![false; values];
        let group = GroupLabels::new(key).fingerprint;
        for family in &probe.families {
            let first = shape.lines.len() as u32;
            let mut series = probe.series(family).iter();
            for line in sample_lines(probe.text(family)) {
                let suffix = line.name.strip_prefix(probe.name(family))?;
                let has_parts = match family.kind {
                    Kind::Counter | Kind::Gauge | Kind::Untyped => false,
                    Kind::Histogram | Kind::Summary => true,
                    Kind::GaugeHistogram => return None,
                };
                shape.has_counts |= has_parts;
                let ends_series = !has_parts || suffix == "_count";
                let series = if ends_series { series.next() } else { None };
                let series = series.map(|series| series.without(group));
                // The count of a summary is shown without its fraction.
                let is_whole = family.kind == Kind::Summary && suffix == "_count";
                let shown = shape.line(key, series, is_whole, &line)?;
                if is_whole && shown == values {
                    return None;
                }
                is_shown.get_mut(shown).into_iter().for_each(|is_shown| *is_shown = true);
            }
            let text = [first, shape.lines.len() as u32];
            shape.families.push(BatchFamily { text, ..*family });
        }
        // A value that is not shown may have been checked all the same.
        if is_shown.contains(&false) {
            return None;
        }
        let replayed = shape.decode(key, body, rules)?;
        shape.likeness = shape.likeness_of(&replayed);
        is_same(&replayed, batch).then_some(shape)
    }

    /// What all batches of this shape have in common.
    fn likeness_of(&self, batch: &Batch) -> Option<Likeness> {
        let mut said = Vec::new();
        for (family, of_batch) in self.families.iter().zip(&batch.families) {
            for text in [batch.name(of_batch), batch.help(of_batch)] {
                said.extend_from_slice(&(text.len() as u64).to_le_bytes());
                said.extend_from_slice(text.as_bytes());
            }
            let lines = &self.lines[range(family.text)];
            said.extend([family.kind as u8, u8::from(family.has_quoted_names)]);
            said.extend_from_slice(&(lines.len() as u64).to_le_bytes());
            for line in lines {
                said.push(u8::from(line.series.is_some()));
                said.extend(line.series.into_iter().flat_map(Series::bytes));
                // The bound of a bucket is not part of its series.
                let pieces = self.pieces[range(line.pieces)].iter().map(|piece| piece.text);
                for text in pieces.chain([line.closing]) {
                    said.extend_from_slice(&(text[1] - text[0]).to_le_bytes());
                    said.extend_from_slice(&self.text[range(text)]);
                }
            }
        }
        Likeness::of(&said)
    }

    /// Takes one line of the rendered markers, and says which value it shows.
    fn line(
        &mut self,
        key: &GroupingKey,
        series: Option<Series>,
        is_whole: bool,
        line: &SampleLine<'_>,
    ) -> Option<usize> {
        let values = self.apart.values_len();
        let value = match line.value.parse::<usize>().ok()? {
            0 => values, // It was not pushed.
            marker => marker.checked_sub(MARKER).filter(|at| *at < values)?,
        };
        let first_piece = self.pieces.len() as u32;
        let mut text_start = self.text.len() as u32;
        self.text.extend_from_slice(line.name.as_bytes());
        let mut separator = b'{';
        for (name, value) in &line.labels {
            self.text.push(separator);
            separator = b',';
            let is_of_key = |at: &usize| key.name(*at) == Some(name.as_bytes());
            let Some(at) = (0..key.len()).find(is_of_key) else {
                for part in [name, "=\"", value, "\""] {
                    self.text.extend_from_slice(part.as_bytes());
                }
                continue;
            };
            let at = at as u32;
            match self.pieces[first_piece as usize..].last_mut() {
                // Neighbours are copied with the comma between them.
                Some(piece) if piece.pairs[1] == at && text_start + 1 == self.text.len() as u32 => {
                    self.text.pop();
                    piece.pairs[1] = at + 1;
                }
                _ => {
                    let text = [text_start, self.text.len() as u32];
                    self.pieces.push(Piece { text, pairs: [at, at + 1] });
                    text_start = self.text.len() as u32;
                }
            }
        }
        self.text.extend_from_slice(b"} ");
        let pieces = [first_piece, self.pieces.len() as u32];
        let closing = [text_start, self.text.len() as u32];
        self.lines.push(Line { pieces, closing, value: value as u32, is_whole, series });
        Some(value)
    }

    /// How many bytes of memory it takes, about.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of::<Shape>()
            + self.apart.memory_bytes()
            + self.text.len()
            + self.strings.len()
            + self.lines.len() * size_of::<Line>()
            + self.pieces.len() * size_of::<Piece>()
            + self.families.len() * size_of::<BatchFamily>()
    }

    /// How many bytes of text a body of this shape comes to at most.
    pub(crate) fn bytes_max(&self, key: &GroupingKey, body: &[u8]) -> usize {
        // Each label of the group is once in each line.
        // A number is as long as it was pushed, or rendered anew from protobuf.
        let numbers = body.len().max(NUMBER_BYTES * self.lines.len());
        self.text.len() + self.lines.len() * key.text().len() + numbers
    }

    /// What a body of this shape comes to; `None` when it is of another, or not right.
    pub(crate) fn decode(&self, key: &GroupingKey, body: &[u8], rules: Rules) -> Option<Batch> {
        let is_key_alike = key.len() == self.key_names.len()
            && key.overrides(INSTANCE) == self.has_instance
            && self.key_names.iter().enumerate().all(|(at, name)| key.name(at) == Some(name));
        if !is_key_alike || rules != self.rules {
            return None;
        }
        let values = self.values(body)?;
        let mut text = Vec::with_capacity(self.bytes_max(key, body));
        let mut series = Vec::with_capacity(self.series_len);
        let mut families = Vec::with_capacity(self.families.len());
        let group = GroupLabels::new(key).fingerprint;
        for family in &self.families {
            let (text_start, series_start) = (text.len() as u32, series.len() as u32);
            for line in &self.lines[range(family.text)] {
                for piece in &self.pieces[range(line.pieces)] {
                    text.extend_from_slice(&self.text[range(piece.text)]);
                    text.extend_from_slice(key.pairs(range(piece.pairs)));
                }
                text.extend_from_slice(&self.text[range(line.closing)]);
                series.extend(line.series.map(|own| group.with(own)));
                let value = values[line.value as usize];
                if line.is_whole && value.value().fract() != 0.0 {
                    return None; // An infinite one has no fraction that is 0 either.
                }
                value.write(&mut text);
                text.push(b'\n');
            }
            families.push(BatchFamily {
                text: [text_start, text.len() as u32],
                series: [series_start, series.len() as u32],
                ..*family
            });
        }
        let (strings, native) = (Strings::Shared(Arc::clone(&self.strings)), Vec::new());
        Some(Batch { families, strings, series, text, native, likeness: self.likeness })
    }

    /// The values of a body of this shape, and a zero behind them.
    fn values<'a>(&self, body: &'a [u8]) -> Option<SmallVec<[Number<'a>; 32]>> {
        let mut values = SmallVec::new();
        let is_whole = self.apart.read(body, |value| {
            let is_wrong = self.has_counts && value.is_negative();
            values.push(value);
            !is_wrong
        });
        values.push(Number::ZERO);
        is_whole.then_some(values)
    }
}

fn range([from, to]: [u32; 2]) -> std::ops::Range<usize> {
    from as usize..to as usize
}

/// Whether two batches say the same, wherever their texts stand.
fn is_same(one: &Batch, other: &Batch) -> bool {
    let says = |batch: &Batch, family: &BatchFamily| {
        let kind = (family.kind, family.samples, family.has_quoted_names);
        let strings = (batch.name(family).to_owned(), batch.help(family).to_owned());
        (kind, strings, batch.text(family).to_vec(), batch.series(family).to_vec())
    };
    one.families.len() == other.families.len()
        && one
            .families
            .iter()
            .zip(&other.families)
            .all(|(first, second)| says(one, first) == says(other, second))
}
