//! One series of a sum: its lines, each with what all sources come to.

use crate::aggregate::exact::Exact;
use crate::aggregate::gauge::{Contribution, Values};
use crate::aggregate::stamps::Stamps;
use crate::exposition::write_number;
use crate::push;
use crate::rules::Gauges;

/// A line of the exposition: a sample without its value, and the value.
#[derive(Debug)]
pub(super) struct Line {
    /// Up to the value, the blank included.
    pub(super) opening: Box<[u8]>,
    pub(super) value: LineValue,
    /// Where the value stands in what is shown of the family, and how long it is there. Only the family knows whether this is so.
    pub(super) place: ValuePlace,
}

/// Where a value stands in a text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ValuePlace {
    pub(super) at: u32,
    pub(super) len: u32,
}

/// What all sources come to.
#[derive(Debug)]
pub(super) enum LineValue {
    /// All that sources have ever counted.
    Total(Exact),
    Gauge(Values),
}

/// A series. That of a histogram has a line for each bucket, one for the sum and one for the count; that of a summary has no
/// quantiles.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) fingerprint: push::Series,
    pub(super) lines: Vec<Line>,
    /// Which line is the sum of a histogram or summary. It may fall without a restart.
    pub(super) sum_at: Option<usize>,
    /// How many sources have it, if it is a gauge. A gauge without any is gone.
    pub(super) sources: u32,
}

/// A series without its lines: its entries in the tables of the family.
const SERIES_BYTES: u64 = 128;
/// A line: its exact total, and the head of its opening. A total that is wide takes more, and is rare.
const LINE_BYTES: u64 = 128;

/// Whose values these are, and when they were pushed.
#[derive(Debug, Clone, Copy)]
pub(super) struct By {
    pub(super) source: u32,
    pub(super) pushed: u64,
}

/// A change of what one source has of a series.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) slot: u32,
    /// What the source had, if its values count.
    pub(super) old: Option<(Numbers, By)>,
    pub(super) new: Option<(Numbers, By)>,
    /// Whether what the source had stays in the totals: it was restarted, or is gone.
    pub(super) keeps: bool,
}

/// A change of one value of one source.
#[derive(Debug, Clone, Copy)]
pub(super) struct ValueStep {
    pub(super) slot: u32,
    pub(super) line: u32,
    /// Which line of the source it is.
    pub(super) at: u32,
    pub(super) old: f64,
    pub(super) new: f64,
    /// Whether the source was started again, so that the old value stays in the total.
    pub(super) is_restart: bool,
}

impl ValueStep {
    /// Whether a total changes that counts what its sources have.
    pub(super) fn changes(&self) -> bool {
        self.is_restart || self.old.to_bits() != self.new.to_bits()
    }
}

impl LineValue {
    /// What is shown.
    pub(super) fn shown(&self) -> f64 {
        match self {
            LineValue::Total(total) => total.value(),
            LineValue::Gauge(values) => values.value(),
        }
    }

    /// Changes what one source has, or adds an increment.
    pub(super) fn change(
        &mut self,
        step: &ValueStep,
        is_increment: bool,
        [old, new]: [By; 2],
        stamps: &Stamps,
    ) {
        let one = |value, by: By| Contribution { value, pushed: by.pushed, source: by.source };
        match self {
            LineValue::Total(total) if is_increment => total.add(step.new),
            // What is no number counts only while the source has it.
            LineValue::Total(total) if step.is_restart && step.old.is_finite() => {
                total.add(step.new);
            }
            LineValue::Total(total) => total.replace(step.old, step.new),
            LineValue::Gauge(values) => {
                values.replace(one(step.old, old), one(step.new, new), stamps);
            }
        }
    }
}

/// The values of the lines of a series.
pub(super) type Numbers = smallvec::SmallVec<[f64; 2]>;

impl Series {
    pub(super) fn new(
        fingerprint: push::Series,
        openings: Vec<Box<[u8]>>,
        sum_at: Option<usize>,
        gauges: Option<Gauges>,
    ) -> Series {
        let value = || match gauges {
            None => LineValue::Total(Exact::default()),
            Some(gauges) => LineValue::Gauge(Values::new(gauges)),
        };
        let lines = openings.into_iter().map(|opening| Line {
            opening,
            value: value(),
            place: ValuePlace::default(),
        });
        Series { fingerprint, lines: lines.collect(), sum_at, sources: 0 }
    }

    /// How much memory it takes.
    pub(super) fn bytes(&self) -> u64 {
        let lines = self.lines.iter().map(|line| LINE_BYTES + line.opening.len() as u64);
        SERIES_BYTES + lines.sum::<u64>()
    }

    /// Whether a source that had `old` and now has `new` has begun anew.
    pub(super) fn is_restart(&self, old: &[f64], new: &[f64]) -> bool {
        let lines = old.iter().zip(new).enumerate();
        lines.filter(|(at, _)| Some(*at) != self.sum_at).any(|(_, (old, new))| new < old)
    }

    /// Whether anything is to be shown of it.
    pub(super) fn is_shown(&self) -> bool {
        self.sources > 0 || !self.is_gauge()
    }

    /// Makes a change, or undoes the last one that was made.
    pub(super) fn change(&mut self, step: &Step, undoes: bool, stamps: &Stamps) {
        let mut sides = [(&step.old, true), (&step.new, false)];
        if undoes {
            sides.reverse(); // Both may have been pushed at the same time.
        }
        for (values, is_old) in sides {
            let Some((values, by)) = values else { continue };
            let goes = is_old != undoes;
            for (line, value) in self.lines.iter_mut().zip(values) {
                match &mut line.value {
                    // What is no number counts only while the source has it.
                    LineValue::Total(_) if is_old && step.keeps && value.is_finite() => {}
                    LineValue::Total(total) if goes => total.take(*value),
                    LineValue::Total(total) => total.add(*value),
                    LineValue::Gauge(all) => {
                        let one =
                            Contribution { value: *value, pushed: by.pushed, source: by.source };
                        if goes { all.take(one, stamps) } else { all.add(one, stamps) }
                    }
                }
            }
            if self.is_gauge() {
                self.sources = if goes { self.sources - 1 } else { self.sources + 1 };
            }
        }
    }

    fn is_gauge(&self) -> bool {
        self.lines.iter().any(|line| matches!(line.value, LineValue::Gauge(_)))
    }

    /// Appends its lines to the text of the family, and takes down where their values stand there.
    pub(super) fn render(&mut self, out: &mut Vec<u8>) {
        for line in &mut self.lines {
            out.extend_from_slice(&line.opening);
            let at = out.len() as u32;
            write_number(out, line.value.shown());
            line.place = ValuePlace { at, len: out.len() as u32 - at };
            out.push(b'\n');
        }
    }
}
