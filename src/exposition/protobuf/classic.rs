//! The `Histogram` message of a histogram with classic buckets.

use super::{bucket, histogram, write_bytes, write_double, write_message, write_varint};
use crate::exposition::is_whole;

/// Appends the fields of a histogram: the bound and the count of each bucket, the sum and the count of all. `exemplar` is that of the bucket with a bound.
///
/// As in the reference, all counts are floats if any is not whole. Fields whose value is 0 are written, since their presence means something.
pub(crate) fn write_histogram<'e>(
    out: &mut Vec<u8>,
    parts: &[(f64, f64)],
    sum: f64,
    count: f64,
    exemplar: impl Fn(f64) -> Option<&'e [u8]>,
) {
    let are_whole = is_whole(count) && parts.iter().all(|&(_, count)| is_whole(count));
    if are_whole {
        write_varint(out, histogram::COUNT, count as u64);
    }
    write_double(out, histogram::SUM, sum);
    for &(bound, count) in parts {
        write_message(out, histogram::BUCKET, |out| {
            if are_whole {
                write_varint(out, bucket::COUNT, count as u64);
            }
            write_double(out, bucket::BOUND, bound);
            if let Some(exemplar) = exemplar(bound) {
                write_bytes(out, bucket::EXEMPLAR, exemplar);
            }
            if !are_whole {
                write_double(out, bucket::COUNT_FLOAT, count);
            }
        });
    }
    if !are_whole {
        write_double(out, histogram::COUNT_FLOAT, count);
    }
}
