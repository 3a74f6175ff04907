//! The OpenMetrics text format, from the canonical text of a page.
//!
//! What differs from the text format 0.0.4:
//! - a counter's family is named without `_total`, and all its samples with it;
//! - the samples of a gauge histogram are named `_gcount` and `_gsum`;
//! - whole `le` and `quantile` values end in `.0`;
//! - there are other words for some types, quotes in help texts are escaped, and [`EOF`] ends it all.
//!
//! What OpenMetrics says about values is left alone, as Prometheus and the reference's encoder leave it:
//! a counter below zero, a histogram whose counts are not whole or whose buckets were pushed out of
//! order is shown as it is.

use std::borrow::Cow;

use memchr::memchr2_iter;

use super::naming::Naming;
use crate::exposition::{Kind, sample_lines, write_comment, write_sample};

/// The line that an exposition ends with.
pub(super) const EOF: &[u8] = b"# EOF\n";

const TOTAL: &str = "_total";

/// Appends the `HELP` line (unless `help` is empty) and the `TYPE` line of the family that is shown as
/// `name`. `help` is escaped as the text format has it.
pub(super) fn write_header(out: &mut Vec<u8>, name: &str, kind: Kind, help: &str) {
    let family = family_name(name, kind);
    if !help.is_empty() {
        write_comment(out, "HELP", family, &with_escaped_quotes(help));
    }
    write_comment(out, "TYPE", family, type_word(kind));
}

/// Whether the samples of a family that is shown as `name` differ from those of the text format. Where
/// they do not, and its [`Naming`] is plain, the text of a page is what [`write_samples`] would write.
pub(super) fn changes_samples(kind: Kind, name: &str) -> bool {
    match kind {
        Kind::Untyped | Kind::Gauge => false,
        Kind::Counter => family_name(name, kind).len() == name.len(),
        Kind::Summary | Kind::Histogram | Kind::GaugeHistogram => true,
    }
}

/// Appends the samples of `text`, the canonical text of a page of the family that `naming` is about.
pub(super) fn write_samples(out: &mut Vec<u8>, kind: Kind, text: &[u8], naming: &Naming<'_>) {
    out.reserve(text.len());
    let adds_total = kind == Kind::Counter && changes_samples(kind, naming.shown);
    for sample in sample_lines(text) {
        let suffix = match (kind, naming.suffix(&sample.name)) {
            (Kind::Counter, _) if adds_total => TOTAL,
            (Kind::GaugeHistogram, "_count") => "_gcount",
            (Kind::GaugeHistogram, "_sum") => "_gsum",
            (_, suffix) => suffix,
        };
        let name = [naming.shown, suffix];
        match (sample.labels.split_last(), kind.part_label()) {
            (Some(((last, bound), labels)), Some(part_label)) if last == part_label => {
                let bound = float(bound);
                let labels = naming.labels(labels).chain([(part_label, &*bound)]);
                write_sample(out, name, labels, sample.value);
            }
            _ => write_sample(out, name, naming.labels(&sample.labels), sample.value),
        }
    }
}

/// The name in the header of a family that is shown as `name`.
pub(super) fn family_name(name: &str, kind: Kind) -> &str {
    let stem = name.strip_suffix(TOTAL).filter(|stem| kind == Kind::Counter && !stem.is_empty());
    stem.unwrap_or(name)
}

/// The suffixes of the names that are a family's alone, besides its own name.
pub(super) fn occupied_suffixes(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Untyped | Kind::Gauge => &[],
        Kind::Counter => &[TOTAL, "_created"],
        Kind::Summary => &["_count", "_created", "_sum"],
        Kind::Histogram => &["_bucket", "_count", "_created", "_sum"],
        Kind::GaugeHistogram => &["_bucket", "_gcount", "_gsum"],
    }
}

fn type_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Untyped => "unknown",
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Summary => "summary",
        Kind::Histogram => "histogram",
        Kind::GaugeHistogram => "gaugehistogram",
    }
}

/// A number as OpenMetrics spells a float: whole ones end in `.0`.
fn float(number: &str) -> Cow<'_, str> {
    let is_whole = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if is_whole { format!("{number}.0").into() } else { number.into() }
}

/// An escaped help text with its quotes escaped as well.
fn with_escaped_quotes(help: &str) -> Cow<'_, str> {
    let mut escaped = String::new();
    let mut copied = 0;
    let mut found = memchr2_iter(b'"', b'\\', help.as_bytes());
    while let Some(at) = found.next() {
        if help.as_bytes()[at] == b'"' {
            escaped.push_str(&help[copied..at]);
            escaped.push('\\');
            copied = at;
        } else if matches!(help.as_bytes().get(at + 1), Some(b'"' | b'\\')) {
            found.next(); // What a backslash stands before is escaped.
        }
    }
    if copied == 0 && escaped.is_empty() {
        return help.into();
    }
    escaped.push_str(&help[copied..]);
    escaped.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(kind: Kind, text: &str, naming: &Naming<'_>) -> String {
        let mut out = Vec::new();
        write_samples(&mut out, kind, text.as_bytes(), naming);
        String::from_utf8(out).expect("is UTF-8")
    }

    fn header(name: &str, kind: Kind, help: &str) -> String {
        let mut out = Vec::new();
        write_header(&mut out, name, kind, help);
        String::from_utf8(out).expect("is UTF-8")
    }

    #[test]
    fn headers_have_the_words_and_escapes_of_open_metrics() {
        assert_eq!(
            header("a_total", Kind::Counter, r#""\\"\n\"é"#),
            "# HELP a \\\"\\\\\\\"\\n\\\"é\n# TYPE a counter\n"
        );
        assert_eq!(header("a", Kind::Counter, ""), "# TYPE a counter\n");
        assert_eq!(header("_total", Kind::Counter, ""), "# TYPE _total counter\n");
        assert_eq!(
            header("a_total", Kind::Untyped, "b"),
            "# HELP a_total b\n# TYPE a_total unknown\n"
        );
        assert_eq!(header("a.b", Kind::GaugeHistogram, ""), "# TYPE \"a.b\" gaugehistogram\n");
    }

    #[test]
    fn every_sample_of_a_counter_ends_in_total() {
        let plain = Naming::plain("a_total");
        assert!(!changes_samples(Kind::Counter, "a_total"));
        assert_eq!(written(Kind::Counter, "a_total{b=\"c\"} 1\n", &plain), "a_total{b=\"c\"} 1\n");
        assert!(changes_samples(Kind::Counter, "a") && changes_samples(Kind::Counter, "_total"));
        assert_eq!(written(Kind::Counter, "a 1\n", &Naming::plain("a")), "a_total 1\n");
        let quoted = Naming::plain("a.b");
        assert_eq!(written(Kind::Counter, "{\"a.b\"} 1\n", &quoted), "{\"a.b_total\"} 1\n");
        assert_eq!(written(Kind::Untyped, "a 1\n", &Naming::plain("a")), "a 1\n");
    }

    #[test]
    fn bounds_are_floats_and_counts_are_not() {
        let text = "h_bucket{le=\"1\"} 2\nh_bucket{le=\"1e+06\"} 2\nh_bucket{le=\"-0.5\"} 2\n\
                    h_bucket{le=\"+Inf\"} 2\nh_sum{job=\"1\"} 2\nh_count{job=\"1\"} 2\n";
        assert_eq!(
            written(Kind::Histogram, text, &Naming::plain("h")),
            text.replace("le=\"1\"", "le=\"1.0\"")
        );
        let text = "s{job=\"1\",quantile=\"0\"} 2\ns_sum{job=\"1\"} 1\ns_count{job=\"1\"} 1\n";
        assert_eq!(
            written(Kind::Summary, text, &Naming::plain("s")),
            text.replace("quantile=\"0\"", "quantile=\"0.0\"")
        );
    }

    #[test]
    fn gauge_histograms_have_names_of_their_own() {
        let text = "g_bucket{le=\"+Inf\"} 2\ng_sum{} 3\ng_count{} 2\n";
        assert_eq!(
            written(Kind::GaugeHistogram, text, &Naming::plain("g")),
            "g_bucket{le=\"+Inf\"} 2\ng_gsum 3\ng_gcount 2\n"
        );
    }
}
