//! Buckets of a histogram, as rows with bars.

use std::cmp::Ordering;

use crate::ui::words::quantity::count;

/// How many buckets of one histogram are shown.
pub(crate) const BUCKETS_SHOWN_MAX: usize = 200;

/// What was observed between two bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bucket {
    /// The lower bound; `None` if there is none.
    pub(crate) from: Option<f64>,
    /// The upper bound.
    pub(crate) to: f64,
    /// How many observations fell between them.
    pub(crate) count: f64,
}

/// A bucket as a table shows it.
#[derive(Debug, PartialEq)]
pub(crate) struct BucketRow {
    pub(crate) range: String,
    pub(crate) count: String,
    /// How long its bar is, in percent of the longest.
    pub(crate) width: String,
    pub(crate) cumulative: String,
}

/// The rows for the first buckets, and how many more there are.
pub(crate) fn rows(buckets: &[Bucket]) -> (Vec<BucketRow>, usize) {
    let largest = buckets.iter().map(|bucket| bucket.count).fold(0.0, f64::max);
    let mut cumulative = 0.0;
    let shown = buckets.iter().take(BUCKETS_SHOWN_MAX).map(|bucket| {
        cumulative += bucket.count;
        let width = if largest > 0.0 { bucket.count.max(0.0) / largest * 100.0 } else { 0.0 };
        BucketRow {
            range: range(bucket),
            count: amount(bucket.count),
            width: format!("{width:.1}"),
            cumulative: amount(cumulative),
        }
    });
    (shown.collect(), buckets.len().saturating_sub(BUCKETS_SHOWN_MAX))
}

fn range(bucket: &Bucket) -> String {
    match (bucket.from, bucket.to) {
        (Some(from), f64::INFINITY) => format!("over {}", short(from)),
        (None, f64::INFINITY) => "all".to_owned(),
        (None, to) => format!("up to {}", short(to)),
        (Some(from), to) if from == -to && to < 1e-6 => "0".to_owned(), // The zero bucket of a native histogram.
        (Some(from), to) if from == -to => format!("0 ± {}", short(to)),
        (Some(from), to) => format!("{} to {}", short(from), short(to)),
    }
}

/// A number of observations: whole, unless the histogram counts fractions.
pub(crate) fn amount(number: f64) -> String {
    let is_count = number >= 0.0 && number.fract() == 0.0 && number < 1e15;
    if is_count { count(number as u64) } else { short(number) }
}

/// A number in at most five digits.
pub(crate) fn short(number: f64) -> String {
    let magnitude = number.abs();
    if number == 0.0 || !number.is_finite() {
        return number.to_string().replace("inf", "∞");
    }
    match magnitude.partial_cmp(&1e6) {
        Some(Ordering::Less) if magnitude >= 1e-4 => {
            let decimals = (4 - magnitude.log10().floor() as i32).clamp(0, 8) as usize;
            let text = format!("{number:.decimals$}");
            let trimmed = text.trim_end_matches('0').trim_end_matches('.');
            if decimals == 0 { text } else { trimmed.to_owned() }
        }
        _ => format!("{number:.3e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_the_counts_are_large() {
        let bucket = |from, to, count| Bucket { from, to, count };
        let buckets = [
            bucket(None, 0.25, 10.0),
            bucket(Some(0.25), 1.0, 40.0),
            bucket(Some(1.0), f64::INFINITY, 0.0),
        ];
        let (rows, left) = rows(&buckets);
        let shown: Vec<_> = rows
            .iter()
            .map(|row| format!("{}|{}|{}|{}", row.range, row.count, row.width, row.cumulative))
            .collect();
        assert_eq!(shown, ["up to 0.25|10|25.0|10", "0.25 to 1|40|100.0|50", "over 1|0|0.0|50"]);
        assert_eq!(left, 0);
        let many = vec![bucket(None, 1.0, 0.0); BUCKETS_SHOWN_MAX + 7];
        assert_eq!((super::rows(&many).0.len(), super::rows(&many).1), (BUCKETS_SHOWN_MAX, 7));
    }

    #[test]
    fn a_zero_bucket_is_told_as_zero() {
        let bucket = |to: f64| range(&Bucket { from: Some(-to), to, count: 1.0 });
        assert_eq!((bucket(2.938_735_877_055_719e-39), bucket(0.0)), ("0".into(), "0".into()));
        assert_eq!(bucket(0.001), "0 ± 0.001");
    }

    #[test]
    fn numbers_are_short() {
        for (number, text) in [
            (0.0, "0"),
            (0.1, "0.1"),
            (1234.5678, "1234.6"),
            (-2.5, "-2.5"),
            (123_456.0, "123456"),
            (1e-7, "1.000e-7"),
            (2e9, "2.000e9"),
            (f64::INFINITY, "∞"),
            (f64::NAN, "NaN"),
            (1.090_507_7, "1.0905"),
        ] {
            assert_eq!(short(number), text);
        }
        assert_eq!(
            (amount(1e6), amount(0.5), amount(-1.0)),
            ("1,000,000".into(), "0.5".into(), "-1".into())
        );
    }
}
