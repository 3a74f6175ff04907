//! Random sequences: processes that count and are started again, pushes that are sent twice, and everything that may happen between them.

use std::collections::BTreeMap;

use crate::aggregation::body::{Body, Family, Kind, Value};
use crate::aggregation::model::{Job, Source};
use crate::durability::random::Random;

/// The sources of each sum.
pub(crate) const SOURCES: usize = 4;
/// Sources from this one on expire.
pub(crate) const EXPIRING: usize = 2;

const KINDS: [&str; 3] = ["a", "b", "c"];
const BOUNDS: [&[&str]; 2] = [&["0.5", "1", "2"], &["1", "2", "4"]];

/// What a client or the clock does.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Push {
        source: Source,
        is_put: bool,
        body: Body,
        id: usize,
    },
    Delete {
        source: Source,
    },
    DeleteSum {
        job: Job,
    },
    /// All sources that may expire do.
    Expire,
    Wipe,
    /// The rules are taken away, so that all sources are groups like any other, and come back.
    Rules,
}

/// One process, with what it has counted.
#[derive(Debug, Default)]
struct Process {
    counters: BTreeMap<&'static str, f64>,
    histograms: BTreeMap<&'static str, (usize, [u64; 4], f64)>,
    summaries: BTreeMap<&'static str, (u64, f64)>,
}

/// Draws steps.
#[derive(Debug)]
pub(crate) struct Steps {
    random: Random,
    processes: BTreeMap<Source, Process>,
    /// The last push of each source, to be sent again.
    last: BTreeMap<Source, Step>,
    ids: usize,
    /// Whether pushes may contradict each other.
    has_conflicts: bool,
}

impl Steps {
    pub(crate) fn new(random: Random) -> Steps {
        let (processes, last) = (BTreeMap::new(), BTreeMap::new());
        Steps { random, processes, last, ids: 0, has_conflicts: true }
    }

    /// Steps that are all accepted, in whatever order several clients send them.
    pub(crate) fn without_conflicts(random: Random) -> Steps {
        Steps { has_conflicts: false, ..Steps::new(random) }
    }

    /// A push by this source, or the last one again.
    pub(crate) fn next_of(&mut self, source: Source) -> Step {
        match self.last.get(&source) {
            Some(last) if self.random.below(4) == 0 => last.clone(),
            _ => self.push(source),
        }
    }

    pub(crate) fn next(&mut self) -> Step {
        let source = Source {
            job: Job::ALL[self.random.below(Job::ALL.len())],
            instance: self.random.below(SOURCES),
        };
        match self.random.below(100) {
            0..6 => self.gone(Step::Delete { source }),
            6..8 => self.gone(Step::DeleteSum { job: source.job }),
            8..11 => self.gone(Step::Expire),
            11 => self.gone(Step::Wipe),
            12..14 => self.gone(Step::Rules),
            14..26 if self.last.contains_key(&source) => self.last[&source].clone(),
            _ => self.push(source),
        }
    }

    /// Deletes a source, and never again sends what it sent before.
    pub(crate) fn delete(&mut self, source: Source) -> Step {
        self.last.remove(&source);
        Step::Delete { source }
    }

    /// Nothing is sent again that was sent before its source was gone: nobody could tell it from a new source.
    fn gone(&mut self, step: Step) -> Step {
        self.last.clear();
        step
    }

    fn push(&mut self, source: Source) -> Step {
        let random = &mut self.random;
        let process = self.processes.entry(source).or_default();
        if random.below(8) == 0 {
            *process = Process::default();
        }
        let is_increment = source.job == Job::Increments;
        let mut body = Body::default();
        let mut add = |name, kind, label, value| {
            let family =
                body.0.entry(name).or_insert_with(|| Family { kind, series: BTreeMap::new() });
            family.series.insert(label, value);
        };
        for label in KINDS {
            if random.below(3) > 0 {
                let by = increase(random);
                let counter = process.counters.entry(label).or_default();
                *counter = if is_increment { by } else { *counter + by };
                add("c_total", Kind::Counter, label, Value::Number(*counter));
            }
            if random.below(3) == 0 {
                add("g", Kind::Gauge, label, Value::Number(increase(random) - 1e6));
            }
            if random.below(3) == 0 {
                let (bounds, counts, sum) = process.histograms.entry(label).or_default();
                if is_increment {
                    (*counts, *sum) = ([0; 4], 0.0);
                }
                for _ in 0..random.below(4) {
                    counts[random.below(4)] += 1;
                    *sum += random.below(64) as f64 / 8.0 - 2.0;
                }
                if self.has_conflicts && random.below(40) == 0 {
                    *bounds = 1 - *bounds;
                }
                let (bounds, counts) = (BOUNDS[*bounds], counts.to_vec());
                add("h", Kind::Histogram, label, Value::Histogram { bounds, counts, sum: *sum });
            }
            if random.below(3) == 0 {
                let (count, sum) = process.summaries.entry(label).or_default();
                if is_increment {
                    (*count, *sum) = (0, 0.0);
                }
                *count += random.below(3) as u64;
                *sum += random.below(64) as f64 / 4.0;
                add("s", Kind::Summary, label, Value::Summary { count: *count, sum: *sum });
            }
        }
        if self.has_conflicts && random.below(10) == 0 {
            let kind = if random.below(2) == 0 { Kind::Counter } else { Kind::Gauge };
            add("t", kind, "a", Value::Number(random.below(10) as f64));
        }
        self.ids += 1;
        let step = Step::Push { source, is_put: self.random.below(3) > 0, body, id: self.ids };
        self.last.insert(source, step.clone());
        step
    }
}

/// Whole numbers, small and large, and numbers that binary fractions do not reach.
fn increase(random: &mut Random) -> f64 {
    match random.below(8) {
        0 => 0.0,
        1 => random.below(1 << 50) as f64,
        2 | 3 => random.below(1000) as f64 / 10.0,
        4 => 0.1,
        _ => random.below(1000) as f64,
    }
}
