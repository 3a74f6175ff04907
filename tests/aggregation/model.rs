//! A naive aggregating gateway: it keeps everything that was done, and adds it up anew for each question.
//!
//! It knows no base and no running sum. The total of a counter is the sum of all increases that its sources have reported, and a
//! value that falls is an increase from zero.

use std::collections::{BTreeMap, BTreeSet};

use crate::aggregation::body::{Body, Kind, Value};
use crate::aggregation::exact::Exact;

/// What a scrape shows: series with their values.
pub(crate) type Shown = BTreeMap<String, f64>;

/// A grouping key: the job, which names the sum, and the instance, which names its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Source {
    pub(crate) job: Job,
    pub(crate) instance: usize,
}

/// What the rules say of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Job {
    /// The gauges of its sum are those of the source that has pushed them last.
    Last,
    Sum,
    Min,
    Max,
    /// Its sources push what they have counted since the push before.
    Increments,
}

/// What was done, in order.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Push {
        source: Source,
        is_put: bool,
        body: Body,
        id: usize,
    },
    /// The source was deleted, or has expired.
    Gone {
        source: Source,
    },
    /// The group of the sum was deleted.
    SumGone {
        job: Job,
    },
    Wipe,
    /// All sources were groups of their own for a while.
    Rules,
}

/// Everything that was done.
#[derive(Debug, Default, Clone)]
pub(crate) struct Model {
    events: Vec<Event>,
}

/// A series of a sum.
type Series = (Job, &'static str, &'static str);
/// A value that a source holds, and the number of the push that brought it.
type Held = (Kind, Value, usize);

/// What all events together come to.
#[derive(Debug, Default)]
struct Replayed {
    /// What each source holds.
    sources: BTreeMap<Source, BTreeMap<(&'static str, &'static str), Held>>,
    /// All increases of each series, for each of its parts.
    increases: BTreeMap<Series, (Kind, &'static [&'static str], Vec<Exact>)>,
    /// The last push of each source.
    pushed: BTreeMap<Source, usize>,
    /// The identifiers that a source has used.
    ids: BTreeSet<(Source, usize)>,
}

impl Job {
    pub(crate) const ALL: [Job; 5] = [Job::Last, Job::Sum, Job::Min, Job::Max, Job::Increments];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Job::Last => "last",
            Job::Sum => "sum",
            Job::Min => "min",
            Job::Max => "max",
            Job::Increments => "increments",
        }
    }
}

impl Model {
    /// Does it, if a gateway would accept it.
    pub(crate) fn apply(&mut self, event: Event) -> bool {
        if let Event::Push { source, body, id, .. } = &event {
            let replayed = self.replay();
            let is_again = source.job == Job::Increments && replayed.ids.contains(&(*source, *id));
            if !is_again && !replayed.accepts(*source, body) {
                return false;
            }
        }
        self.events.push(event);
        true
    }

    /// What a scrape shows of all sums.
    pub(crate) fn shown(&self) -> Shown {
        let replayed = self.replay();
        let mut shown = Shown::new();
        for ((job, family, kind), (_, bounds, increases)) in &replayed.increases {
            let bounds = bounds.iter().copied().chain(["+Inf"]).map(|bound| ("_bucket", bound));
            let rest = [("_sum", ""), ("_count", "")];
            let parts: Vec<(&str, &str)> = match increases.len() {
                1 => vec![("", "")],
                2 => rest.to_vec(),
                _ => bounds.chain(rest).collect(),
            };
            for ((rest, bound), value) in parts.iter().zip(increases) {
                shown.insert(spell(*job, &format!("{family}{rest}"), kind, bound), value.nearest());
            }
        }
        let mut gauges: BTreeMap<Series, Vec<(usize, f64)>> = BTreeMap::new();
        for (source, held) in &replayed.sources {
            for ((family, kind), (_, value, pushed)) in held {
                if let (Kind::Gauge, Value::Number(number)) = (held[&(*family, *kind)].0, value) {
                    gauges
                        .entry((source.job, *family, *kind))
                        .or_default()
                        .push((*pushed, *number));
                }
            }
        }
        for ((job, family, kind), values) in gauges {
            let numbers = values.iter().map(|(_, number)| *number);
            let value = match job {
                Job::Sum => {
                    let mut sum = Exact::default();
                    numbers.for_each(|number| sum += Exact::of(number));
                    sum.nearest()
                }
                Job::Min => numbers.fold(f64::INFINITY, f64::min),
                Job::Max => numbers.fold(f64::NEG_INFINITY, f64::max),
                Job::Last | Job::Increments => {
                    values.iter().max_by_key(|(pushed, _)| *pushed).expect("one source has it").1
                }
            };
            shown.insert(spell(job, family, kind, ""), value);
        }
        shown
    }

    /// How many sources there are.
    pub(crate) fn sources(&self) -> BTreeSet<Source> {
        self.replay().sources.into_keys().collect()
    }

    fn replay(&self) -> Replayed {
        let mut replayed = Replayed::default();
        for (number, event) in self.events.iter().enumerate() {
            match event {
                Event::Push { source, is_put, body, id } => {
                    replayed.push(*source, *is_put, body, *id, number);
                }
                Event::Gone { source } => drop(replayed.sources.remove(source)),
                Event::SumGone { job } => {
                    replayed.sources.retain(|source, _| source.job != *job);
                    replayed.increases.retain(|(of, ..), _| of != job);
                    replayed.ids.retain(|(source, _)| source.job != *job);
                }
                Event::Wipe => replayed = Replayed::default(),
                Event::Rules => replayed.leave_and_come_back(),
            }
        }
        replayed
    }
}

impl Replayed {
    /// What a source has counted leaves its sum with it and comes back. All that a group takes along was pushed when the group was.
    fn leave_and_come_back(&mut self) {
        for (source, held) in &mut self.sources {
            for (_, _, number) in held.values_mut() {
                *number = self.pushed[source];
            }
        }
    }

    fn push(&mut self, source: Source, is_put: bool, body: &Body, id: usize, number: usize) {
        let is_increment = source.job == Job::Increments;
        if is_increment && !self.ids.insert((source, id)) {
            return;
        }
        self.pushed.insert(source, number);
        let held = self.sources.entry(source).or_default();
        let before = held.clone();
        held.retain(|(family, _), _| !is_put && !body.0.contains_key(family));
        for (name, family) in &body.0 {
            for (kind, value) in &family.series {
                let earlier = before.get(&(*name, *kind)).map(|(_, value, _)| value);
                held.insert((*name, *kind), (family.kind, value.clone(), number));
                if family.kind == Kind::Gauge {
                    continue;
                }
                let counted_before = earlier
                    .filter(|earlier| !is_increment && !value.is_restart_after(earlier))
                    .map_or_else(Vec::new, Value::parts);
                let parts = value.parts();
                let entry = self.increases.entry((source.job, *name, *kind));
                let (_, _, increases) = entry.or_insert_with(|| {
                    (family.kind, value.bounds(), vec![Exact::default(); parts.len()])
                });
                for (at, (_, _, number)) in parts.iter().enumerate() {
                    let before = counted_before.get(at).map_or(0.0, |(_, _, number)| *number);
                    increases[at] += Exact::of(*number) - Exact::of(before);
                }
            }
        }
    }

    /// Whether a push agrees with everything that is shown. A family keeps its type for as long as any source has it, this one
    /// included.
    fn accepts(&self, source: Source, body: &Body) -> bool {
        body.0.iter().all(|(name, pushed)| {
            let counted = self.increases.iter().filter(|((_, family, _), _)| family == name);
            let held = self.sources.values().flatten().filter(|((family, _), _)| family == name);
            let mut kinds =
                counted.map(|(_, (kind, ..))| *kind).chain(held.map(|(_, held)| held.0));
            let agree = pushed.series.iter().all(|(kind, value)| {
                let counted = self.increases.get(&(source.job, *name, *kind));
                counted.is_none_or(|(_, bounds, _)| value.bounds() == *bounds)
            });
            kinds.all(|kind| kind == pushed.kind) && agree
        })
    }
}

/// The one spelling of a series.
fn spell(job: Job, name: &str, kind: &str, bound: &str) -> String {
    let bound = if bound.is_empty() { String::new() } else { format!(",le=\"{bound}\"") };
    format!("{name}{{instance=\"\",job=\"{}\",kind=\"{kind}\"{bound}}}", job.name())
}
