//! Native histograms: the stored protobuf, read into buckets with bounds.

use prost::encoding::decode_varint;

use crate::exposition::protobuf::{Field, family, fields, histogram, label, metric, span};
use crate::ui::samples::buckets::Bucket;

/// One native histogram.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Native {
    /// Its labels, without escapes.
    pub(crate) labels: Vec<(String, String)>,
    /// How many observations there are.
    pub(crate) count: f64,
    /// Their sum.
    pub(crate) sum: f64,
    /// How fine its buckets are: 2^schema to a power of two.
    pub(crate) schema: i32,
    /// From the lowest to the highest. Empty buckets may be missing.
    pub(crate) buckets: Vec<Bucket>,
}

/// How many buckets are read of one histogram.
const BUCKETS_MAX: usize = 10_000;

/// What is native of each of the `metric` records: nothing where a histogram has no native buckets.
pub(crate) fn natives(records: &[u8]) -> impl Iterator<Item = Option<Native>> {
    let metrics = fields(records).filter(|field| field.number == family::METRIC);
    metrics.map(|metric| native(metric.bytes))
}

/// `None` where the histogram has no native buckets.
fn native(metric: &[u8]) -> Option<Native> {
    let mut native = Native::default();
    let mut whole = 0_u64;
    let (mut zero_count, mut zero_float, mut zero_width) = (0_u64, 0.0, 0.0);
    let (mut negative, mut positive) = (Side::default(), Side::default());
    for field in fields(metric) {
        match field.number {
            metric::LABEL => native.labels.push(label_of(field.bytes)),
            metric::HISTOGRAM => {
                for field in fields(field.bytes) {
                    match field.number {
                        histogram::COUNT => whole = varint(&field),
                        histogram::COUNT_FLOAT => native.count = double(&field),
                        histogram::SUM => native.sum = double(&field),
                        histogram::SCHEMA => native.schema = zigzag(varint(&field)) as i32,
                        histogram::ZERO_THRESHOLD => zero_width = double(&field),
                        histogram::ZERO_COUNT => zero_count = varint(&field),
                        histogram::ZERO_COUNT_FLOAT => zero_float = double(&field),
                        histogram::NEGATIVE_SPAN => negative.span(field.bytes),
                        histogram::NEGATIVE_DELTA => negative.deltas(&field),
                        histogram::NEGATIVE_COUNT => negative.floats(&field),
                        histogram::POSITIVE_SPAN => positive.span(field.bytes),
                        histogram::POSITIVE_DELTA => positive.deltas(&field),
                        histogram::POSITIVE_COUNT => positive.floats(&field),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    let zero = if zero_float > 0.0 { zero_float } else { zero_count as f64 };
    if negative.spans.is_empty() && positive.spans.is_empty() && zero == 0.0 && zero_width == 0.0 {
        return None;
    }
    if native.count == 0.0 {
        native.count = whole as f64;
    }
    // Each power of two is exact, and so is every bound of the coarser schemas.
    let bound = |index: i32| (f64::from(index) * 2_f64.powi(-native.schema)).exp2();
    let below = negative.counts().map(|(index, count)| Bucket {
        from: Some(-bound(index)),
        to: -bound(index.saturating_sub(1)),
        count,
    });
    native.buckets = below.collect();
    native.buckets.reverse();
    if zero > 0.0 {
        native.buckets.push(Bucket { from: Some(-zero_width), to: zero_width, count: zero });
    }
    native.buckets.extend(positive.counts().map(|(index, count)| Bucket {
        from: Some(bound(index.saturating_sub(1))),
        to: bound(index),
        count,
    }));
    Some(native)
}

/// The buckets on one side of zero.
#[derive(Debug, Default)]
struct Side {
    /// How many buckets are left out, and how many follow.
    spans: Vec<(i32, u32)>,
    deltas: Vec<i64>,
    floats: Vec<f64>,
}

impl Side {
    fn span(&mut self, message: &[u8]) {
        let mut read = (0, 0);
        for field in fields(message) {
            match field.number {
                span::OFFSET => read.0 = zigzag(varint(&field)) as i32,
                span::LENGTH => read.1 = varint(&field) as u32,
                _ => {}
            }
        }
        self.spans.push(read);
    }

    /// Each alone, or all in one field.
    fn deltas(&mut self, field: &Field<'_>) {
        let mut packed = if field.bytes.is_empty() { behind_key(field) } else { field.bytes };
        while let Ok(delta) = decode_varint(&mut packed) {
            self.deltas.push(zigzag(delta));
        }
    }

    fn floats(&mut self, field: &Field<'_>) {
        let packed = if field.bytes.is_empty() { behind_key(field) } else { field.bytes };
        self.floats.extend(
            packed
                .chunks_exact(8)
                .filter_map(|bytes| Some(f64::from_le_bytes(bytes.try_into().ok()?))),
        );
    }

    /// The index of each bucket, and its count.
    fn counts(&self) -> impl Iterator<Item = (i32, f64)> {
        let mut next = 0_i32;
        let indexes = self.spans.iter().flat_map(move |(offset, length)| {
            let start = next.saturating_add(*offset);
            next = start.saturating_add_unsigned(*length);
            start..next
        });
        let mut count = 0_i64;
        let whole = self.deltas.iter().map(move |delta| {
            count = count.saturating_add(*delta);
            count as f64
        });
        indexes.zip(whole.chain(self.floats.iter().copied())).take(BUCKETS_MAX)
    }
}

fn label_of(message: &[u8]) -> (String, String) {
    let mut pair = (String::new(), String::new());
    for field in fields(message) {
        let text = String::from_utf8_lossy(field.bytes).into_owned();
        match field.number {
            label::NAME => pair.0 = text,
            label::VALUE => pair.1 = text,
            _ => {}
        }
    }
    pair
}

/// What is in a field that is a number. The numbers of all fields here take one byte.
fn behind_key<'a>(field: &Field<'a>) -> &'a [u8] {
    field.whole.get(1..).unwrap_or_default()
}

fn varint(field: &Field<'_>) -> u64 {
    decode_varint(&mut behind_key(field)).unwrap_or_default()
}

fn double(field: &Field<'_>) -> f64 {
    let bytes = behind_key(field).try_into();
    bytes.map_or(0.0, f64::from_le_bytes)
}

fn zigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::protobuf::{write_bytes, write_double, write_message, write_varint};

    fn write_span(out: &mut Vec<u8>, field: u32, offset: u64, length: u64) {
        write_message(out, field, |out| {
            write_varint(out, span::OFFSET, offset);
            write_varint(out, span::LENGTH, length);
        });
    }

    #[test]
    fn buckets_have_the_bounds_that_the_schema_gives_them() {
        let mut records = Vec::new();
        write_message(&mut records, family::METRIC, |out| {
            write_message(out, metric::LABEL, |out| {
                write_bytes(out, label::NAME, b"l");
                write_bytes(out, label::VALUE, b"v");
            });
            write_message(out, metric::HISTOGRAM, |out| {
                write_varint(out, histogram::COUNT, 12);
                write_double(out, histogram::SUM, 30.5);
                write_varint(out, histogram::SCHEMA, 0);
                write_double(out, histogram::ZERO_THRESHOLD, 0.25);
                write_varint(out, histogram::ZERO_COUNT, 2);
                write_span(out, histogram::NEGATIVE_SPAN, 0, 1);
                write_bytes(out, histogram::NEGATIVE_DELTA, &[6]); // 3, in zigzag.
                write_span(out, histogram::POSITIVE_SPAN, 2, 2); // From index 1.
                write_span(out, histogram::POSITIVE_SPAN, 2, 1); // One left out.
                write_bytes(out, histogram::POSITIVE_DELTA, &[2, 4, 1]); // 1, 3, 2
            });
        });
        // What has no native buckets is none.
        write_message(&mut records, family::METRIC, |out| {
            write_message(out, metric::HISTOGRAM, |out| write_varint(out, histogram::COUNT, 1));
        });
        let read: Vec<_> = natives(&records).collect();
        assert!(read.len() == 2 && read[1].is_none());
        let read: Vec<_> = read.into_iter().flatten().collect();
        assert_eq!((read[0].count, read[0].sum), (12.0, 30.5));
        assert_eq!(read[0].labels, [("l".to_owned(), "v".to_owned())]);
        let buckets: Vec<_> = read[0]
            .buckets
            .iter()
            .map(|one| (one.from.unwrap_or(f64::NAN), one.to, one.count))
            .collect();
        let expected = [
            (-1.0, -0.5, 3.0),
            (-0.25, 0.25, 2.0),
            (1.0, 2.0, 1.0),
            (2.0, 4.0, 3.0),
            (8.0, 16.0, 2.0),
        ];
        assert_eq!(buckets, expected);
    }

    #[test]
    fn a_damaged_record_is_no_harm() {
        for records in [&b"\x22\x7f"[..], b"\x22\x02\x3a\x00", b"\x22\x03\x3a\x01\xff", b"\xff\xff"]
        {
            assert_eq!(natives(records).flatten().count(), 0);
        }
    }
}
