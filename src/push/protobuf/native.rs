//! Whether a native histogram makes sense.
//!
//! Prometheus gives up a whole scrape over one native histogram that contradicts itself, so what it
//! would not take (`Histogram.Validate` of its `model/histogram`) is refused here.

use super::schema::Message;
use super::wire::Field;
use crate::exposition::protobuf::{histogram, metric, span};
use crate::push::Problem;

/// The schemas with exponential buckets. The one with custom buckets, -53, has no place for its bounds
/// in the message.
const SCHEMAS: std::ops::RangeInclusive<i32> = -4..=8;

/// Checks the histogram of a metric. One without native parts is fine.
pub(super) fn check(metric: Message<'_>) -> Result<(), Problem> {
    let mut native = Native::default();
    for field in metric.messages(metric::HISTOGRAM).flat_map(Message::fields) {
        native.read(field)?;
    }
    if native.is_absent() { Ok(()) } else { native.check() }
}

/// What is said outside of the buckets, and the sums of what is said in them.
#[derive(Debug, Default)]
struct Native {
    schema: i32,
    count: u64,
    count_float: f64,
    sum: f64,
    zero_threshold: f64,
    zero_count: u64,
    zero_count_float: f64,
    negative: Side,
    positive: Side,
}

impl Native {
    fn read(&mut self, field: Field<'_>) -> Result<(), Problem> {
        match field.number {
            histogram::COUNT => self.count = field.varint(),
            histogram::COUNT_FLOAT => self.count_float = field.double(),
            histogram::SUM => self.sum = field.double(),
            histogram::SCHEMA => self.schema = signed(field.varint() as u32),
            histogram::ZERO_THRESHOLD => self.zero_threshold = field.double(),
            histogram::ZERO_COUNT => self.zero_count = field.varint(),
            histogram::ZERO_COUNT_FLOAT => self.zero_count_float = field.double(),
            histogram::NEGATIVE_SPAN => self.negative.span(field.message())?,
            histogram::NEGATIVE_DELTA => self.negative.deltas(field)?,
            histogram::NEGATIVE_COUNT => self.negative.floats(field)?,
            histogram::POSITIVE_SPAN => self.positive.span(field.message())?,
            histogram::POSITIVE_DELTA => self.positive.deltas(field)?,
            histogram::POSITIVE_COUNT => self.positive.floats(field)?,
            _ => {}
        }
        Ok(())
    }

    /// As in Prometheus, a schema alone does not make a histogram native.
    fn is_absent(&self) -> bool {
        self.zero_threshold == 0.0
            && self.zero_count == 0
            && self.zero_count_float == 0.0
            && [&self.negative, &self.positive].iter().all(|side| **side == Side::default())
    }

    fn check(&self) -> Result<(), Problem> {
        if !SCHEMAS.contains(&self.schema) {
            return Err(Problem::Schema);
        }
        if self.zero_threshold.is_nan() || self.zero_threshold < 0.0 {
            return Err(Problem::ZeroThreshold);
        }
        if self.zero_count_float < 0.0 {
            return Err(Problem::NegativeCount);
        }
        // So does Prometheus tell one from the other.
        let is_float = self.count_float > 0.0 || self.zero_count_float > 0.0;
        self.negative.check(is_float)?;
        self.positive.check(is_float)?;
        if is_float {
            return Ok(()); // Rounding may keep the buckets from adding up.
        }
        let observed = self
            .negative
            .observed
            .checked_add(self.positive.observed)
            .and_then(|observed| observed.checked_add(self.zero_count));
        let adds_up = observed.is_some_and(|observed| {
            // What is observed as NaN counts, but falls into no bucket.
            if self.sum.is_nan() { observed <= self.count } else { observed == self.count }
        });
        if adds_up { Ok(()) } else { Err(Problem::BucketsAndCount) }
    }
}

/// The buckets on one side of zero.
#[derive(Debug, Default, PartialEq, Eq)]
struct Side {
    spans: u64,
    /// The buckets that the spans announce.
    announced: u64,
    /// The index behind the last span. It has 32 bits in every reader.
    index: i32,
    deltas: u64,
    /// The last bucket, and the sum of all.
    bucket: u64,
    observed: u64,
    floats: u64,
}

impl Side {
    fn span(&mut self, message: Message<'_>) -> Result<(), Problem> {
        let (mut offset, mut length) = (0, 0);
        for field in message.fields() {
            match field.number {
                span::OFFSET => offset = signed(field.varint() as u32),
                span::LENGTH => length = field.varint() as u32,
                _ => {}
            }
        }
        if self.spans > 0 && offset < 0 {
            return Err(Problem::Spans);
        }
        let index = self.index.checked_add(offset).and_then(|at| at.checked_add_unsigned(length));
        self.index = index.ok_or(Problem::Spans)?;
        self.spans += 1;
        self.announced += u64::from(length);
        Ok(())
    }

    fn deltas(&mut self, field: Field<'_>) -> Result<(), Problem> {
        for value in field.varints() {
            let delta = (value >> 1) as i64 ^ -((value & 1) as i64);
            let bucket = self.bucket.checked_add_signed(delta);
            self.bucket = bucket.ok_or(Problem::NegativeBucket)?;
            let observed = self.observed.checked_add(self.bucket);
            self.observed = observed.ok_or(Problem::BucketsAndCount)?;
            self.deltas += 1;
        }
        Ok(())
    }

    fn floats(&mut self, field: Field<'_>) -> Result<(), Problem> {
        for value in field.doubles() {
            if value < 0.0 {
                return Err(Problem::NegativeBucket);
            }
            self.floats += 1;
        }
        Ok(())
    }

    fn check(&self, is_float: bool) -> Result<(), Problem> {
        let (buckets, others) =
            if is_float { (self.floats, self.deltas) } else { (self.deltas, self.floats) };
        if others > 0 {
            return Err(Problem::MixedCounts);
        }
        if buckets != self.announced {
            return Err(Problem::BucketsAndSpans);
        }
        Ok(())
    }
}

/// Undoes the zigzag of a `sint32`.
fn signed(value: u32) -> i32 {
    (value >> 1) as i32 ^ -((value & 1) as i32)
}
