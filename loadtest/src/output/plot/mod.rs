//! Plots of reports, as SVG without anything from outside.

mod axis;
mod chart;

use std::time::Duration;

pub(crate) use chart::Chart;

use self::axis::{Scale, Unit};
use self::chart::Line;
use crate::measure::Report;

/// The plots of one run, each with the name of its file.
pub(super) fn of_report(report: &Report) -> Vec<Chart> {
    let mut charts = vec![latency_by_percentile(&[("pushes", report)]), latency_over_time(report)];
    charts.push(throughput_over_time(report));
    charts.extend(memory_over_time(report));
    charts
}

/// One line for each named report.
pub(super) fn latency_by_percentile(reports: &[(&str, &Report)]) -> Chart {
    /// The axis counts nines: 1 is p90, 2 is p99, up to p99.999.
    const NINES_MAX: f64 = 5.0;
    const POINTS: u32 = 100;
    let line = |(name, report): &(&str, &Report)| {
        let latency = &report.requests.latency;
        let points = (0..=POINTS).map(|n| {
            let nines = NINES_MAX * f64::from(n) / f64::from(POINTS);
            let nanos = latency.value_at_quantile(1.0 - 10_f64.powf(-nines));
            (nines, nanos as f64 / 1e9)
        });
        Line { name: (*name).to_owned(), points: points.collect() }
    };
    Chart {
        title: "Latency by percentile".to_owned(),
        x: (Scale::Linear, Unit::Percentile),
        y: (Scale::Logarithmic, Unit::Seconds),
        lines: reports.iter().map(line).collect(),
    }
}

fn latency_over_time(report: &Report) -> Chart {
    let timeline = &report.requests.timeline;
    let line = |name: &str, quantile: f64| Line {
        name: name.to_owned(),
        points: timeline
            .slices
            .iter()
            .enumerate()
            .filter(|(_, slice)| !slice.latency.is_empty())
            .map(|(n, slice)| {
                let micros = slice.latency.value_at_quantile(quantile);
                (middle(n, timeline.slice), micros as f64 / 1e6)
            })
            .collect(),
    };
    Chart {
        title: "Latency over time".to_owned(),
        x: (Scale::Linear, Unit::Time),
        y: (Scale::Logarithmic, Unit::Seconds),
        lines: vec![line("p50", 0.5), line("p99", 0.99), line("max", 1.0)],
    }
}

fn throughput_over_time(report: &Report) -> Chart {
    let timeline = &report.requests.timeline;
    let line = |name: &str, of: &dyn Fn(usize) -> u64| Line {
        name: name.to_owned(),
        points: (0..timeline.slices.len())
            .map(|n| (middle(n, timeline.slice), of(n) as f64 / timeline.slice.as_secs_f64()))
            .collect(),
    };
    let mut lines = vec![line("pushes/s", &|n| timeline.slices[n].successes)];
    if timeline.slices.iter().any(|slice| slice.errors > 0) {
        lines.push(line("errors/s", &|n| timeline.slices[n].errors));
    }
    Chart {
        title: "Throughput over time".to_owned(),
        x: (Scale::Linear, Unit::Time),
        y: (Scale::Linear, Unit::PerSecond),
        lines,
    }
}

fn memory_over_time(report: &Report) -> Option<Chart> {
    let memory = &report.usage.as_ref()?.memory;
    let points = memory.iter().map(|(at, bytes)| (at.as_secs_f64(), *bytes as f64)).collect();
    Some(Chart {
        title: "Resident memory of the target over time".to_owned(),
        x: (Scale::Linear, Unit::Time),
        y: (Scale::Linear, Unit::Bytes),
        lines: vec![Line { name: "resident".to_owned(), points }],
    })
}

/// Pushes a second, round by round or value by value: one line for each name.
pub(super) fn throughput(title: &str, lines: Vec<(String, Vec<(f64, f64)>)>) -> Chart {
    Chart {
        title: title.to_owned(),
        x: (Scale::Linear, Unit::Number),
        y: (Scale::Linear, Unit::PerSecond),
        lines: lines.into_iter().map(|(name, points)| Line { name, points }).collect(),
    }
}

/// Where the `n`th slice of time is drawn, in seconds.
fn middle(n: usize, slice: Duration) -> f64 {
    (n as f64 + 0.5) * slice.as_secs_f64()
}
