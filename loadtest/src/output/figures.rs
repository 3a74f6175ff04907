//! How figures are shown: units, percentiles, errors; the same in every kind of output.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::measure::{Recorder, Report};

/// The percentiles every report shows.
pub(super) const PERCENTILES: [(&str, f64); 7] = [
    ("p50", 0.5),
    ("p75", 0.75),
    ("p90", 0.9),
    ("p99", 0.99),
    ("p99.9", 0.999),
    ("p99.99", 0.9999),
    ("max", 1.0),
];

/// A duration in the unit that reads best.
pub(super) fn short(duration: Duration) -> String {
    let nanos = duration.as_nanos() as f64;
    match nanos {
        n if n < 1e3 => format!("{n:.0}ns"),
        n if n < 1e6 => format!("{:.1}us", n / 1e3),
        n if n < 1e9 => format!("{:.2}ms", n / 1e6),
        n => format!("{:.2}s", n / 1e9),
    }
}

/// A duration that may not be known, since nothing was answered.
pub(super) fn short_or_none(duration: Option<Duration>) -> String {
    duration.map_or_else(|| "-".to_owned(), short)
}

/// The value at a quantile of nanoseconds; `None` where nothing was measured.
pub(super) fn at(nanos: &Histogram<u64>, quantile: f64) -> Option<Duration> {
    (!nanos.is_empty()).then(|| Duration::from_nanos(nanos.value_at_quantile(quantile)))
}

pub(super) fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / (1024.0 * 1024.0))
}

/// The errors of a run by their kind, with their number.
pub(super) fn errors(requests: &Recorder) -> Vec<(String, u64)> {
    let statuses = requests.statuses.iter().filter(|(status, _)| **status / 100 != 2);
    statuses
        .map(|(status, &n)| (format!("status {status}"), n))
        .chain(requests.failures.iter().map(|(failure, &n)| (failure.to_string(), n)))
        .chain(
            (requests.unfinished > 0)
                .then(|| ("without an answer at the end".to_owned(), requests.unfinished)),
        )
        .collect()
}

/// What limits how far a report can be believed.
pub(super) fn caveats(report: &Report) -> Vec<String> {
    let mut caveats = Vec::new();
    if let Some(bottleneck) = report.bottleneck() {
        caveats.push(format!("THE TESTER WAS THE BOTTLENECK: {}", bottleneck.explanation()));
    }
    if report.requests.sent_late > 0 {
        caveats.push(format!(
            "{} pushes were sent more than 1 ms after their time; latency counts from that time",
            report.requests.sent_late
        ));
    }
    caveats
}
