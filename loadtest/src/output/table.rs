//! The report of one run as text.

use std::fmt::{self, Write};

use super::figures::{PERCENTILES, at, caveats, errors, mebibytes, short_or_none};
use crate::measure::{Loop, Report};
use crate::verify::Verdict;

pub(crate) fn report_table(report: &Report) -> String {
    let mut text = String::new();
    write(report, &mut text).expect("a string takes any text");
    text
}

fn write(report: &Report, out: &mut String) -> fmt::Result {
    let requests = &report.requests;
    let pace = match requests.pace {
        Loop::Closed => "closed loop",
        Loop::Open => "open loop",
    };
    writeln!(
        out,
        "{} -> {}: {pace}, {} connections, {} groups, {:.1} s",
        report.profile,
        report.target,
        report.connections,
        report.groups,
        report.measured.as_secs_f64(),
    )?;
    writeln!(out, "  pushes/s   {:.0}", report.pushes_per_second())?;
    write!(out, "  latency   ")?;
    for (name, quantile) in PERCENTILES {
        write!(out, " {name} {}", short_or_none(at(&requests.latency, quantile)))?;
    }
    writeln!(out)?;
    write_usage(report, out)?;
    for (kind, n) in errors(requests) {
        writeln!(out, "  error      {n} x {kind}")?;
    }
    if let Some(first) = &requests.first_error {
        writeln!(out, "  first      {first}")?;
    }
    for caveat in caveats(report) {
        writeln!(out, "  note       {caveat}")?;
    }
    Ok(())
}

fn write_usage(report: &Report, out: &mut String) -> fmt::Result {
    if let Some(scrapes) = &report.scrapes {
        let at = |quantile| short_or_none(at(&scrapes.duration, quantile));
        writeln!(
            out,
            "  scrapes    {} of {}, p50 {} max {}, {} errors",
            scrapes.duration.len(),
            mebibytes(scrapes.last_bytes),
            at(0.5),
            at(1.0),
            scrapes.errors,
        )?;
    }
    if let Some(usage) = &report.usage {
        writeln!(
            out,
            "  target     {} CPU per push, {:.2} CPUs, {} resident (most {}), pid {}",
            short_or_none(report.cpu_per_push()),
            usage.cpu.as_secs_f64() / report.measured.as_secs_f64(),
            mebibytes(usage.resident_bytes),
            mebibytes(usage.resident_bytes_max),
            usage.pid,
        )?;
    }
    writeln!(
        out,
        "  tester     {} workers, {:.0} % busy, waited for a CPU {:.0} % of the time",
        report.tester.workers,
        report.tester.busy() * 100.0,
        report.tester.waiting() * 100.0,
    )
}

pub(crate) fn verdict_table(verdict: &Verdict) -> String {
    let api = match verdict.api_differs {
        None => "not served".to_owned(),
        Some(n) => format!("{n} differ"),
    };
    let mut text = format!(
        "  verified   {} groups: {} lost, {} stale, {} phantom, {} half-applied, {} doubled; query API: {api}\n",
        verdict.groups,
        verdict.lost,
        verdict.stale,
        verdict.phantom,
        verdict.half_applied,
        verdict.doubled,
    );
    for example in &verdict.examples {
        text.push_str(&format!("    {example}\n"));
    }
    text
}
