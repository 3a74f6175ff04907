//! Families as they are stored: drawn at random, and spelled as a push has them.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use shardgate::exposition::{Kind, write_number};

use super::{rules, wire};

/// A metric name, labels by name, a value by its bits.
pub(crate) type Sample = (String, BTreeMap<String, String>, u64);

#[derive(Debug, Clone)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) help: String,
    pub(crate) series: BTreeMap<BTreeMap<String, String>, Series>,
}

#[derive(Debug, Clone)]
pub(crate) struct Series {
    value: f64,
    /// What each part counts more than the one before.
    steps: Vec<f64>,
}

/// The suffix of its name, the labels of its series, its bound if it has one, its value.
type Line<'a> = (&'static str, &'a BTreeMap<String, String>, Option<f64>, f64);

/// The jobs that push, each a group.
pub(crate) const JOBS: [&str; 2] = ["x", "y"];

const BOUNDS: [f64; 4] = [0.5, 1.0, 1e6, f64::INFINITY];
const QUANTILES: [f64; 3] = [0.0, 0.5, 1.0];

impl Family {
    /// Its samples in order.
    fn lines(&self) -> Vec<Line<'_>> {
        let mut lines = Vec::new();
        for (labels, series) in &self.series {
            let mut count = 0.0;
            match self.kind {
                Kind::Untyped | Kind::Counter | Kind::Gauge => {
                    lines.push(("", labels, None, series.value));
                    continue;
                }
                Kind::Summary => {
                    for (quantile, value) in QUANTILES.iter().zip(&series.steps) {
                        lines.push(("", labels, Some(*quantile), *value));
                    }
                }
                Kind::Histogram | Kind::GaugeHistogram => {
                    let first = BOUNDS.len() - 1 - series.steps.len();
                    for (bound, step) in
                        BOUNDS[first..].iter().zip(series.steps.iter().chain([&0.0]))
                    {
                        count += step;
                        lines.push(("_bucket", labels, Some(*bound), count));
                    }
                }
            }
            lines.push(("_sum", labels, None, series.value));
            lines.push(("_count", labels, None, count));
        }
        lines
    }

    fn part_label(&self) -> &'static str {
        if self.kind == Kind::Summary { "quantile" } else { "le" }
    }

    /// The samples, under the names that are stored.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let sample = |(suffix, labels, bound, value): Line<'_>| {
            let mut labels = labels.clone();
            labels.extend(bound.map(|bound| (self.part_label().to_owned(), number(bound))));
            (format!("{}{suffix}", self.name), labels, value.to_bits())
        };
        self.lines().into_iter().map(sample).collect()
    }

    /// What has to be pushed to the group of `job` for it to hold its part of the family.
    pub(crate) fn body(&self, job: &str) -> String {
        let mut text = String::new();
        let is_classic = rules::is_classic(&self.name, ":");
        let quoted = format!("\"{}\"", escaped(&self.name));
        let name = if is_classic { &self.name } else { &quoted };
        if !self.help.is_empty() {
            let help = self.help.replace('\\', r"\\").replace('\n', r"\n");
            text.push_str(&format!("# HELP {name} {help}\n"));
        }
        text.push_str(&format!("# TYPE {name} {}\n", wire::kind(self.kind)));
        for (suffix, labels, bound, value) in self.lines() {
            if labels["job"] != job {
                continue;
            }
            let name = format!("{}{suffix}", self.name);
            let mut pairs = Vec::new();
            if !rules::is_classic(&name, ":") {
                pairs.push(format!("\"{}\"", escaped(&name)));
            } else {
                text.push_str(&name);
            }
            for (name, value) in labels {
                let is_classic = rules::is_classic(name, "");
                let name = if is_classic { name.clone() } else { format!("\"{}\"", escaped(name)) };
                pairs.push(format!("{name}=\"{}\"", escaped(value)));
            }
            pairs.extend(bound.map(|bound| format!("{}=\"{}\"", self.part_label(), number(bound))));
            text.push_str(&format!("{{{}}} {}\n", pairs.join(","), number(value)));
        }
        text
    }
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('\n', r"\n").replace('"', "\\\"")
}

pub(crate) fn number(value: f64) -> String {
    let mut out = Vec::new();
    write_number(&mut out, value);
    String::from_utf8(out).expect("numbers are ASCII")
}

/// Families of which no two meet as they are stored, sorted by name.
pub(crate) fn families() -> impl Strategy<Value = Vec<Family>> {
    prop::collection::vec(family(), 1..8).prop_map(|drawn| {
        let mut taken = BTreeSet::new();
        let mut families: Vec<Family> = Vec::new();
        for family in drawn {
            let names = rules::stored_names(&family.name, family.kind);
            if names.iter().all(|name| !taken.contains(name)) {
                taken.extend(names);
                families.push(family);
            }
        }
        families.sort_by(|a, b| a.name.cmp(&b.name));
        families
    })
}

/// Names that are easily taken for another once they are escaped or written for OpenMetrics.
const STEMS: [&str; 7] = ["a", "a_b", "a.b", "a-b", "aé", "a:b", "U__a_2e_b"];
const SUFFIXES: [&str; 8] = ["", "", "_total", "_created", "_sum", "_count", "_bucket", "_gcount"];
const LABELS: [&str; 8] = ["a_b", "a.b", "a-b", "a:b", "é", "..name__", "U__a_2e_b", "U__a_2e_b_"];

fn family() -> impl Strategy<Value = Family> {
    let kinds = [
        Kind::Untyped,
        Kind::Counter,
        Kind::Gauge,
        Kind::Summary,
        Kind::Histogram,
        Kind::GaugeHistogram,
    ];
    let name = (prop::sample::select(STEMS.to_vec()), prop::sample::select(SUFFIXES.to_vec()))
        .prop_map(|(stem, suffix)| format!("{stem}{suffix}"));
    let help = prop_oneof!["", "[a-z\\\\\"\n]{1,6}"];
    let series = prop::collection::btree_map(labels(), series(), 1..4);
    (name, prop::sample::select(kinds.to_vec()), help, series).prop_map(
        |(name, kind, help, mut series)| {
            let mut taken = BTreeSet::new();
            series.retain(|labels, _| taken.insert(rules::without_empty(labels)));
            Family { name, kind, help, series }
        },
    )
}

/// With those that every stored series has.
fn labels() -> impl Strategy<Value = BTreeMap<String, String>> {
    let name = prop::sample::select(LABELS.to_vec()).prop_map(str::to_owned);
    let own = prop::collection::btree_map(
        name,
        prop_oneof![
            "x",
            "[\\\"
,}{=é]{0,4}"
        ],
        0..4,
    );
    (own, prop::sample::select(JOBS.to_vec())).prop_map(|(mut labels, job)| {
        labels.insert("instance".to_owned(), String::new());
        labels.insert("job".to_owned(), job.to_owned());
        labels
    })
}

/// Values that OpenMetrics takes for any kind: none is negative, counts are whole and only grow.
fn series() -> impl Strategy<Value = Series> {
    let value =
        prop_oneof![Just(0.0), Just(1e300), 0.0..100.0, (0u32..1 << 30).prop_map(f64::from)];
    (value, prop::collection::vec((0u32..1 << 21).prop_map(f64::from), 0..=3))
        .prop_map(|(value, steps)| Series { value, steps })
}
