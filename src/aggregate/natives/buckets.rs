//! The buckets of a native histogram: those of one source, or what all sources come to.
//!
//! Two histograms add up at the coarser of their schemas and with the larger of their zero thresholds, and lose nothing else. A schema that is one lower has
//! each two buckets in one. A threshold takes all buckets below it into the bucket of zero; where it would cut a bucket in two that has counts, or where
//! buckets become coarser, it is raised to the upper bound of that bucket. So what one source has is the same part of the total whenever it came, and can be taken
//! away again.

use std::collections::BTreeMap;

use crate::exposition::protobuf::{
    NativeHistogram, histogram, span, write_bytes, write_double, write_message, write_varint,
};

/// The counts of buckets, by index.
type Side = BTreeMap<i32, u64>;

/// The buckets.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::aggregate) struct Buckets {
    pub(in crate::aggregate) schema: i32,
    pub(in crate::aggregate) zero_threshold: f64,
    pub(in crate::aggregate) zero: u64,
    /// Below zero and above it. No count is 0.
    pub(in crate::aggregate) sides: [Side; 2],
}

/// Up to here floating-point numbers count one by one, as classic counts do.
const OBSERVED_MAX: u64 = 1 << 53;
/// Those with exponential buckets.
const SCHEMAS: std::ops::RangeInclusive<i32> = -4..=8;
/// A bucket, with its part of the table.
const BUCKET_BYTES: u64 = 32;

impl Buckets {
    /// Those of a metric; `None` where its counts are floats, which do not add up exactly.
    pub(in crate::aggregate) fn of(native: &NativeHistogram) -> Option<Buckets> {
        let sides = [&native.negative, &native.positive];
        let sides = sides.map(|side| side.whole().filter(|(_, count)| *count > 0).collect());
        let &NativeHistogram { schema, zero_threshold, zero_count: zero, .. } = native;
        let adds_up = !native.is_float() && SCHEMAS.contains(&schema);
        adds_up.then_some(Buckets { schema, zero_threshold, zero, sides })
    }

    /// How much memory they take.
    pub(in crate::aggregate) fn bytes(&self) -> u64 {
        let buckets: usize = self.sides.iter().map(Side::len).sum();
        size_of::<Buckets>() as u64 + BUCKET_BYTES * buckets as u64
    }

    /// How many observations they hold; `None` where they are more than count one by one.
    pub(in crate::aggregate) fn observed(&self) -> Option<u64> {
        let counts = self.sides.iter().flat_map(BTreeMap::values);
        let observed = counts.copied().try_fold(self.zero, u64::checked_add)?;
        (observed < OBSERVED_MAX).then_some(observed)
    }

    /// Adds those of a source. Answers whether all of them can be counted.
    pub(in crate::aggregate) fn add(&mut self, other: &Buckets) -> bool {
        self.combine(other, u64::checked_add)
    }

    /// Takes those of a source away that were added. Answers whether they were there.
    pub(in crate::aggregate) fn take(&mut self, other: &Buckets) -> bool {
        self.combine(other, u64::checked_sub)
    }

    fn combine(&mut self, other: &Buckets, by: impl Fn(u64, u64) -> Option<u64>) -> bool {
        let mut other = other.clone();
        self.meet(&mut other);
        let Some(zero) = by(self.zero, other.zero) else { return false };
        self.zero = zero;
        for (side, others) in self.sides.iter_mut().zip(&other.sides) {
            for (index, count) in others {
                let own = side.get(index).copied().unwrap_or_default();
                match by(own, *count) {
                    Some(0) => side.remove(index),
                    Some(count) => side.insert(*index, count),
                    None => return false,
                };
            }
        }
        true
    }

    /// Whether a source that had `old` and now has these has begun anew. A client makes its own buckets coarser, but finer only when it begins anew, as Prometheus
    /// assumes too (`DetectReset` of its `model/histogram`).
    pub(in crate::aggregate) fn is_restart(&self, old: &Buckets) -> bool {
        if self.schema > old.schema || self.zero_threshold < old.zero_threshold {
            return true;
        }
        let (mut new, mut old) = (self.clone(), old.clone());
        new.meet(&mut old);
        let fell = |(new, old): (&Side, &Side)| {
            old.iter().any(|(index, count)| new.get(index).is_none_or(|new| new < count))
        };
        new.zero < old.zero || new.sides.iter().zip(&old.sides).any(fell)
    }

    /// Gives both the coarser schema and the larger zero threshold of the two.
    fn meet(&mut self, other: &mut Buckets) {
        let schema = self.schema.min(other.schema);
        self.coarsen(schema);
        other.coarsen(schema);
        let mut threshold = self.zero_threshold.max(other.zero_threshold);
        let across = bucket_of(threshold, schema).filter(|index| bound(*index, schema) > threshold);
        if let Some(index) = across
            && [&*self, &*other].iter().any(|one| one.has(index))
        {
            threshold = bound(index, schema);
        }
        self.widen_zero(threshold);
        other.widen_zero(threshold);
    }

    fn has(&self, index: i32) -> bool {
        self.sides.iter().any(|side| side.contains_key(&index))
    }

    fn coarsen(&mut self, schema: i32) {
        if self.schema <= schema {
            return;
        }
        let by = (self.schema - schema) as u32;
        for side in &mut self.sides {
            let mut coarse = Side::new();
            for (index, count) in std::mem::take(side) {
                // The bucket of an index ends at it.
                let at: &mut u64 = coarse.entry((index.saturating_sub(1) >> by) + 1).or_default();
                *at = at.saturating_add(count);
            }
            *side = coarse;
        }
        self.schema = schema;
        if let Some(index) = bucket_of(self.zero_threshold, schema) {
            self.widen_zero(bound(index, schema));
        }
    }

    /// Takes what is below a threshold, which no bucket with counts stands across, into the bucket of zero.
    fn widen_zero(&mut self, threshold: f64) {
        self.zero_threshold = threshold;
        let Some(index) = bucket_of(threshold, self.schema) else { return };
        let below =
            if bound(index, self.schema) > threshold { index } else { index.saturating_add(1) };
        for side in &mut self.sides {
            let above = side.split_off(&below);
            let taken = std::mem::replace(side, above);
            self.zero = taken.values().fold(self.zero, |zero, count| zero.saturating_add(*count));
        }
    }

    /// Appends them as the native fields of a `Histogram` message.
    pub(in crate::aggregate) fn write(&self, out: &mut Vec<u8>) {
        write_varint(out, histogram::SCHEMA, zigzag(self.schema.into()));
        write_double(out, histogram::ZERO_THRESHOLD, self.zero_threshold);
        write_varint(out, histogram::ZERO_COUNT, self.zero);
        let fields = [
            (histogram::NEGATIVE_SPAN, histogram::NEGATIVE_DELTA),
            (histogram::POSITIVE_SPAN, histogram::POSITIVE_DELTA),
        ];
        for (side, (spans, deltas)) in self.sides.iter().zip(fields) {
            write_side(out, side, spans, deltas);
        }
        let is_empty = self.zero == 0 && self.zero_threshold == 0.0;
        if is_empty && self.sides.iter().all(Side::is_empty) {
            write_span(out, histogram::POSITIVE_SPAN, 0, 0); // That alone makes it a native one.
        }
    }
}

fn write_side(out: &mut Vec<u8>, side: &Side, spans: u32, deltas: u32) {
    let (mut written, mut before) = (Vec::new(), 0);
    let (mut offset, mut length, mut next) = (0, 0, 0);
    for (index, count) in side {
        if length > 0 && *index != next {
            write_span(out, spans, offset, length);
            length = 0;
        }
        if length == 0 {
            offset = i64::from(*index) - i64::from(next);
        }
        (length, next) = (length + 1, index.saturating_add(1));
        prost::encoding::encode_varint(zigzag(*count as i64 - before), &mut written);
        before = *count as i64;
    }
    if length > 0 {
        write_span(out, spans, offset, length);
        write_bytes(out, deltas, &written);
    }
}

fn write_span(out: &mut Vec<u8>, field: u32, offset: i64, length: u32) {
    write_message(out, field, |out| {
        write_varint(out, span::OFFSET, zigzag(offset));
        write_varint(out, span::LENGTH, length.into());
    });
}

/// Small numbers are short then, whatever their sign.
fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63) as u64
}

/// The upper bound of a bucket above zero.
fn bound(index: i32, schema: i32) -> f64 {
    (f64::from(index) * 2_f64.powi(-schema)).exp2()
}

/// The bucket that a number above zero is in: the first whose upper bound is not less. `None` for zero.
fn bucket_of(value: f64, schema: i32) -> Option<i32> {
    /// No number is above 2 to the power of this, or below its inverse.
    const POWER_MAX: f64 = 1075.0;
    if value <= 0.0 {
        return None;
    }
    let power = value.log2().clamp(-POWER_MAX, POWER_MAX);
    // Rounding may have led one too far.
    let near = (power * 2_f64.powi(schema)).ceil() as i32;
    (near - 2..=near + 2).find(|index| bound(*index, schema) >= value)
}
