//! Histograms and summaries: one message, many lines.

use super::native;
use super::schema::Message;
use crate::exposition::Kind;
use crate::exposition::protobuf::{bucket, histogram, metric, quantile, summary};
use crate::push::Problem;

/// The value of a metric that is a histogram or a summary, as the text format shows it.
#[derive(Debug)]
pub(super) struct Assembled<'a> {
    metric: Message<'a>,
    is_summary: bool,
    pub(super) count: f64,
    pub(super) sum: f64,
}

impl<'a> Assembled<'a> {
    /// Reads the value of a metric of a kind that has parts. `is_classic` says that text shows all of it.
    pub(super) fn read(
        metric: Message<'a>,
        kind: Kind,
        is_classic: bool,
    ) -> Result<Assembled<'a>, Problem> {
        let is_summary = kind == Kind::Summary;
        let mut assembled = Assembled { metric, is_summary, count: 0.0, sum: 0.0 };
        if is_summary {
            assembled.read_summary();
        } else {
            assembled.read_histogram();
        }
        for (bound, value) in assembled.parts() {
            if bound.is_nan() {
                return Err(if is_summary { Problem::Quantile } else { Problem::BucketBound });
            }
            if !is_summary && value < 0.0 {
                return Err(Problem::NegativeCount);
            }
        }
        if assembled.count < 0.0 {
            return Err(Problem::NegativeCount);
        }
        if !is_summary && !is_classic {
            native::check(metric)?;
        }
        Ok(assembled)
    }

    fn read_summary(&mut self) {
        for field in self.metric.messages(metric::SUMMARY).flat_map(Message::fields) {
            match field.number {
                summary::COUNT => self.count = field.varint() as f64,
                summary::SUM => self.sum = field.double(),
                _ => {}
            }
        }
    }

    fn read_histogram(&mut self) {
        let (mut count, mut count_float) = (0, 0.0);
        for field in self.metric.messages(metric::HISTOGRAM).flat_map(Message::fields) {
            match field.number {
                histogram::COUNT => count = field.varint(),
                histogram::COUNT_FLOAT => count_float = field.double(),
                histogram::SUM => self.sum = field.double(),
                _ => {}
            }
        }
        self.count = either(count, count_float);
    }

    /// The bounds and values of its buckets or quantiles.
    pub(super) fn parts(&self) -> impl Iterator<Item = (f64, f64)> + use<'a> {
        let is_summary = self.is_summary;
        let (value, part) = if is_summary {
            (metric::SUMMARY, summary::QUANTILE)
        } else {
            (metric::HISTOGRAM, histogram::BUCKET)
        };
        let parts = self.metric.messages(value).flat_map(move |value| value.messages(part));
        parts.map(move |part| if is_summary { quantile(part) } else { bucket(part) })
    }
}

fn quantile(message: Message<'_>) -> (f64, f64) {
    let (mut bound, mut value) = (0.0, 0.0);
    for field in message.fields() {
        match field.number {
            quantile::BOUND => bound = field.double(),
            quantile::VALUE => value = field.double(),
            _ => {}
        }
    }
    (bound, value)
}

fn bucket(message: Message<'_>) -> (f64, f64) {
    let (mut bound, mut count, mut count_float) = (0.0, 0, 0.0);
    for field in message.fields() {
        match field.number {
            bucket::COUNT => count = field.varint(),
            bucket::BOUND => bound = field.double(),
            bucket::COUNT_FLOAT => count_float = field.double(),
            _ => {}
        }
    }
    (bound, either(count, count_float))
}

/// A count that may be given either way: as in the reference, the float counts unless it is 0.
fn either(count: u64, count_float: f64) -> f64 {
    if count_float == 0.0 { count as f64 } else { count_float }
}
