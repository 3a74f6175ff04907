//! The protobuf format: `io.prometheus.client.MetricFamily` messages, from the canonical text of pages.
//!
//! A message is [`write_header`] followed by what [`write_metrics`] makes of each page of the family, and
//! stands behind its length ([`write_delimiter`]): in protobuf, messages that follow one another are one.
//! So what a page is encoded to can be kept with the page.
//!
//! As in the reference, what was pushed as text comes out as it was: histograms with their `+Inf` bucket,
//! a histogram of which any count is not whole with all counts as floats, gauge histograms as what they
//! are. Fields whose value is 0 are written, since their presence means something.

use prost::encoding::encode_varint;

use super::naming::Naming;
use crate::exposition::protobuf::{
    family, fields, label, metric, number_of, quantile, summary, value, value_field, write_bytes,
    write_double, write_histogram, write_message, write_varint,
};
use crate::exposition::{Kind, SampleLine, parse_number, sample_lines, unescape};

/// Appends the length of a message, in bytes, as it stands in front of it.
pub(super) fn write_delimiter(out: &mut Vec<u8>, message_bytes: usize) {
    encode_varint(message_bytes as u64, out);
}

/// Appends the name, the help text (unless it is empty) and the type of a family. `help` is escaped as
/// the text format has it.
pub(super) fn write_header(out: &mut Vec<u8>, name: &str, kind: Kind, help: &str) {
    write_bytes(out, family::NAME, name.as_bytes());
    if !help.is_empty() {
        write_bytes(out, family::HELP, unescape(help).as_bytes());
    }
    write_varint(out, family::TYPE, number_of(kind));
}

/// Appends one `metric` record for each series of `text`, the canonical text of a page.
pub(super) fn write_metrics(out: &mut Vec<u8>, kind: Kind, text: &[u8], naming: &Naming<'_>) {
    out.reserve(text.len());
    let (value_field, part_label) = (value_field(kind), kind.part_label().unwrap_or_default());
    let mut series = Folded::default();
    for sample in sample_lines(text) {
        let value = number(sample.value);
        if part_label.is_empty() {
            write_metric(out, &sample, naming, |out| {
                write_message(out, value_field, |out| write_double(out, value::VALUE, value));
            });
            continue;
        }
        match naming.suffix(&sample.name) {
            "_sum" => series.sum = value,
            "_count" => {
                series.count = value;
                write_metric(out, &sample, naming, |out| {
                    write_message(out, value_field, |out| match kind {
                        Kind::Summary => series.write_summary(out),
                        _ => series.write_histogram(out),
                    });
                });
                series.clear();
            }
            _ => {
                if let Some((_, bound)) =
                    sample.labels.last().filter(|(name, _)| name == part_label)
                {
                    series.parts.push((number(bound), value));
                }
            }
        }
    }
}

/// Appends `records`, `metric` records of whatever origin, with their labels under the names of `naming`.
/// What is in a record besides labels stays as it is.
pub(super) fn rewrite_labels(out: &mut Vec<u8>, records: &[u8], naming: &Naming<'_>) {
    out.reserve(records.len());
    for record in fields(records) {
        if record.number != family::METRIC {
            out.extend_from_slice(record.whole);
            continue;
        }
        write_message(out, family::METRIC, |out| {
            for field in fields(record.bytes) {
                if field.number != metric::LABEL {
                    out.extend_from_slice(field.whole);
                    continue;
                }
                write_message(out, metric::LABEL, |out| {
                    for part in fields(field.bytes) {
                        match std::str::from_utf8(part.bytes) {
                            Ok(name) if part.number == label::NAME => {
                                write_bytes(out, label::NAME, naming.labels.shown(name).as_bytes());
                            }
                            _ => out.extend_from_slice(part.whole),
                        }
                    }
                });
            }
        });
    }
}

/// Appends a record with the labels of `sample`, and behind them what `write` appends.
fn write_metric(
    out: &mut Vec<u8>,
    sample: &SampleLine<'_>,
    naming: &Naming<'_>,
    write: impl FnOnce(&mut Vec<u8>),
) {
    write_message(out, family::METRIC, |out| {
        for (name, value) in naming.labels(&sample.labels) {
            write_message(out, metric::LABEL, |out| {
                write_bytes(out, label::NAME, name.as_bytes());
                write_bytes(out, label::VALUE, unescape(value).as_bytes());
            });
        }
        write(out);
    });
}

/// What the lines of one histogram or summary have said so far.
#[derive(Debug, Default)]
struct Folded {
    /// Bounds and counts of buckets, or quantiles and their values.
    parts: Vec<(f64, f64)>,
    sum: f64,
    count: f64,
}

impl Folded {
    fn clear(&mut self) {
        self.parts.clear();
        (self.sum, self.count) = (0.0, 0.0);
    }

    fn write_summary(&self, out: &mut Vec<u8>) {
        write_varint(out, summary::COUNT, self.count as u64);
        write_double(out, summary::SUM, self.sum);
        for &(quantile, value) in &self.parts {
            write_message(out, summary::QUANTILE, |out| {
                write_double(out, quantile::BOUND, quantile);
                write_double(out, quantile::VALUE, value);
            });
        }
    }

    fn write_histogram(&self, out: &mut Vec<u8>) {
        write_histogram(out, &self.parts, self.sum, self.count, |_| None);
    }
}

fn number(text: &str) -> f64 {
    parse_number(text.as_bytes()).expect("what is rendered as a number is one")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::Escaping;
    use crate::scrape::label_names::LabelNames;

    fn metrics(kind: Kind, name: &str, text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        write_metrics(&mut out, kind, text.as_bytes(), &Naming::plain(name));
        out
    }

    /// The bytes of `pieces`, one after the other.
    fn joined(pieces: &[&[u8]]) -> Vec<u8> {
        pieces.concat()
    }

    #[test]
    fn a_series_is_one_record_of_the_family() {
        let one = 1f64.to_le_bytes();
        assert_eq!(
            metrics(Kind::Gauge, "g", "g{job=\"\\\"\"} 1\n"),
            joined(&[b"\x22\x15", b"\x0a\x08\x0a\x03job\x12\x01\"", b"\x12\x09\x09", &one])
        );
        assert_eq!(
            metrics(Kind::Counter, "c", "c 1\nc 1\n"),
            joined(&[b"\x22\x0b\x1a\x09\x09", &one, b"\x22\x0b\x1a\x09\x09", &one])
        );
        assert_eq!(
            metrics(Kind::Untyped, "u", "u 0\n"),
            joined(&[b"\x22\x0b\x2a\x09\x09", &[0; 8]])
        );
    }

    #[test]
    fn a_long_record_has_a_long_length() {
        let value = "x".repeat(300);
        let record = metrics(Kind::Gauge, "g", &format!("g{{a=\"{value}\"}} 1\n"));
        let label = joined(&[b"\x0a\x01a\x12\xac\x02", value.as_bytes()]);
        let gauge = joined(&[b"\x12\x09\x09", &1f64.to_le_bytes()]);
        assert_eq!(record, joined(&[b"\x22\xc0\x02\x0a\xb2\x02", &label, &gauge]));
    }

    #[test]
    fn a_histogram_with_a_count_that_is_not_whole_has_only_floats() {
        let text = |first: &str| {
            format!("h_bucket{{le=\"1\"}} {first}\nh_bucket{{le=\"+Inf\"}} 2\nh_sum 3\nh_count 2\n")
        };
        let [one, half, two, three] = [1.0, 0.5, 2.0, 3.0f64].map(f64::to_le_bytes);
        let infinity = f64::INFINITY.to_le_bytes();
        assert_eq!(
            metrics(Kind::Histogram, "h", &text("1")),
            joined(&[
                b"\x22\x27\x3a\x25\x08\x02\x11",
                &three,
                b"\x1a\x0b\x08\x01\x11",
                &one,
                b"\x1a\x0b\x08\x02\x11",
                &infinity
            ])
        );
        assert_eq!(
            metrics(Kind::GaugeHistogram, "h", &text("0.5")),
            joined(&[
                b"\x22\x3c\x3a\x3a\x11",
                &three,
                b"\x1a\x12\x11",
                &one,
                b"\x21",
                &half,
                b"\x1a\x12\x11",
                &infinity,
                b"\x21",
                &two,
                b"\x21",
                &two
            ])
        );
    }

    #[test]
    fn a_header_has_a_help_text_only_if_there_is_one() {
        let header = |help| {
            let mut out = Vec::new();
            write_header(&mut out, "é", Kind::GaugeHistogram, help);
            out
        };
        assert_eq!(header(""), "\x0a\x02é\x18\x05".as_bytes());
        assert_eq!(header("a\\n\"\\\\"), "\x0a\x02é\x12\x04a\n\"\\\x18\x05".as_bytes());
        let mut delimiter = Vec::new();
        write_delimiter(&mut delimiter, 300);
        assert_eq!(delimiter, b"\xac\x02");
    }

    #[test]
    fn records_under_other_labels_are_else_the_same() {
        let long = "x".repeat(200);
        let text = |label: &str| {
            let label = if label == "a.b" { "\"a.b\"" } else { label };
            format!(
                "s{{{label}=\"{long}\",quantile=\"0.5\"}} 1\ns_sum{{{label}=\"{long}\"}} 1\n\
                     s_count{{{label}=\"{long}\"}} 1\n"
            )
        };
        let records = metrics(Kind::Summary, "s", &text("a.b"));
        let labels = LabelNames::assign(&["a.b".to_owned()].into(), Escaping::Values);
        let naming = Naming { labels: &labels, ..Naming::plain("s") };
        let mut rewritten = Vec::new();
        rewrite_labels(&mut rewritten, &records, &naming);
        assert_eq!(rewritten, metrics(Kind::Summary, "s", &text("U__a_2e_b")));
        let mut same = Vec::new();
        rewrite_labels(&mut same, &records, &Naming::plain("s"));
        assert_eq!(same, records);
    }
}
