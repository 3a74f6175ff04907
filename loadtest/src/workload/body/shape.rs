//! Generates families of a given shape.

use super::family::{Family, Kind, Point, Series};
use crate::profile::Shape;
use crate::workload::Rng;

/// What jobs measure; names are made of these, a number and the type.
const SUBJECTS: [&str; 8] =
    ["records", "rows", "queue", "cache", "upload", "step", "worker", "request"];
const LABEL_NAMES: [&str; 8] =
    ["stage", "status", "shard", "table", "region", "kind", "tenant", "code"];

pub(super) fn families(shape: &Shape, rng: &mut Rng) -> Vec<Family> {
    let share = |share: f64| (share * shape.families as f64).round() as usize;
    let histograms = share(shape.histogram_share.get());
    let summaries = share(shape.summary_share.get()).min(shape.families - histograms);
    (0..shape.families)
        .map(|number| {
            let kind = match number {
                n if n < histograms => Kind::Histogram,
                n if n < histograms + summaries => Kind::Summary,
                n if n % 2 == 0 => Kind::Counter,
                _ => Kind::Gauge,
            };
            family(shape, number, kind, rng)
        })
        .collect()
}

/// The name tells the type, so that bodies of different shapes never disagree on one.
fn family(shape: &Shape, number: usize, kind: Kind, rng: &mut Rng) -> Family {
    let subject = SUBJECTS[number % SUBJECTS.len()];
    let unit = match kind {
        Kind::Counter => "total",
        Kind::Gauge => "level",
        Kind::Histogram => "seconds",
        Kind::Summary => "latency_seconds",
    };
    Family {
        name: format!("job_{subject}_{number}_{unit}"),
        help: format!("What the job saw of its {subject}, part {number}."),
        kind,
        series: (0..shape.series)
            .map(|n| Series { labels: labels(shape, n, rng), point: point(shape, kind, rng) })
            .collect(),
    }
}

/// The first label tells the series of a family apart; the others take few values, as real ones.
fn labels(shape: &Shape, series: usize, rng: &mut Rng) -> Vec<(String, String)> {
    const VALUES_PER_LABEL: u64 = 5;
    (0..shape.labels)
        .map(|label| {
            let name = match LABEL_NAMES.get(label) {
                Some(name) => (*name).to_owned(),
                None => format!("label_{label}"),
            };
            let number = if label == 0 { series as u64 } else { rng.below(VALUES_PER_LABEL) };
            (name, padded(number, shape.label_value_bytes))
        })
        .collect()
}

/// A number as a word of `bytes` letters and digits.
fn padded(number: u64, bytes: usize) -> String {
    let digits = number.to_string();
    let letters = (b'a'..=b'z').cycle().take(bytes.saturating_sub(digits.len()));
    letters.map(char::from).collect::<String>() + &digits
}

fn point(shape: &Shape, kind: Kind, rng: &mut Rng) -> Point {
    /// Cumulative counts begin here: five digits, with room to fall without losing one.
    const COUNT_BASE: u64 = 12_000;
    match kind {
        Kind::Counter => Point::Number((1 + rng.below(999_998)).to_string()),
        Kind::Gauge => Point::Number(gauge(rng)),
        Kind::Histogram => {
            let mut count = COUNT_BASE;
            let buckets = (1..shape.buckets)
                .map(|n| {
                    count += rng.below(50);
                    ((n as f64 / 4.0).to_string(), count)
                })
                .collect();
            Point::Histogram { buckets, sum: fraction(rng), count: count + rng.below(50) }
        }
        Kind::Summary => Point::Summary {
            quantiles: ["0.5", "0.9", "0.99"].map(|q| (q.to_owned(), fraction(rng))).to_vec(),
            sum: fraction(rng),
            count: COUNT_BASE + rng.below(1000),
        },
    }
}

/// Fractions, byte counts and small numbers, as gauges are.
fn gauge(rng: &mut Rng) -> String {
    match rng.below(3) {
        0 => fraction(rng),
        1 => format!("{}.{:06}1e+08", 1 + rng.below(9), rng.below(1_000_000)),
        _ => rng.below(1000).to_string(),
    }
}

fn fraction(rng: &mut Rng) -> String {
    format!("{}.{:02}{}", 1 + rng.below(99), rng.below(100), 1 + rng.below(9))
}
