//! The field numbers of messages, one module for each message, and the numbers of kinds, as in
//! `metrics.proto` of prometheus/client_model.

use crate::exposition::Kind;

/// `MetricFamily`.
pub(crate) mod family {
    pub(crate) const NAME: u32 = 1;
    pub(crate) const HELP: u32 = 2;
    pub(crate) const TYPE: u32 = 3;
    pub(crate) const METRIC: u32 = 4;
}

/// `Metric`.
pub(crate) mod metric {
    pub(crate) const LABEL: u32 = 1;
    pub(crate) const GAUGE: u32 = 2;
    pub(crate) const COUNTER: u32 = 3;
    pub(crate) const SUMMARY: u32 = 4;
    pub(crate) const UNTYPED: u32 = 5;
    pub(crate) const HISTOGRAM: u32 = 7;
}

/// `LabelPair`.
pub(crate) mod label {
    pub(crate) const NAME: u32 = 1;
    pub(crate) const VALUE: u32 = 2;
}

/// `Gauge`, `Counter` and `Untyped`.
pub(crate) mod value {
    pub(crate) const VALUE: u32 = 1;
}

/// What `Counter` has besides.
pub(crate) mod counter {
    pub(crate) const EXEMPLAR: u32 = 2;
    pub(crate) const CREATED: u32 = 3;
}

/// `Summary`.
pub(crate) mod summary {
    pub(crate) const COUNT: u32 = 1;
    pub(crate) const SUM: u32 = 2;
    pub(crate) const QUANTILE: u32 = 3;
    pub(crate) const CREATED: u32 = 4;
}

/// `Quantile`.
pub(crate) mod quantile {
    pub(crate) const BOUND: u32 = 1;
    pub(crate) const VALUE: u32 = 2;
}

/// `Histogram`.
pub(crate) mod histogram {
    pub(crate) const COUNT: u32 = 1;
    pub(crate) const SUM: u32 = 2;
    pub(crate) const BUCKET: u32 = 3;
    pub(crate) const COUNT_FLOAT: u32 = 4;
    pub(crate) const SCHEMA: u32 = 5;
    pub(crate) const ZERO_THRESHOLD: u32 = 6;
    pub(crate) const ZERO_COUNT: u32 = 7;
    pub(crate) const ZERO_COUNT_FLOAT: u32 = 8;
    pub(crate) const NEGATIVE_SPAN: u32 = 9;
    pub(crate) const NEGATIVE_DELTA: u32 = 10;
    pub(crate) const NEGATIVE_COUNT: u32 = 11;
    pub(crate) const POSITIVE_SPAN: u32 = 12;
    pub(crate) const POSITIVE_DELTA: u32 = 13;
    pub(crate) const POSITIVE_COUNT: u32 = 14;
    pub(crate) const CREATED: u32 = 15;
    /// Those of its native buckets.
    pub(crate) const EXEMPLAR: u32 = 16;
}

/// `Bucket`.
pub(crate) mod bucket {
    pub(crate) const COUNT: u32 = 1;
    pub(crate) const BOUND: u32 = 2;
    pub(crate) const EXEMPLAR: u32 = 3;
    pub(crate) const COUNT_FLOAT: u32 = 4;
}

/// `Exemplar`.
pub(crate) mod exemplar {
    pub(crate) const LABEL: u32 = 1;
    pub(crate) const VALUE: u32 = 2;
    pub(crate) const TIMESTAMP: u32 = 3;
}

/// `Timestamp`.
pub(crate) mod timestamp {
    pub(crate) const SECONDS: u32 = 1;
    pub(crate) const NANOS: u32 = 2;
}

/// `BucketSpan`.
pub(crate) mod span {
    pub(crate) const OFFSET: u32 = 1;
    pub(crate) const LENGTH: u32 = 2;
}

/// `MetricType`, by number.
const KINDS: [Kind; 6] = [
    Kind::Counter,
    Kind::Gauge,
    Kind::Summary,
    Kind::Untyped,
    Kind::Histogram,
    Kind::GaugeHistogram,
];

/// The kind of that number, which any program may make up.
pub(crate) fn kind_of(number: i32) -> Option<Kind> {
    KINDS.get(usize::try_from(number).ok()?).copied()
}

/// The number of a kind.
pub(crate) fn number_of(kind: Kind) -> u64 {
    KINDS.iter().position(|one| *one == kind).expect("all kinds are there") as u64
}

/// The field of `Metric` that a metric of that kind has its value in.
pub(crate) fn value_field(kind: Kind) -> u32 {
    match kind {
        Kind::Untyped => metric::UNTYPED,
        Kind::Counter => metric::COUNTER,
        Kind::Gauge => metric::GAUGE,
        Kind::Summary => metric::SUMMARY,
        Kind::Histogram | Kind::GaugeHistogram => metric::HISTOGRAM,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_and_its_number_are_one() {
        for kind in KINDS {
            assert_eq!(kind_of(number_of(kind) as i32), Some(kind));
        }
        assert_eq!((kind_of(6), kind_of(-1)), (None, None));
        assert_eq!((number_of(Kind::Counter), number_of(Kind::GaugeHistogram)), (0, 5));
    }
}
