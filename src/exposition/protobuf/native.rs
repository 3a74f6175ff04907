//! Native histograms, read back from `Metric` messages.

use prost::encoding::decode_varint;

use super::{Field, fields, histogram, metric, span};

/// What a metric says natively of a histogram.
#[derive(Debug, Default)]
pub(crate) struct NativeHistogram {
    pub(crate) count: u64,
    pub(crate) count_float: f64,
    pub(crate) sum: f64,
    /// How fine its buckets are: 2^schema to a power of two.
    pub(crate) schema: i32,
    /// What is as near to zero is in the bucket of zero.
    pub(crate) zero_threshold: f64,
    pub(crate) zero_count: u64,
    pub(crate) zero_count_float: f64,
    pub(crate) negative: Side,
    pub(crate) positive: Side,
}

/// The buckets on one side of zero.
#[derive(Debug, Default)]
pub(crate) struct Side {
    /// How many buckets are left out, and how many follow.
    spans: Vec<(i32, u32)>,
    deltas: Vec<i64>,
    floats: Vec<f64>,
}

impl NativeHistogram {
    /// That of a `Metric` message; `None` where it has no native buckets.
    pub(crate) fn of(metric: &[u8]) -> Option<NativeHistogram> {
        let mut native = NativeHistogram::default();
        let messages = fields(metric).filter(|field| field.number == metric::HISTOGRAM);
        for field in messages.flat_map(|message| fields(message.bytes)) {
            match field.number {
                histogram::COUNT => native.count = field.varint(),
                histogram::COUNT_FLOAT => native.count_float = field.double(),
                histogram::SUM => native.sum = field.double(),
                histogram::SCHEMA => native.schema = zigzag(field.varint()) as i32,
                histogram::ZERO_THRESHOLD => native.zero_threshold = field.double(),
                histogram::ZERO_COUNT => native.zero_count = field.varint(),
                histogram::ZERO_COUNT_FLOAT => native.zero_count_float = field.double(),
                histogram::NEGATIVE_SPAN => native.negative.span(field.bytes),
                histogram::NEGATIVE_DELTA => native.negative.deltas(&field),
                histogram::NEGATIVE_COUNT => native.negative.floats(&field),
                histogram::POSITIVE_SPAN => native.positive.span(field.bytes),
                histogram::POSITIVE_DELTA => native.positive.deltas(&field),
                histogram::POSITIVE_COUNT => native.positive.floats(&field),
                _ => {}
            }
        }
        let is_native = !native.negative.spans.is_empty()
            || !native.positive.spans.is_empty()
            || native.zero_count > 0
            || native.zero_count_float > 0.0
            || native.zero_threshold > 0.0;
        is_native.then_some(native)
    }

    /// Whether its counts are floats. So does Prometheus tell one from the other.
    pub(crate) fn is_float(&self) -> bool {
        self.count_float > 0.0 || self.zero_count_float > 0.0
    }
}

impl Side {
    fn span(&mut self, message: &[u8]) {
        let mut read = (0, 0);
        for field in fields(message) {
            match field.number {
                span::OFFSET => read.0 = zigzag(field.varint()) as i32,
                span::LENGTH => read.1 = field.varint() as u32,
                _ => {}
            }
        }
        self.spans.push(read);
    }

    /// Each alone, or all in one field.
    fn deltas(&mut self, field: &Field<'_>) {
        let mut packed = if field.bytes.is_empty() { field.behind_key() } else { field.bytes };
        while let Ok(delta) = decode_varint(&mut packed) {
            self.deltas.push(zigzag(delta));
        }
    }

    fn floats(&mut self, field: &Field<'_>) {
        let packed = if field.bytes.is_empty() { field.behind_key() } else { field.bytes };
        let floats = packed.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes));
        self.floats.extend(floats);
    }

    /// The index of each bucket, and its count. The indexes that spans make up are bounded by the counts.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (i32, f64)> {
        let whole = self.whole().map(|(_, count)| count as f64);
        self.indexes().zip(whole.chain(self.floats.iter().copied()))
    }

    /// The same, where the counts are whole.
    pub(crate) fn whole(&self) -> impl Iterator<Item = (i32, u64)> {
        let mut count = 0_i64;
        let counts = self.deltas.iter().map(move |delta| {
            count = count.saturating_add(*delta);
            count.max(0) as u64
        });
        self.indexes().zip(counts)
    }

    fn indexes(&self) -> impl Iterator<Item = i32> {
        let mut next = 0_i32;
        self.spans.iter().flat_map(move |(offset, length)| {
            let start = next.saturating_add(*offset);
            next = start.saturating_add_unsigned(*length);
            start..next
        })
    }
}

fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
