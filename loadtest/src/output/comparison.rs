//! A comparison: medians over rounds, and ratios to the baseline taken within each round.

use std::time::Duration;

use serde_json::{Value, json};

use super::figures::{at, mebibytes, short};
use super::json::report_json;
use crate::measure::Report;

/// What `compare` measured: for each target, one report a round.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) names: Vec<String>,
    pub(crate) baseline: usize,
    pub(crate) reports: Vec<Vec<Report>>,
}

/// The middle of some values, and the outermost ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    least: f64,
    pub(super) most: f64,
}

impl Spread {
    /// None without values.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (&least, &most) = (values.first()?, values.last()?);
        let middle = values.len() / 2;
        let median = if values.len().is_multiple_of(2) {
            f64::midpoint(values[middle - 1], values[middle])
        } else {
            values[middle]
        };
        Some(Self { median, least, most })
    }

    pub(super) fn json(self) -> Value {
        json!({ "median": self.median, "min": self.least, "max": self.most })
    }
}

impl Comparison {
    fn figure(&self, target: usize, of: impl Fn(&Report) -> Option<f64>) -> Option<Spread> {
        Spread::of(self.reports[target].iter().filter_map(of))
    }

    /// How a figure of one target compares to the baseline's of the same round.
    fn ratio(&self, target: usize, of: impl Fn(&Report) -> Option<f64>) -> Option<Spread> {
        let pairs = self.reports[target].iter().zip(&self.reports[self.baseline]);
        Spread::of(pairs.filter_map(|(ours, base)| {
            let base = of(base)?;
            (base > 0.0).then_some(of(ours)? / base)
        }))
    }
}

fn rate(report: &Report) -> Option<f64> {
    Some(report.pushes_per_second())
}

fn cpu(report: &Report) -> Option<f64> {
    report.cpu_per_push().map(|cpu| cpu.as_secs_f64())
}

fn tester_cpu(report: &Report) -> Option<f64> {
    report.tester_cpu_per_push().map(|cpu| cpu.as_secs_f64())
}

fn latency(quantile: f64) -> impl Fn(&Report) -> Option<f64> {
    move |report| at(&report.requests.latency, quantile).map(|latency| latency.as_secs_f64())
}

fn resident(report: &Report) -> Option<f64> {
    report.usage.as_ref().map(|usage| usage.resident_bytes_max as f64)
}

/// One row for each target, below a row of headings.
fn comparison_rows(comparison: &Comparison) -> Vec<Vec<String>> {
    let mut rows = vec![
        ["target", "CPU/push", "ratio", "pushes/s", "(range)", "ratio", "(range)", "p50", "p99"]
            .map(str::to_owned)
            .to_vec(),
    ];
    rows[0].extend(["tester's CPU/push", "resident", "errors"].map(str::to_owned));
    for (target, name) in comparison.names.iter().enumerate() {
        let seconds = |s: Spread| short(Duration::from_secs_f64(s.median));
        let median = |s: Spread| format!("{:.3}", s.median);
        let figure = |of: Option<Spread>, show: &dyn Fn(Spread) -> String| {
            of.map_or_else(|| "-".to_owned(), show)
        };
        let pushes = comparison.figure(target, rate);
        let ratio = comparison.ratio(target, rate);
        let errors: u64 = comparison.reports[target].iter().map(|r| r.requests.errors()).sum();
        rows.push(vec![
            name.clone(),
            figure(comparison.figure(target, cpu), &seconds),
            figure(comparison.ratio(target, cpu), &median),
            figure(pushes, &|s| format!("{:.0}", s.median)),
            figure(pushes, &|s| format!("{:.0}..{:.0}", s.least, s.most)),
            figure(ratio, &median),
            figure(ratio, &|s| format!("{:.3}..{:.3}", s.least, s.most)),
            figure(comparison.figure(target, latency(0.5)), &seconds),
            figure(comparison.figure(target, latency(0.99)), &seconds),
            figure(comparison.figure(target, tester_cpu), &seconds),
            figure(comparison.figure(target, resident), &|s| mebibytes(s.most as u64)),
            errors.to_string(),
        ]);
    }
    rows
}

fn headline(comparison: &Comparison) -> String {
    let base = &comparison.names[comparison.baseline];
    let first = &comparison.reports[comparison.baseline][0];
    format!(
        "{}: {} connections, {} groups, {} rounds of {:.1} s; ratios to {base}, within each round",
        first.profile,
        first.connections,
        first.groups,
        comparison.reports[comparison.baseline].len(),
        first.measured.as_secs_f64(),
    )
}

pub(crate) fn comparison_table(comparison: &Comparison) -> String {
    let mut text = format!("{}\n{}", headline(comparison), aligned(&comparison_rows(comparison)));
    let limited: Vec<&str> = comparison
        .names
        .iter()
        .zip(&comparison.reports)
        .filter(|(_, reports)| reports.iter().any(|r| r.bottleneck().is_some()))
        .map(|(name, _)| name.as_str())
        .collect();
    if !limited.is_empty() {
        text.push_str(&format!("THE TESTER WAS THE BOTTLENECK at: {}\n", limited.join(", ")));
    }
    text
}

/// Columns as wide as their widest cell: the first to the left, figures to the right.
pub(super) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|c| rows.iter().filter_map(|row| row.get(c)).map(String::len).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in rows {
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            match column {
                0 => text.push_str(&format!("{cell:<width$}")),
                _ => text.push_str(&format!("  {cell:>width$}")),
            }
        }
        text.push('\n');
    }
    text
}

pub(crate) fn comparison_json(comparison: &Comparison) -> Value {
    let targets: Vec<Value> = comparison
        .names
        .iter()
        .enumerate()
        .map(|(target, name)| {
            let json = |spread: Option<Spread>| spread.map(Spread::json);
            json!({
                "name": name,
                "cpu_seconds_per_push": json(comparison.figure(target, cpu)),
                "cpu_seconds_per_push_ratio": json(comparison.ratio(target, cpu)),
                "tester_cpu_seconds_per_push": json(comparison.figure(target, tester_cpu)),
                "pushes_per_second": json(comparison.figure(target, rate)),
                "pushes_per_second_ratio": json(comparison.ratio(target, rate)),
                "latency_p50_seconds": json(comparison.figure(target, latency(0.5))),
                "latency_p99_seconds": json(comparison.figure(target, latency(0.99))),
                "resident_bytes_max": json(comparison.figure(target, resident)),
                "rounds": comparison.reports[target]
                    .iter()
                    .map(report_json)
                    .collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({ "baseline": comparison.names[comparison.baseline], "targets": targets })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_odd_and_even_numbers_of_values() {
        let median = |values: &[f64]| Spread::of(values.iter().copied()).map(|s| s.median);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }
}
