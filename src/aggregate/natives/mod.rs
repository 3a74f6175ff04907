//! What only protobuf can say of a sum: native histograms that add up, and the newest exemplars.
//!
//! Start with [`Brought::of`], which reads what a source brings, and [`Family::change_natives`], which takes it behind each change of a series. `buckets` adds native
//! histograms up, `exemplars` keeps those of all sources, and `shown` writes the protobuf form of a family.
//!
//! **Invariant:** the native histogram of a series accounts for all that the series counts. A source that counts in it without native buckets of whole counts
//! ends it: from then on the series is shown with its classic buckets alone.

mod buckets;
mod exemplars;
mod shown;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use self::buckets::Buckets;
use self::exemplars::Exemplars;
use crate::aggregate::family::{Family, SourceFamily};
use crate::aggregate::series::{Series, Step};
use crate::exposition::protobuf::{
    NativeHistogram, bucket, counter, family, fields, histogram, label_of, metric,
};
use crate::exposition::{Kind, write_label_value, write_sample};
use crate::push::{self, SeriesHasher, spelling};

/// What all sources come to natively: the series of a family that have such a part, by slot.
#[derive(Debug, Default)]
pub(super) struct Natives {
    by_slot: BTreeMap<u32, Native>,
    /// How much memory they take.
    pub(super) bytes: u64,
}

/// That of a series.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Native {
    buckets: Option<Buckets>,
    exemplars: Exemplars,
}

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

/// A native series, with its part of the table.
const NATIVE_BYTES: u64 = 96;

impl Natives {
    pub(super) fn is_empty(&self) -> bool {
        self.by_slot.is_empty()
    }

    /// Sets that of a series; one that says nothing is none. Answers what it was.
    pub(super) fn set(&mut self, slot: u32, native: Option<Native>) -> Option<Native> {
        let native = native.filter(|native| *native != Native::default());
        let before = match native {
            Some(native) => {
                self.bytes += native.bytes();
                self.by_slot.insert(slot, native)
            }
            None => self.by_slot.remove(&slot),
        };
        self.bytes -= before.as_ref().map_or(0, Native::bytes);
        before
    }
}

impl Native {
    fn bytes(&self) -> u64 {
        NATIVE_BYTES + self.buckets.as_ref().map_or(0, Buckets::bytes) + self.exemplars.bytes()
    }
}

/// Whether the protobuf form of a family says more than its text and than times of creation, which a sum does not have.
pub(super) fn says_more(records: &[u8]) -> bool {
    let parts = fields(records).flat_map(|metric| fields(metric.bytes)).flat_map(|value| {
        let of_value = fields(value.bytes);
        of_value.map(move |part| (value.number, part))
    });
    parts.into_iter().any(|(value, part)| match (value, part.number) {
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
        let buckets = |brought: &Brought| brought.0.get(&series)?.native.buckets.clone();
        buckets(&self.old).zip(buckets(&self.new)).is_some_and(|(old, new)| new.is_restart(&old))
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
        self.natives.by_slot.get(&self.slot(series)?)
    }

    /// Changes the native part of a series behind a change of its values. Answers what it was.
    pub(super) fn change_natives(&mut self, step: &Step, change: &Change) -> Option<Native> {
        let series = self.series_at(step.slot)?;
        let [old, new] =
            [&change.old, &change.new].map(|brought| brought.0.get(&series.fingerprint));
        let mut native = self.natives.by_slot.get(&step.slot).cloned().unwrap_or_default();
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

/// What the native histogram of a series comes to behind a change of its values.
fn total(
    total: Option<Buckets>,
    series: &Series,
    step: &Step,
    [old, new]: [Option<&Buckets>; 2],
) -> Option<Buckets> {
    // The last line is the count.
    let counted = |values: &[f64]| values.last().copied().unwrap_or_default();
    let (before, now) = (step.old.as_ref(), step.new.as_ref());
    let Some(mut total) = total else {
        let all = series.lines.last()?.value.shown();
        // Nothing else has been counted.
        let is_all = now.is_some_and(|(values, _)| counted(values) == all);
        return new.filter(|_| is_all).cloned();
    };
    if let Some((values, _)) = before.filter(|_| !step.keeps) {
        match old {
            Some(old) if total.take(old) => {}
            None if counted(values) == 0.0 => {}
            _ => return None,
        }
    }
    if let Some((values, _)) = now {
        match new {
            Some(new) if total.add(new) => {}
            None if counted(values) == 0.0 => {}
            _ => return None,
        }
    }
    Some(total)
}
