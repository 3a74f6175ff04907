//! Families that have been read, written as delimited protobuf.

use std::collections::HashSet;

use prost::encoding::encode_varint;

use super::families::{Families, Family, Series};
use super::line::Exemplar;
use crate::exposition::protobuf::{
    bucket, counter, exemplar, family, histogram, label, metric, number_of, quantile, summary,
    timestamp, value, value_field, write_bytes, write_double, write_message, write_varint,
};
use crate::exposition::{Kind, is_whole, unescape};
use crate::push::error::Refusal;
use crate::push::samples::finish::lossy;
use crate::push::samples::labels::Label;
use crate::push::samples::number::Number;

impl Families<'_> {
    /// All families that have samples, and in which line each of them begins.
    ///
    /// # Errors
    /// When two of them would be shown under one name.
    pub(super) fn write(&self) -> Result<(Vec<u8>, Vec<u32>), Refusal> {
        let (mut out, mut message, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        let mut names: HashSet<Vec<u8>, ahash::RandomState> = HashSet::default();
        for family in self.list.iter().filter(|family| !family.series.is_empty()) {
            let name = family.shown_name();
            message.clear();
            family.write(&name, &mut message);
            encode_varint(message.len() as u64, &mut out);
            out.extend_from_slice(&message);
            lines.push(family.line);
            if !names.insert(name) {
                return Err(Refusal::NameOccupied { name: lossy(&family.shown_name()) });
            }
        }
        Ok((out, lines))
    }
}

impl Family<'_> {
    /// The name in all other formats.
    fn shown_name(&self) -> Vec<u8> {
        let suffix: &[u8] = match self.kind {
            Some(Kind::Counter) => b"_total",
            _ if self.is_info => b"_info",
            _ => b"",
        };
        let stem = self.name.strip_suffix(suffix).unwrap_or(self.name);
        [stem, suffix].concat()
    }

    fn write(&self, name: &[u8], out: &mut Vec<u8>) {
        let kind = self.kind.unwrap_or(Kind::Untyped);
        write_bytes(out, family::NAME, name);
        if let Some(help) = self.help {
            write_bytes(out, family::HELP, &unescaped(help));
        }
        write_varint(out, family::TYPE, number_of(kind));
        for series in self.series.iter().filter(|series| !series.is_empty()) {
            write_message(out, family::METRIC, |out| {
                series.labels.iter().for_each(|label| write_label(out, metric::LABEL, label));
                write_message(out, value_field(kind), |out| match kind {
                    Kind::Untyped | Kind::Gauge => series.write_value(out),
                    Kind::Counter => series.write_counter(out),
                    Kind::Summary => series.write_summary(out),
                    Kind::Histogram | Kind::GaugeHistogram => series.write_histogram(out),
                });
            });
        }
    }
}

impl Series<'_> {
    fn write_value(&self, out: &mut Vec<u8>) {
        write_double(out, value::VALUE, self.value.map_or(0.0, Number::value));
    }

    fn write_counter(&self, out: &mut Vec<u8>) {
        self.write_value(out);
        write_exemplar(out, counter::EXEMPLAR, self.exemplar.as_ref());
        write_timestamp(out, counter::CREATED, self.created);
    }

    fn write_summary(&self, out: &mut Vec<u8>) {
        write_varint(out, summary::COUNT, self.count.map_or(0.0, Number::value) as u64);
        write_double(out, summary::SUM, self.sum.map_or(0.0, Number::value));
        for part in &self.parts {
            write_message(out, summary::QUANTILE, |out| {
                write_double(out, quantile::BOUND, part.bound.value());
                write_double(out, quantile::VALUE, part.value.value());
            });
        }
        write_timestamp(out, summary::CREATED, self.created);
    }

    fn write_histogram(&self, out: &mut Vec<u8>) {
        // The last bucket says the same as the count, which may be missing.
        let whole = self.parts.iter().find(|part| part.bound.value() == f64::INFINITY);
        let count = self.count.or(whole.map(|part| part.value)).map_or(0.0, Number::value);
        let are_whole =
            is_whole(count) && self.parts.iter().all(|part| is_whole(part.value.value()));
        let write_count = |out: &mut Vec<u8>, count: f64, [whole, float]: [u32; 2]| match are_whole
        {
            true => write_varint(out, whole, count as u64),
            false => write_double(out, float, count),
        };
        write_count(out, count, [histogram::COUNT, histogram::COUNT_FLOAT]);
        write_double(out, histogram::SUM, self.sum.map_or(0.0, Number::value));
        for part in &self.parts {
            write_message(out, histogram::BUCKET, |out| {
                write_count(out, part.value.value(), [bucket::COUNT, bucket::COUNT_FLOAT]);
                write_double(out, bucket::BOUND, part.bound.value());
                write_exemplar(out, bucket::EXEMPLAR, part.exemplar.as_ref());
            });
        }
        write_timestamp(out, histogram::CREATED, self.created);
    }
}

fn write_label(out: &mut Vec<u8>, field: u32, label: &Label<'_>) {
    write_message(out, field, |out| {
        write_bytes(out, label::NAME, label.name);
        write_bytes(out, label::VALUE, &unescaped(label.value));
    });
}

fn write_exemplar(out: &mut Vec<u8>, field: u32, one: Option<&Exemplar<'_>>) {
    let Some(one) = one else { return };
    write_message(out, field, |out| {
        one.labels.iter().for_each(|label| write_label(out, exemplar::LABEL, label));
        write_double(out, exemplar::VALUE, one.value);
        write_timestamp(out, exemplar::TIMESTAMP, one.timestamp);
    });
}

/// Writes a time in seconds, if there is one.
fn write_timestamp(out: &mut Vec<u8>, field: u32, seconds: Option<f64>) {
    let Some(time) = seconds.filter(|seconds| seconds.is_finite()) else { return };
    let nanos = ((time - time.floor()) * 1e9).round().min(999_999_999.0);
    write_message(out, field, |out| {
        write_varint(out, timestamp::SECONDS, time.floor() as i64 as u64);
        write_varint(out, timestamp::NANOS, nanos as u64);
    });
}

/// A text without its escapes, which are valid.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(text).expect("the line is UTF-8, and escapes are whole in it");
    unescape(text).into_owned().into_bytes()
}
