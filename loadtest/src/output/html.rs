//! The report as one HTML page that needs nothing else: no script, no network.

use super::comparison::{Comparison, comparison_rows, headline};
use super::figures::caveats;
use super::plot::{self, Chart};
use super::table::{report_table, verdict_table};
use crate::measure::Report;
use crate::verify::Verdict;

/// The page of one run, and its plots for those who want them apart.
pub(crate) fn report_page(report: &Report, verdict: Option<&Verdict>) -> (String, Vec<Chart>) {
    let charts = plot::of_report(report);
    let title = format!("{} against {}", report.profile, report.target);
    let mut text = report_table(report);
    text.extend(verdict.map(verdict_table));
    let body = format!(
        "<p>{}</p>\n<pre>{}</pre>\n{}",
        escape(&report.about),
        escape(&text),
        figures(&charts)
    );
    (page(&title, &body), charts)
}

/// The page of a comparison.
pub(crate) fn comparison_page(comparison: &Comparison) -> (String, Vec<Chart>) {
    let rounds = comparison.names.iter().zip(&comparison.reports).map(|(name, reports)| {
        let rate = |(n, report): (usize, &Report)| ((n + 1) as f64, report.pushes_per_second());
        (name.clone(), reports.iter().enumerate().map(rate).collect())
    });
    let rounds = plot::throughput("Pushes per second by round", rounds.collect());
    side_by_side("Comparison", comparison, rounds)
}

/// The page of a sweep: target `n` has `shards[n]` shards.
pub(crate) fn sweep_page(comparison: &Comparison, shards: &[f64]) -> (String, Vec<Chart>) {
    let medians = comparison.median_rates();
    let curve = shards.iter().copied().zip(medians).collect();
    let curve = plot::throughput(
        "Pushes per second by number of shards",
        vec![("median".to_owned(), curve)],
    );
    side_by_side("Sweep over shards", comparison, curve)
}

fn side_by_side(title: &str, comparison: &Comparison, rates: Chart) -> (String, Vec<Chart>) {
    let last: Vec<(&str, &Report)> = comparison
        .names
        .iter()
        .zip(&comparison.reports)
        .filter_map(|(name, reports)| Some((name.as_str(), reports.last()?)))
        .collect();
    let charts = vec![rates, plot::latency_by_percentile(&last)];
    let rows: String = comparison_rows(comparison).iter().map(|row| table_row(row)).collect();
    let notes: String = last
        .iter()
        .flat_map(|(name, report)| caveats(report).into_iter().map(move |c| format!("{name}: {c}")))
        .map(|note| format!("<p>{}</p>\n", escape(&note)))
        .collect();
    let body = format!(
        "<p>{}</p>\n<table>\n{rows}</table>\n{notes}{}",
        escape(&headline(comparison)),
        figures(&charts)
    );
    (page(title, &body), charts)
}

fn table_row(cells: &[String]) -> String {
    let cells: String = cells.iter().map(|cell| format!("<td>{}</td>", escape(cell))).collect();
    format!("<tr>{cells}</tr>\n")
}

fn figures(charts: &[Chart]) -> String {
    charts.iter().map(|chart| format!("<figure>{}</figure>\n", chart.svg())).collect()
}

fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <style>body{{font-family:sans-serif;max-width:60em;margin:2em auto;padding:0 1em}}\
         pre{{overflow-x:auto;background:#f6f6f6;padding:1em}}td{{padding:.2em .6em;text-align:right}}\
         td:first-child{{text-align:left}}tr:first-child{{font-weight:bold}}figure{{margin:1em 0}}\
         svg{{max-width:100%;height:auto}}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{body}</body>\n</html>\n"
    )
}

/// Text as it may stand in HTML and SVG.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
