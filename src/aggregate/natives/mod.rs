//! What a sum knows of the series of a family beyond their text: native histograms that add up, and the newest exemplars.
//!
//! Start with [`Natives`]. `buckets` adds native histograms up, and `exemplars` keeps the newest of all sources. `records` reads and writes both.
//!
//! **Invariant:** the native histogram of a series accounts for all that the series counts. A source that counts in it without native buckets of whole counts
//! ends it: from then on the series is shown with its classic buckets alone.

mod buckets;
mod exemplars;

use std::collections::BTreeMap;

pub(super) use self::buckets::Buckets;
pub(super) use self::exemplars::{Exemplars, Of};
use crate::aggregate::series::{Series, Step};

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
    pub(super) buckets: Option<Buckets>,
    pub(super) exemplars: Exemplars,
}

/// A native series, with its part of the table.
const NATIVE_BYTES: u64 = 96;

impl Natives {
    pub(super) fn is_empty(&self) -> bool {
        self.by_slot.is_empty()
    }

    /// That of a series.
    pub(super) fn get(&self, slot: u32) -> Option<&Native> {
        self.by_slot.get(&slot)
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

/// What the native histogram of a series comes to behind a change of its values.
pub(super) fn total(
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
