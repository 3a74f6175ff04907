//! What a push says, as plain maps and lists, and the canonical lines it becomes.

use crate::oracle::key::{Labels, is_legacy, spell, spell_name, without_empty};
use crate::oracle::number;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Untyped,
    Counter,
    Gauge,
    Summary,
    Histogram,
    GaugeHistogram,
}

impl Kind {
    /// The kind that a `TYPE` line means by `word`.
    pub(crate) fn named(word: &str) -> Option<Kind> {
        match word.to_ascii_lowercase().as_str() {
            "untyped" | "unknown" => Some(Kind::Untyped),
            "counter" => Some(Kind::Counter),
            "gauge" | "info" | "stateset" => Some(Kind::Gauge),
            "summary" => Some(Kind::Summary),
            "histogram" => Some(Kind::Histogram),
            "gaugehistogram" | "gauge_histogram" => Some(Kind::GaugeHistogram),
            _ => None,
        }
    }

    /// The names besides its own under which a family called `name` shows samples.
    pub(crate) fn occupied(self, name: &str) -> Vec<String> {
        let suffixes: &[&str] = match self {
            Kind::Histogram | Kind::GaugeHistogram => &["_bucket", "_sum", "_count"],
            Kind::Summary => &["_sum", "_count"],
            Kind::Untyped | Kind::Counter | Kind::Gauge => &[],
        };
        suffixes.iter().map(|suffix| format!("{name}{suffix}")).collect()
    }

    /// The label that a family of this kind keeps for itself.
    pub(crate) fn part_label(self) -> Option<&'static str> {
        match self {
            Kind::Histogram | Kind::GaugeHistogram => Some("le"),
            Kind::Summary => Some("quantile"),
            Kind::Untyped | Kind::Counter | Kind::Gauge => None,
        }
    }
}

/// A family that has samples.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Family {
    pub(crate) kind: Kind,
    /// As a `HELP` line shows it; empty for none.
    pub(crate) help: String,
    /// In the order in which each was first mentioned.
    pub(crate) series: Vec<Series>,
}

/// One series, with the labels it shows (but never `le` of a histogram or `quantile` of a summary).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    pub(crate) labels: Labels,
    pub(crate) value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Plain(f64),
    /// Buckets or quantiles, in the order given.
    Folded {
        parts: Vec<(f64, f64)>,
        sum: f64,
        count: f64,
    },
}

impl Family {
    /// The sample lines of the family called `name`, without line feeds.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        self.series.iter().flat_map(|series| series.lines(name, self.kind)).collect()
    }
}

impl Series {
    /// What tells the series from all others.
    pub(crate) fn spelling(&self, name: &str) -> String {
        sample(name, &spell(&without_empty(&self.labels)))
    }

    fn lines(&self, name: &str, kind: Kind) -> Vec<String> {
        let labels = spell(&self.labels);
        let (parts, sum, count) = match &self.value {
            Value::Plain(value) => {
                return vec![format!("{} {}", sample(name, &labels), number::spell(*value))];
            }
            Value::Folded { parts, sum, count } => (parts, *sum, *count),
        };
        let mut parts = parts.clone();
        let is_summary = kind == Kind::Summary;
        if !is_summary && parts.iter().all(|(bound, _)| *bound != f64::INFINITY) {
            parts.push((f64::INFINITY, count));
        }
        let (suffix, label) = if is_summary { ("", "quantile") } else { ("_bucket", "le") };
        let mut lines: Vec<String> = parts
            .iter()
            .map(|(bound, value)| {
                let (bound, value) = (number::spell(*bound), number::spell(*value));
                let labels = format!("{labels},{label}=\"{bound}\"");
                format!("{} {value}", sample(&format!("{name}{suffix}"), &labels))
            })
            .collect();
        for (suffix, value) in [("_sum", sum), ("_count", count)] {
            let sample = sample(&format!("{name}{suffix}"), &labels);
            lines.push(format!("{sample} {}", number::spell(value)));
        }
        lines
    }
}

/// A metric name and labels: the name in the braces if it needs quotes.
fn sample(name: &str, labels: &str) -> String {
    if is_legacy(name, ":") {
        return format!("{name}{{{labels}}}");
    }
    format!("{{{},{labels}}}", spell_name(name, ":"))
}
