//! What a source pushes, and its text.

use std::collections::BTreeMap;
use std::fmt::Write;

/// The kind of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Summary,
}

/// A value of one series.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Number(f64),
    Histogram {
        /// The bounds below `+Inf`.
        bounds: &'static [&'static str],
        /// The observations of each bucket alone, and behind them those above all bounds.
        counts: Vec<u64>,
        sum: f64,
    },
    Summary {
        count: u64,
        sum: f64,
    },
}

/// The series of a family by the value of their label `kind`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Family {
    pub(crate) kind: Kind,
    pub(crate) series: BTreeMap<&'static str, Value>,
}

/// Families by name.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Body(pub(crate) BTreeMap<&'static str, Family>);

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Summary => "summary",
        }
    }
}

impl Value {
    /// The value as a scrape shows it: the rest of the name, `le`, and a number.
    pub(crate) fn parts(&self) -> Vec<(&'static str, &'static str, f64)> {
        match self {
            Value::Number(number) => vec![("", "", *number)],
            Value::Summary { count, sum } => {
                vec![("_sum", "", *sum), ("_count", "", *count as f64)]
            }
            Value::Histogram { bounds, counts, sum } => {
                let mut below = 0;
                let bounds = bounds.iter().copied().chain(["+Inf"]);
                let buckets = bounds.zip(counts).map(|(bound, count)| {
                    below += count;
                    ("_bucket", bound, below as f64)
                });
                let mut parts: Vec<_> = buckets.collect();
                parts.extend([("_sum", "", *sum), ("_count", "", below as f64)]);
                parts
            }
        }
    }

    /// Whether a process that has shown `earlier` cannot show this without having been started again. A sum may fall: it has
    /// negative observations.
    pub(crate) fn is_restart_after(&self, earlier: &Value) -> bool {
        let falls =
            |(now, before): (&(_, _, f64), &(&str, _, f64))| before.0 != "_sum" && now.2 < before.2;
        self.parts().iter().zip(&earlier.parts()).any(falls)
    }

    /// The bounds of a histogram.
    pub(crate) fn bounds(&self) -> &'static [&'static str] {
        if let Value::Histogram { bounds, .. } = self { bounds } else { &[] }
    }
}

impl Body {
    /// The text to push. A summary brings a quantile, which no sum shows.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (name, family) in &self.0 {
            writeln!(text, "# TYPE {name} {}", family.kind.word())
                .expect("a text takes everything");
            for (kind, value) in &family.series {
                if family.kind == Kind::Summary {
                    writeln!(text, "{name}{{kind=\"{kind}\",quantile=\"0.5\"}} 1")
                        .expect("so does it");
                }
                for (rest, bound, number) in value.parts() {
                    let bound =
                        if bound.is_empty() { String::new() } else { format!(",le=\"{bound}\"") };
                    writeln!(text, "{name}{rest}{{kind=\"{kind}\"{bound}}} {number}")
                        .expect("so does it");
                }
            }
        }
        text
    }
}
