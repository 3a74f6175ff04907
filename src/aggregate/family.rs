//! One family of a sum, and how the lines of its sources find their series in it.

use std::collections::HashMap;
use std::sync::Arc;

use memchr::{memchr_iter, memrchr};

use crate::aggregate::series::{Numbers, Series};
use crate::exposition::{Kind, parse_number, sample_lines};
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
    /// When it was pushed, in nanoseconds since 1970.
    pub pushed: u64,
}

/// Where the value of a line of a source counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    slot: u32,
    /// The line of the series; or [`LEFT_OUT`].
    line: u32,
}

/// A quantile: quantiles of several sources cannot be put together.
const LEFT_OUT: u32 = u32::MAX;

/// Where the values of all lines of a source count, in the order of its text.
pub(super) type Targets = Arc<[Target]>;

/// The values of one series of a source.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) slot: u32,
    pub(super) values: Numbers,
}

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
        }
    }

    /// How its values are put together, if they are those of gauges.
    pub(super) fn gauges(&self) -> Option<Gauges> {
        is_gauge(self.kind).then_some(self.adding.gauges)
    }

    /// Whether the sources push increments.
    pub(super) fn counts_increments(&self) -> bool {
        !is_gauge(self.kind) && self.adding.counters == Counters::Increments
    }

    pub(super) fn series(&self) -> impl Iterator<Item = &Series> {
        self.series.iter().flatten()
    }

    pub(super) fn at(&mut self, slot: u32) -> Option<&mut Series> {
        self.series.get_mut(slot as usize)?.as_mut()
    }

    /// Forgets a series of which nothing is shown.
    pub(super) fn remove(&mut self, slot: u32) {
        if let Some(series) = self.series.get_mut(slot as usize).and_then(Option::take) {
            self.by_fingerprint.remove(&series.fingerprint);
            self.unused.push(slot);
        }
    }

    /// Forgets all values of gauges. They are put together in another way from now on.
    pub(super) fn empty_gauges(&mut self) {
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
                if parts.is_left_out(opening) {
                    targets.push(Target { slot: 0, line: LEFT_OUT });
                    continue;
                }
                if parts.is_sum(opening) {
                    sum_at = Some(openings.len());
                }
                targets.push(Target { slot: 0, line: openings.len() as u32 });
                let mut kept = Vec::with_capacity(opening.len());
                spelling::write_without(&mut kept, opening, gone);
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

/// The values of a source, series by series, and how many of them are left out.
pub(super) fn runs(targets: &[Target], text: &[u8]) -> (Vec<Run>, u64) {
    let (mut runs, mut left_out) = (Vec::<Run>::new(), 0);
    for (line, target) in lines_of(text).zip(targets) {
        if target.line == LEFT_OUT {
            left_out += 1;
            continue;
        }
        let value = parse_number(&line[opening(line).len()..]).unwrap_or(f64::NAN);
        match runs.last_mut() {
            Some(run) if run.slot == target.slot && target.line > 0 => run.values.push(value),
            _ => runs.push(Run { slot: target.slot, values: Numbers::from_slice(&[value]) }),
        }
    }
    (runs, left_out)
}

/// Whether two texts of a source differ in nothing but values, so that their lines count in the same places.
pub(super) fn have_same_lines(old: &[u8], new: &[u8]) -> bool {
    let (mut old, mut new) = (lines_of(old), lines_of(new));
    loop {
        match (old.next(), new.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if opening(one) == opening(other) => {}
            _ => return false,
        }
    }
}

/// Whether values of this kind can fall, and are gone with their source.
pub(super) fn is_gauge(kind: Kind) -> bool {
    matches!(kind, Kind::Gauge | Kind::Untyped | Kind::GaugeHistogram)
}

pub(super) fn lines_of(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    memchr_iter(b'\n', text).map(move |end| &text[std::mem::replace(&mut start, end + 1)..end])
}

/// What stands before the value of a line, with the blank.
pub(super) fn opening(line: &[u8]) -> &[u8] {
    &line[..memrchr(b' ', line).map_or(0, |blank| blank + 1)]
}

/// How the lines of a histogram or summary begin.
struct Parts {
    /// The quantiles of a summary.
    quantile: Option<Vec<u8>>,
    sum: Option<Vec<u8>>,
}

impl Parts {
    fn of(name: &str, kind: Kind) -> Parts {
        let is_parted = kind.part_label().is_some();
        let (before, behind) = spelling::opening(name);
        let quantile = (kind == Kind::Summary).then(|| [&before, behind].concat());
        Parts { quantile, sum: is_parted.then(|| [&before, &b"_sum"[..], behind].concat()) }
    }

    fn is_left_out(&self, opening: &[u8]) -> bool {
        self.quantile.as_ref().is_some_and(|quantile| opening.starts_with(quantile))
    }

    fn is_sum(&self, opening: &[u8]) -> bool {
        self.sum.as_ref().is_some_and(|sum| opening.starts_with(sum))
    }
}

/// Why lines cannot be added to a series of the sum, if they have other parts.
fn differs(name: &str, kind: Kind, stored: &Series, openings: &[Box<[u8]>]) -> Option<Refusal> {
    kind.part_label()?;
    let stored_openings = stored.lines.iter().map(|line| &line.opening);
    if stored_openings.clone().eq(openings) {
        return None;
    }
    let [stored, pushed] = [part_names(name, stored_openings), part_names(name, openings.iter())];
    let family = name.to_owned();
    (stored != pushed).then(|| Refusal::BucketsDiffer {
        family,
        stored: stored.join(", "),
        pushed: pushed.join(", "),
    })
}

/// The bounds of buckets, and `sum` and `count`.
fn part_names<'a>(name: &str, openings: impl Iterator<Item = &'a Box<[u8]>>) -> Vec<String> {
    let part = |opening: &[u8]| {
        let line = [opening, &b"0"[..]].concat();
        let sample = sample_lines(&line).next()?;
        let bound = sample.labels.iter().find(|(label, _)| *label == "le");
        let suffix = sample.name.get(name.len() + 1..).unwrap_or_default();
        Some(bound.map_or_else(|| suffix.to_owned(), |(_, bound)| (*bound).to_owned()))
    };
    openings.filter_map(|opening| part(opening)).collect()
}
