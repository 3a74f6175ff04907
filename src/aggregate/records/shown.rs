//! The protobuf form of a family of a sum.

use crate::aggregate::family::Family;
use crate::aggregate::lines::with_sample;
use crate::aggregate::natives::{Exemplars, Native, Of};
use crate::aggregate::series::{Line, Series};
use crate::exposition::protobuf::{
    counter, family, histogram, label, metric, value, write_bytes, write_double, write_histogram,
    write_message,
};
use crate::exposition::{Kind, SampleLine, is_whole, parse_number, unescape};

impl Family {
    /// What a scrape in protobuf shows of it, in the form of [`push::Batch::native`](crate::push::Batch::native); empty where its text says all.
    pub(in crate::aggregate) fn render_natives(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.natives.is_empty() {
            return out;
        }
        for (slot, series) in self.slots().filter(|(_, series)| series.is_shown()) {
            let native = self.natives.get(slot);
            write_metric(&mut out, self.kind, series, native);
        }
        out
    }
}

fn write_metric(out: &mut Vec<u8>, kind: Kind, series: &Series, native: Option<&Native>) {
    let Some(last) = series.lines.last() else { return };
    let none = Exemplars::default();
    let exemplars = native.map_or(&none, |native| &native.exemplars);
    write_message(out, family::METRIC, |out| {
        with_sample(&last.opening, |sample| {
            for (name, value) in &sample.labels {
                write_message(out, metric::LABEL, |out| {
                    write_bytes(out, label::NAME, name.as_bytes());
                    write_bytes(out, label::VALUE, unescape(value).as_bytes());
                });
            }
        });
        if kind == Kind::Histogram {
            write_message(out, metric::HISTOGRAM, |out| {
                write_parts(out, series, native, exemplars);
            });
        } else {
            write_message(out, metric::COUNTER, |out| {
                write_double(out, value::VALUE, last.value.shown());
                if let Some(exemplar) = exemplars.get(Of::Counter) {
                    write_bytes(out, counter::EXEMPLAR, exemplar);
                }
            });
        }
    });
}

fn write_parts(out: &mut Vec<u8>, series: &Series, native: Option<&Native>, exemplars: &Exemplars) {
    let shown = |line: &Line| line.value.shown();
    let sum = series.sum_at.and_then(|at| series.lines.get(at)).map_or(0.0, shown);
    let mut count = series.lines.last().map_or(0.0, shown);
    let bound = |line: &Line| {
        let read = |sample: &SampleLine<'_>| {
            let (_, bound) = sample.labels.last().filter(|(name, _)| *name == "le")?;
            parse_number(bound.as_bytes())
        };
        with_sample(&line.opening, read).flatten()
    };
    let parts = series.lines.iter().filter_map(|line| Some((bound(line)?, shown(line))));
    let mut parts: Vec<(f64, f64)> = parts.collect();
    let buckets = native.and_then(|native| native.buckets.as_ref());
    let buckets = buckets.and_then(|buckets| Some((buckets, buckets.observed()?)));
    if let Some((_, observed)) = buckets {
        // What was observed as NaN is in the count but in no bucket; Prometheus takes that as long as the sum is NaN.
        let observed = observed as f64;
        count = if sum.is_nan() && is_whole(count) { count.max(observed) } else { observed };
        let is_classic = parts.iter().any(|(bound, _)| bound.is_finite());
        if !is_classic || !parts.iter().all(|(_, count)| is_whole(*count)) {
            parts.clear();
        }
    }
    write_histogram(out, &parts, sum, count, |bound| exemplars.get(Of::bucket(bound)));
    if let Some((buckets, _)) = buckets {
        buckets.write(out);
        exemplars.native().for_each(|one| write_bytes(out, histogram::EXEMPLAR, one));
    }
}
