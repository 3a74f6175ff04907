//! The series of a family, read back from the stored exposition.

use crate::exposition::{self, Kind, parse_number, parted, sample_lines, unescape};
use crate::shard::{FamilyView, Timestamp};
use crate::ui::samples::buckets::{Bucket, BucketRow, amount, rows, short};
use crate::ui::samples::changes::{change, values};
use crate::ui::samples::native::Native;
use crate::ui::words::long::openable;
use crate::ui::words::quantity::shortened;
use crate::ui::words::value::{Reading, amount_in_unit};

/// Labels, without escapes.
pub(crate) type Labels = Vec<(String, String)>;

/// One series, in the form of its kind.
#[derive(Debug, PartialEq)]
pub(crate) enum Metric {
    /// A single number.
    Value {
        /// The labels that are not the group's.
        labels: Labels,
        /// The number.
        value: Reading,
        /// How the last push has changed it, if that is known and it has.
        change: String,
    },
    /// Quantiles.
    Summary {
        /// The labels that are not the group's.
        labels: Labels,
        /// Each with its value.
        quantiles: Vec<(String, Reading)>,
        /// In words: how many observations, their sum and mean.
        observed: Observed,
    },
    /// Buckets, classic or native.
    Histogram {
        /// The labels that are not the group's.
        labels: Labels,
        /// Those that are shown.
        buckets: Vec<BucketRow>,
        /// How many are not.
        buckets_left: usize,
        /// How many observations, their sum and mean.
        observed: Observed,
        /// How fine the buckets are, if they are native.
        schema: Option<i32>,
    },
}

/// What a histogram or summary says of all observations together.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Observed {
    pub(crate) count: String,
    pub(crate) sum: String,
    /// Empty where there is none.
    pub(crate) mean: String,
}

impl Observed {
    /// What a family of this name says, in its unit.
    fn new(family: &str, count: f64, sum: f64) -> Observed {
        let shown = |number: f64| amount_in_unit(family, number).unwrap_or_else(|| short(number));
        let mean = if count > 0.0 && sum.is_finite() { shown(sum / count) } else { String::new() };
        Observed { count: amount(count), sum: shown(sum), mean }
    }
}

/// The series of a canonical text, in its order, without the labels of `group`.
pub(crate) fn metrics<'a>(
    text: &'a [u8],
    name: &'a str,
    kind: Kind,
    group: &'a [(String, String)],
    before: Option<&'a FamilyView>,
    now: Timestamp,
) -> Box<dyn Iterator<Item = Metric> + 'a> {
    let Some(part_label) = kind.part_label() else {
        let values = before.map(|before| values(&before.text));
        let lines = sample_lines(text).zip(text.split(|byte| *byte == b'\n'));
        return Box::new(lines.map(move |(sample, line)| Metric::Value {
            labels: own_labels(&sample.labels, "", group),
            value: Reading::new(name, sample.value, now),
            change: values.as_ref().map_or_else(String::new, |values| change(name, values, line)),
        }));
    };
    let read = move |value: &str| Reading::new(name, value, now);
    Box::new(parted(text, name, part_label).map(move |series| {
        let labels = own_labels(&series.labels, part_label, group);
        let observed =
            Observed::new(name, number(series.count), series.sum.map_or(f64::NAN, number));
        if kind == Kind::Summary {
            let quantiles = series.parts.into_iter();
            let quantiles = quantiles.map(|(quantile, value)| (quantile.to_owned(), read(value)));
            return Metric::Summary { labels, quantiles: quantiles.collect(), observed };
        }
        let (buckets, buckets_left) = rows(&buckets(&series.parts));
        Metric::Histogram { labels, buckets, buckets_left, observed, schema: None }
    }))
}

/// A native histogram, without the labels of `group`.
pub(crate) fn native_metric(native: Native, name: &str, group: &[(String, String)]) -> Metric {
    let is_own =
        |pair: &(String, String)| !group.contains(pair) && !is_no_instance(&pair.0, &pair.1);
    let labels = native.labels.into_iter().filter(is_own);
    let labels = labels.map(|(name, value)| (shortened(&name), openable(&value)));
    let (buckets, buckets_left) = rows(&native.buckets);
    let observed = Observed::new(name, native.count, native.sum);
    let schema = Some(native.schema);
    Metric::Histogram { labels: labels.collect(), buckets, buckets_left, observed, schema }
}

/// What each classic bucket has more than the one below it.
fn buckets(parts: &[(&str, &str)]) -> Vec<Bucket> {
    let (mut from, mut below) = (None, 0.0);
    let bucket = |(bound, cumulative): &(&str, &str)| {
        let (to, cumulative) = (number(bound), number(cumulative));
        let bucket = Bucket { from, to, count: cumulative - below };
        (from, below) = (Some(to), cumulative);
        bucket
    };
    parts.iter().map(bucket).collect()
}

fn own_labels(
    labels: &exposition::Labels<'_>,
    part_label: &str,
    group: &[(String, String)],
) -> Labels {
    let labels = labels.iter().map(|(name, value)| (name, unescape(value)));
    let own = labels.filter(|(name, value)| {
        let is_group = group.iter().any(|(of, is)| *of == **name && *is == **value);
        !is_group && *name != part_label && !is_no_instance(name, value)
    });
    own.map(|(name, value)| (shortened(name), openable(&value))).collect()
}

/// Every sample has an `instance`: an empty one says nothing.
fn is_no_instance(name: &str, value: &str) -> bool {
    name == "instance" && value.is_empty()
}

fn number(text: &str) -> f64 {
    parse_number(text.as_bytes()).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_labels_of_the_group_are_not_repeated() {
        let text = br#"m{instance="",job="j",l="a\"b"} 1
m{instance="own",job="j"} NaN
"#;
        let group = labels(&[("job", "j")]);
        let now = Timestamp::NEVER;
        let read: Vec<_> = metrics(text, "m", Kind::Gauge, &group, None, now).collect();
        let value = |pairs, value: &str| {
            let value = Reading::new("m", value, now);
            Metric::Value { labels: labels(pairs), value, change: String::new() }
        };
        assert_eq!(read, [value(&[("l", "a\"b")], "1"), value(&[("instance", "own")], "NaN")]);
    }

    #[test]
    fn histograms_become_buckets_and_summaries_quantiles() {
        let text = b"h_bucket{le=\"0.5\"} 2\nh_bucket{le=\"+Inf\"} 5\nh_sum 10\nh_count 5\nh_bucket{a=\"b\",le=\"+Inf\"} 0\nh_sum{a=\"b\"} 0\nh_count{a=\"b\"} 0\n";
        let read: Vec<_> =
            metrics(text, "h", Kind::Histogram, &[], None, Timestamp::NEVER).collect();
        let Metric::Histogram { buckets, observed, .. } = &read[0] else { panic!("{read:?}") };
        assert_eq!(
            (&*buckets[1].range, &*buckets[1].count, &*buckets[1].cumulative),
            ("over 0.5", "3", "5")
        );
        assert_eq!((&*observed.count, &*observed.sum, &*observed.mean), ("5", "10", "2"));
        let Metric::Histogram { labels: own, observed, .. } = &read[1] else { panic!("{read:?}") };
        assert_eq!((own, &*observed.mean), (&labels(&[("a", "b")]), ""));
        let text = b"s{quantile=\"0.9\"} 1.5\ns_sum 3\ns_count 2\n";
        let read: Vec<_> = metrics(text, "s", Kind::Summary, &[], None, Timestamp::NEVER).collect();
        let Metric::Summary { quantiles, .. } = &read[0] else { panic!("{read:?}") };
        assert_eq!(*quantiles, [("0.9".to_owned(), Reading::new("s", "1.5", Timestamp::NEVER))]);
    }
}
