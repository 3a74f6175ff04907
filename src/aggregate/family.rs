//! One family of a sum, and how the lines of its sources find their series in it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::aggregate::lines::{Target, Targets, lines_of, opening};
use crate::aggregate::natives::Natives;
use crate::aggregate::parts::{Parts, differs};
use crate::aggregate::series::{Series, Step};
use crate::aggregate::stamps::Stamps;
use crate::exposition::Kind;
use crate::push::{self, Refusal, SeriesHasher, spelling};
use crate::rules::{Adding, Counters, Gauges};

/// A family of a source, as its shard holds it or as it was pushed.
#[derive(Debug, Clone, Copy)]
pub struct SourceFamily<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is.
    pub kind: Kind,
    /// Its help text, escaped.
    pub help: &'a str,
    /// Its samples, rendered, with the labels of the source.
    pub text: &'a [u8],
    /// What the text cannot say of it, with everything else: see [`Batch::native`](crate::push::Batch::native).
    pub native: Option<&'a [u8]>,
    /// When it was pushed, in nanoseconds since 1970.
    pub pushed: u64,
}

/// A family of a sum without its series.
const FAMILY_BYTES: u64 = 320;

/// A family of a sum.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) kind: Kind,
    pub(super) help: String,
    pub(super) adding: Adding,
    series: Vec<Option<Series>>,
    unused: Vec<u32>,
    by_fingerprint: HashMap<push::Series, u32, ahash::RandomState>,
    /// Those of the last source, which others may share.
    last_targets: Targets,
    /// Whether each line knows where its value stands in what is shown.
    is_laid_out: bool,
    /// When each source pushed the family last, if that decides about what is shown.
    pub(super) stamps: Stamps,
    /// What its text cannot say.
    pub(super) natives: Natives,
    series_bytes: u64,
}

impl Family {
    pub(super) fn new(kind: Kind, adding: Adding) -> Family {
        Family {
            kind,
            help: String::new(),
            adding,
            series: Vec::new(),
            unused: Vec::new(),
            by_fingerprint: HashMap::default(),
            last_targets: Arc::from([]),
            is_laid_out: false,
            stamps: Stamps::default(),
            natives: Natives::default(),
            series_bytes: 0,
        }
    }

    /// How much memory it takes.
    pub(super) fn bytes(&self, name: &str) -> u64 {
        FAMILY_BYTES
            + (name.len() + self.help.len()) as u64
            + self.series_bytes
            + self.natives.bytes
    }

    /// How its values are put together, if they are those of gauges.
    pub(super) fn gauges(&self) -> Option<Gauges> {
        is_gauge(self.kind).then_some(self.adding.gauges)
    }

    /// Whether the sources push increments.
    pub(super) fn counts_increments(&self) -> bool {
        !is_gauge(self.kind) && self.adding.counters == Counters::Increments
    }

    /// Whether a push changes what is counted though it brings the values of before: increments add up, and the gauge that was pushed
    /// last is shown.
    pub(super) fn takes_all(&self) -> bool {
        self.counts_increments() || self.gauges() == Some(Gauges::Last)
    }

    pub(super) fn series(&self) -> impl Iterator<Item = &Series> {
        self.series.iter().flatten()
    }

    /// A series, to be changed.
    pub(super) fn at(&mut self, slot: u32) -> Option<&mut Series> {
        self.is_laid_out = false;
        self.series.get_mut(slot as usize)?.as_mut()
    }

    /// All series with their slots.
    pub(super) fn slots(&self) -> impl Iterator<Item = (u32, &Series)> {
        let slots = self.series.iter().enumerate();
        slots.filter_map(|(slot, series)| Some((slot as u32, series.as_ref()?)))
    }

    /// Where a series is.
    pub(super) fn slot(&self, series: push::Series) -> Option<u32> {
        self.by_fingerprint.get(&series).copied()
    }

    pub(super) fn series_at(&self, slot: u32) -> Option<&Series> {
        self.series.get(slot as usize)?.as_ref()
    }

    /// Whether `text` is what is to be shown. Each line then knows where its value stands in it, until anything changes but values.
    pub(super) fn is_laid_out<'t>(&mut self, text: impl Fn() -> &'t [u8]) -> bool {
        if !self.is_laid_out {
            let text = text();
            let mut rendered = Vec::with_capacity(text.len());
            self.render(&mut rendered);
            self.is_laid_out = rendered == text;
        }
        debug_assert!(self.shows(text()), "it is shown as it was left");
        self.is_laid_out
    }

    fn shows(&mut self, text: &[u8]) -> bool {
        let mut rendered = Vec::new();
        self.render(&mut rendered);
        !self.is_laid_out || rendered == text
    }

    /// Appends what is shown, which is all of `out` then. Answers the fingerprints of the series.
    pub(super) fn render(&mut self, out: &mut Vec<u8>) -> Vec<push::Series> {
        let shown = self.series.iter_mut().flatten().filter(|series| series.is_shown());
        let fingerprints = shown.map(|series| {
            series.render(out);
            series.fingerprint
        });
        let fingerprints = fingerprints.collect();
        self.is_laid_out = true;
        fingerprints
    }

    /// Whether each line knows where its value stands in what was shown last.
    pub(super) fn knows_places(&self) -> bool {
        self.is_laid_out
    }

    /// Says again that each line knows that: nothing but values has changed.
    pub(super) fn keep_places(&mut self) {
        self.is_laid_out = true;
    }

    /// Forgets where values stand.
    pub(super) fn forget_places(&mut self) {
        self.is_laid_out = false;
    }

    /// All series, and when each source pushed the family.
    pub(super) fn changeable(&mut self) -> (&mut [Option<Series>], &Stamps) {
        (&mut self.series, &self.stamps)
    }

    /// Makes a change of a series.
    pub(super) fn make(&mut self, step: &Step) {
        self.change_series(step, false);
    }

    /// Undoes the last change that was made of a series.
    pub(super) fn undo(&mut self, step: &Step) {
        self.change_series(step, true);
    }

    fn change_series(&mut self, step: &Step, undoes: bool) {
        self.is_laid_out = false;
        if let Some(Some(series)) = self.series.get_mut(step.slot as usize) {
            series.change(step, undoes, &self.stamps);
        }
    }

    /// Notes when a source has pushed the family; 0 when the source no longer has it.
    pub(super) fn stamp(&mut self, source: u32, pushed: u64) {
        if self.gauges() == Some(Gauges::Last) {
            self.stamps.set(source, pushed);
        }
    }

    /// Forgets a series of which nothing is shown.
    pub(super) fn remove(&mut self, slot: u32) {
        self.is_laid_out = false;
        if let Some(series) = self.series.get_mut(slot as usize).and_then(Option::take) {
            self.series_bytes -= series.bytes();
            self.by_fingerprint.remove(&series.fingerprint);
            self.natives.set(slot, None);
            self.unused.push(slot);
        }
    }

    /// Forgets all values of gauges. They are put together in another way from now on.
    pub(super) fn empty_gauges(&mut self) {
        (self.is_laid_out, self.stamps) = (false, Stamps::default());
        let gauges = self.gauges();
        for series in self.series.iter_mut().flatten() {
            let openings = std::mem::take(&mut series.lines).into_iter();
            let openings = openings.map(|line| line.opening).collect();
            *series = Series::new(series.fingerprint, openings, series.sum_at, gauges);
        }
    }

    /// Finds the series for the lines of a source, whose labels `gone` go. Makes those that are new, and notes them.
    ///
    /// # Errors
    /// When a histogram has other buckets than the sum.
    pub(super) fn targets(
        &mut self,
        source: &SourceFamily<'_>,
        gone: &[Vec<u8>],
        made: &mut Vec<u32>,
    ) -> Result<Targets, Refusal> {
        let (hasher, parts) = (SeriesHasher::get(), Parts::of(source.name, self.kind));
        let (mut targets, mut spelled, mut refused) = (Vec::new(), Vec::new(), None);
        spelling::spellings_and_lines(source.name, self.kind, source.text, |spelling, lines| {
            spelled.clear();
            spelling::write_without(&mut spelled, spelling, gone);
            let fingerprint = hasher.series(&spelled);
            let (mut openings, mut sum_at) = (Vec::new(), None);
            let first = targets.len();
            for line in lines_of(lines) {
                let opening = opening(line);
                let mut kept = Vec::with_capacity(opening.len());
                spelling::write_without(&mut kept, opening, gone);
                let (is_left_out, is_sum) = (parts.is_left_out(opening), parts.is_sum(opening));
                let line = if is_left_out { Target::LEFT_OUT } else { openings.len() as u32 };
                targets.push(Target { slot: 0, line, opening: kept.len() as u32, is_sum });
                if is_left_out {
                    continue;
                }
                if is_sum {
                    sum_at = Some(openings.len());
                }
                openings.push(kept.into_boxed_slice());
            }
            let slot = match self.by_fingerprint.get(&fingerprint) {
                Some(slot) => {
                    let stored = self.series[*slot as usize].as_ref();
                    refused = refused.take().or_else(|| {
                        stored.and_then(|stored| differs(source.name, self.kind, stored, &openings))
                    });
                    *slot
                }
                None => {
                    let series = Series::new(fingerprint, openings, sum_at, self.gauges());
                    let slot = self.insert(series);
                    made.push(slot);
                    slot
                }
            };
            targets[first..].iter_mut().for_each(|target| target.slot = slot);
        });
        if let Some(refused) = refused {
            return Err(refused);
        }
        // Most sources push the same series.
        if targets[..] != *self.last_targets {
            self.last_targets = targets.into();
        }
        Ok(Arc::clone(&self.last_targets))
    }

    fn insert(&mut self, series: Series) -> u32 {
        self.is_laid_out = false;
        self.series_bytes += series.bytes();
        let fingerprint = series.fingerprint;
        let slot = match self.unused.pop() {
            Some(slot) => {
                self.series[slot as usize] = Some(series);
                slot
            }
            None => {
                self.series.push(Some(series));
                (self.series.len() - 1) as u32
            }
        };
        self.by_fingerprint.insert(fingerprint, slot);
        slot
    }
}

/// Whether a value can be added to a total. The sum of a histogram may fall.
pub(super) fn is_increment(value: f64, is_sum: bool) -> bool {
    value.is_finite() && (value >= 0.0 || is_sum)
}

/// Whether values of this kind can fall, and are gone with their source.
pub(super) fn is_gauge(kind: Kind) -> bool {
    matches!(kind, Kind::Gauge | Kind::Untyped | Kind::GaugeHistogram)
}
