//! The protobuf form of a family of a sum: what its sources say beyond their text, and what it shows of that.
//!
//! Start with [`Change::of`], which reads what a source had and has, and [`Family::change_natives`], which takes it behind each change of a series. `shown` writes the
//! form of a family that scrapes show, and that is read back after a restart.

mod shown;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::aggregate::family::{Family, SourceFamily};
use crate::aggregate::natives::{Buckets, Exemplars, Native, Natives, total};
use crate::aggregate::series::Step;
use crate::exposition::protobuf::{
    NativeHistogram, bucket, counter, family, fields, histogram, label_of, metric,
};
use crate::exposition::{Kind, write_label_value, write_sample};
use crate::push::{self, SeriesHasher, spelling};

/// What a source brings natively of a family, by the series of the sum.
#[derive(Debug, Default)]
pub(super) struct Brought(HashMap<push::Series, Said, ahash::RandomState>);

/// What a source says of a series.
#[derive(Debug)]
struct Said {
    native: Native,
    /// Whether it is a native histogram that no sum shows.
    is_left_out: bool,
}

/// What a source had of a family and now has.
#[derive(Debug)]
pub(super) struct Change {
    old: Brought,
    new: Brought,
}

/// Whether the protobuf form of a family says more than its text and than times of creation, which a sum does not have.
pub(super) fn says_more(records: &[u8]) -> bool {
    let mut parts = fields(records).flat_map(|metric| fields(metric.bytes)).flat_map(|value| {
        let of_value = fields(value.bytes);
        of_value.map(move |part| (value.number, part))
    });
    parts.any(|(value, part)| match (value, part.number) {
        (metric::COUNTER, counter::EXEMPLAR) | (metric::HISTOGRAM, histogram::EXEMPLAR) => true,
        (metric::HISTOGRAM, histogram::BUCKET) => {
            fields(part.bytes).any(|part| part.number == bucket::EXEMPLAR)
        }
        (metric::HISTOGRAM, number) => (histogram::SCHEMA..histogram::CREATED).contains(&number),
        _ => false,
    })
}

impl Change {
    /// `None` where neither of the two says more than its text, and the sum does not either.
    pub(super) fn of(
        [old, new]: [Option<&SourceFamily<'_>>; 2],
        gone: &[Vec<u8>],
        natives: &Natives,
    ) -> Option<Change> {
        let of = |one: Option<&SourceFamily<'_>>| {
            one.map(|one| Brought::of(one, gone)).unwrap_or_default()
        };
        let change = Change { old: of(old), new: of(new) };
        let is_none = change.old.0.is_empty() && change.new.0.is_empty() && natives.is_empty();
        (!is_none).then_some(change)
    }

    /// Whether the native histogram of a series has begun anew.
    pub(super) fn is_restart(&self, series: push::Series) -> bool {
        let said = [&self.old, &self.new].map(|brought| brought.0.get(&series));
        let [old, new] = said.map(|said| said?.native.buckets.as_ref());
        old.zip(new).is_some_and(|(old, new)| new.is_restart(old))
    }

    /// Whether the sum shows less than the source says now.
    pub(super) fn is_left_out(&self, family: &Family) -> bool {
        self.new.0.iter().any(|(series, said)| {
            said.is_left_out
                || said.native.buckets.is_some()
                    && family.native(*series).is_none_or(|native| native.buckets.is_none())
        })
    }
}

impl Brought {
    /// Reads what a source says of a family, whose labels `gone` go.
    pub(super) fn of(source: &SourceFamily<'_>, gone: &[Vec<u8>]) -> Brought {
        let records = source.native.filter(|records| says_more(records)).unwrap_or_default();
        let metrics = fields(records).filter(|field| field.number == family::METRIC);
        let has_buckets = matches!(source.kind, Kind::Histogram | Kind::GaugeHistogram);
        let said = metrics.map(|metric| {
            let histogram = NativeHistogram::of(metric.bytes).filter(|_| has_buckets);
            let counts = source.kind == Kind::Histogram;
            let buckets = histogram.as_ref().filter(|_| counts).and_then(Buckets::of);
            let is_left_out = histogram.is_some() && buckets.is_none();
            let exemplars = match source.kind {
                Kind::Counter | Kind::Histogram => Exemplars::of(metric.bytes, source.pushed),
                _ => Exemplars::default(),
            };
            let native = Native { buckets, exemplars };
            (series_of(source.name, metric.bytes, gone), Said { native, is_left_out })
        });
        Brought(
            said.filter(|(_, said)| said.is_left_out || said.native != Native::default()).collect(),
        )
    }
}

/// The series of the sum that a `Metric` message of a source belongs to.
fn series_of(name: &str, metric: &[u8], gone: &[Vec<u8>]) -> push::Series {
    let labels = fields(metric).filter(|field| field.number == metric::LABEL);
    let labels: Vec<(String, String)> = labels
        .map(|field| {
            let (name, value) = label_of(field.bytes);
            let mut escaped = Vec::new();
            write_label_value(&mut escaped, value.as_bytes());
            (name.into_owned(), String::from_utf8_lossy(&escaped).into_owned())
        })
        .collect();
    let mut line = Vec::new();
    let pairs = labels.iter().map(|(name, value)| (&**name, &**value));
    write_sample(&mut line, [name, ""], pairs, "");
    let mut spelled = Vec::new();
    spelling::write_without(&mut spelled, line.trim_ascii_end(), gone);
    SeriesHasher::get().series(&spelled)
}

impl Family {
    fn native(&self, series: push::Series) -> Option<&Native> {
        self.natives.get(self.slot(series)?)
    }

    /// Changes the native part of a series behind a change of its values. Answers what it was.
    pub(super) fn change_natives(&mut self, step: &Step, change: &Change) -> Option<Native> {
        let series = self.series_at(step.slot)?;
        let [old, new] =
            [&change.old, &change.new].map(|brought| brought.0.get(&series.fingerprint));
        let mut native = self.natives.get(step.slot).cloned().unwrap_or_default();
        let buckets = [old, new].map(|said| said?.native.buckets.as_ref());
        native.buckets = total(native.buckets, series, step, buckets);
        if let Some(new) = new.filter(|_| step.new.is_some()) {
            native.exemplars.take_newer(&new.native.exemplars);
        }
        self.natives.set(step.slot, Some(native))
    }

    /// Reads back what the sum has shown, which is all that it had.
    pub(super) fn restore_natives(&mut self, shown: &SourceFamily<'_>) {
        for (series, said) in Brought::of(shown, &[]).0 {
            if let Some(slot) = self.slot(series) {
                self.natives.set(slot, Some(said.native));
            }
        }
    }
}
