//! The kind of a metric family, as a `# TYPE` line names it.

/// What a metric family is; every sample of one name has the same kind everywhere in the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// No `TYPE` line was given.
    Untyped,
    /// A value that only grows.
    Counter,
    /// A value that goes up and down.
    Gauge,
    /// Quantiles, a sum and a count.
    Summary,
    /// Cumulative buckets, a sum and a count.
    Histogram,
    /// A histogram whose buckets may shrink. The text format knows no such kind: it is shown as a
    /// histogram, as the reference shows it.
    GaugeHistogram,
}

impl Kind {
    /// Reads the word after a metric name in a `TYPE` line, in any case.
    pub fn parse(word: &[u8]) -> Option<Kind> {
        const NAMES: [(&[u8], Kind); 10] = [
            (b"counter", Kind::Counter),
            (b"gauge", Kind::Gauge),
            (b"histogram", Kind::Histogram),
            (b"summary", Kind::Summary),
            (b"untyped", Kind::Untyped),
            (b"gaugehistogram", Kind::GaugeHistogram),
            (b"gauge_histogram", Kind::GaugeHistogram),
            // Those of OpenMetrics that the text format does not have.
            (b"unknown", Kind::Untyped),
            (b"info", Kind::Gauge),
            (b"stateset", Kind::Gauge),
        ];
        let exact = NAMES.iter().find(|(name, _)| word == *name);
        let named =
            exact.or_else(|| NAMES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)));
        named.map(|(_, kind)| *kind)
    }

    /// The word a `TYPE` line of the text format 0.0.4 shows.
    pub fn text(self) -> &'static str {
        match self {
            Kind::Untyped => "untyped",
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Summary => "summary",
            Kind::Histogram | Kind::GaugeHistogram => "histogram",
        }
    }

    /// The upper-case word the query API shows.
    pub fn api(self) -> &'static str {
        match self {
            Kind::Untyped => "UNTYPED",
            Kind::Counter => "COUNTER",
            Kind::Gauge => "GAUGE",
            Kind::Summary => "SUMMARY",
            Kind::Histogram => "HISTOGRAM",
            Kind::GaugeHistogram => "GAUGE_HISTOGRAM",
        }
    }

    /// The suffixes under which a family of this kind exposes samples besides its own name: a family
    /// whose name is this one's plus such a suffix could not be told apart from it.
    pub fn occupied_suffixes(self) -> &'static [&'static str] {
        match self {
            Kind::Histogram | Kind::GaugeHistogram => &["_bucket", "_count", "_sum"],
            Kind::Summary => &["_count", "_sum"],
            Kind::Untyped | Kind::Counter | Kind::Gauge => &[],
        }
    }

    /// The label that tells the samples of one series apart and is not part of its identity.
    pub fn part_label(self) -> Option<&'static str> {
        match self {
            Kind::Histogram | Kind::GaugeHistogram => Some("le"),
            Kind::Summary => Some("quantile"),
            Kind::Untyped | Kind::Counter | Kind::Gauge => None,
        }
    }
}
