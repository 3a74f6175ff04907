//! Native histograms: the stored protobuf, read into buckets with bounds.

use crate::exposition::protobuf::{NativeHistogram, family, fields, label_of, metric};
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
    let read = NativeHistogram::of(metric)?;
    let labels = fields(metric).filter(|field| field.number == metric::LABEL).map(|field| {
        let (name, value) = label_of(field.bytes);
        (name.into_owned(), value.into_owned())
    });
    let (schema, zero_threshold) = (read.schema, read.zero_threshold);
    let either = |float: f64, whole: u64| if float > 0.0 { float } else { whole as f64 };
    // Each power of two is exact, and so is every bound of the coarser schemas.
    let bound = |index: i32| (f64::from(index) * 2_f64.powi(-schema)).exp2();
    let below = read.negative.counts().take(BUCKETS_MAX).map(|(index, count)| Bucket {
        from: Some(-bound(index)),
        to: -bound(index.saturating_sub(1)),
        count,
    });
    let mut buckets: Vec<Bucket> = below.collect();
    buckets.reverse();
    let zero = either(read.zero_count_float, read.zero_count);
    if zero > 0.0 {
        buckets.push(Bucket { from: Some(-zero_threshold), to: zero_threshold, count: zero });
    }
    buckets.extend(read.positive.counts().take(BUCKETS_MAX).map(|(index, count)| Bucket {
        from: Some(bound(index.saturating_sub(1))),
        to: bound(index),
        count,
    }));
    let count = either(read.count_float, read.count);
    Some(Native { labels: labels.collect(), count, sum: read.sum, schema, buckets })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::protobuf::{
        histogram, label, span, write_bytes, write_double, write_message, write_varint,
    };

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
