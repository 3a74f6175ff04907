//! Metric families as data: what both formats are written from.

/// One metric family of a generated body.
#[derive(Clone, Debug)]
pub(super) struct Family {
    pub(super) name: String,
    pub(super) help: String,
    pub(super) kind: Kind,
    pub(super) series: Vec<Series>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Summary,
}

#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) labels: Vec<(String, String)>,
    pub(super) point: Point,
}

/// Numbers are kept as Go would print them; the text format is where the form counts.
#[derive(Clone, Debug)]
pub(super) enum Point {
    Number(String),
    Histogram {
        /// Upper bounds and cumulative counts, without `+Inf`.
        buckets: Vec<(String, u64)>,
        sum: String,
        count: u64,
    },
    Summary {
        quantiles: Vec<(String, String)>,
        sum: String,
        count: u64,
    },
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
        }
    }
}

/// The family that carries a push's mark.
pub(super) fn mark(name: &str) -> Family {
    Family {
        name: name.to_owned(),
        help: "Which push this is.".to_owned(),
        kind: Kind::Gauge,
        series: vec![Series {
            labels: Vec::new(),
            point: Point::Number(super::FIRST_MARK.to_string()),
        }],
    }
}
