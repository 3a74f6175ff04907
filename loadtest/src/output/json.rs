//! The report of one run as JSON: the same figures as the table, in base units.

use serde_json::{Map, Value, json};

use super::figures::{PERCENTILES, at, errors};
use crate::measure::{Loop, Report, Slice};
use crate::verify::Verdict;

pub(crate) fn report_json(report: &Report) -> Value {
    let requests = &report.requests;
    let percentiles = |latency: &hdrhistogram::Histogram<u64>| -> Map<String, Value> {
        let seconds = |quantile| json!(at(latency, quantile).map(|nanos| nanos.as_secs_f64()));
        PERCENTILES.iter().map(|&(name, q)| (name.to_owned(), seconds(q))).collect()
    };
    let errors: Map<String, Value> =
        errors(requests).into_iter().map(|(kind, n)| (kind, json!(n))).collect();
    json!({
        "profile": report.profile,
        "target": report.target,
        "loop": match requests.pace { Loop::Closed => "closed", Loop::Open => "open" },
        "connections": report.connections,
        "groups": report.groups,
        "measured_seconds": report.measured.as_secs_f64(),
        "successes": requests.successes(),
        "pushes_per_second": report.pushes_per_second(),
        "latency_seconds": percentiles(&requests.latency),
        "sent_late": requests.sent_late,
        "errors": errors,
        "first_error": requests.first_error,
        "target_usage": report.usage.as_ref().map(|usage| json!({
            "pid": usage.pid,
            "cpu_seconds": usage.cpu.as_secs_f64(),
            "cpu_seconds_per_push": report.cpu_per_push().map(|cpu| cpu.as_secs_f64()),
            "resident_bytes": usage.resident_bytes,
            "resident_bytes_max": usage.resident_bytes_max,
        })),
        "scrapes": report.scrapes.as_ref().map(|scrapes| json!({
            "count": scrapes.duration.len(),
            "errors": scrapes.errors,
            "last_bytes": scrapes.last_bytes,
            "duration_seconds": percentiles(&scrapes.duration),
        })),
        "tester": {
            "workers": report.tester.workers,
            "busy": report.tester.busy(),
            "waiting": report.tester.waiting(),
            "was_the_bottleneck": report.bottleneck().is_some(),
        },
    })
}

/// What a plot over time needs: the run cut into equal slices, and the memory of the target at some moments.
pub(crate) fn over_time_json(report: &Report) -> Value {
    let timeline = &report.requests.timeline;
    let each = |of: &dyn Fn(&Slice) -> Value| timeline.slices.iter().map(of).collect::<Vec<_>>();
    let latency = |quantile: f64| {
        each(&|slice| match slice.latency.is_empty() {
            true => Value::Null,
            false => json!(slice.latency.value_at_quantile(quantile) as f64 / 1e6),
        })
    };
    let memory = report.usage.iter().flat_map(|usage| &usage.memory);
    json!({
        "slice_seconds": timeline.slice.as_secs_f64(),
        "successes": each(&|slice| json!(slice.successes)),
        "errors": each(&|slice| json!(slice.errors)),
        "latency_p50_seconds": latency(0.5),
        "latency_p99_seconds": latency(0.99),
        "latency_max_seconds": latency(1.0),
        "resident_bytes": memory.map(|(at, bytes)| (at.as_secs_f64(), bytes)).collect::<Vec<_>>(),
    })
}

pub(crate) fn verdict_json(verdict: &Verdict) -> Value {
    json!({
        "groups": verdict.groups,
        "lost": verdict.lost,
        "stale": verdict.stale,
        "phantom": verdict.phantom,
        "half_applied": verdict.half_applied,
        "doubled": verdict.doubled,
        "api_differs": verdict.api_differs,
        "examples": verdict.examples,
    })
}
