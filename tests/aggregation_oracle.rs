//! Sums against a naive model that keeps every push and adds them up anew: random sequences with retries, restarts of sources, expiry,
//! deletes, rules that go and come back, and a disk that loses its power at any operation; and many sources at once.
//!
//! `AGGREGATION_SEQUENCES=20000 cargo test --test aggregation_oracle` checks as many sequences.

mod durability {
    #[expect(dead_code, reason = "the durability tests use the rest of it")]
    pub(crate) mod disk;
    pub(crate) mod random;
}
mod aggregation {
    pub(crate) mod body;
    pub(crate) mod drive;
    pub(crate) mod exact;
    pub(crate) mod model;
    pub(crate) mod steps;
}

use std::collections::BTreeMap;

use aggregation::drive::{Gateway, Outcome, take};
use aggregation::model::{Event, Job, Model, Shown, Source};
use aggregation::steps::{EXPIRING, Step, Steps};
use durability::disk::{Disk, Fault};
use durability::random::Random;
use shardgate::persist::Store;
use shardgate::shard::Shards;
use tokio::task::JoinSet;

/// How many sequences are checked, unless more are asked for.
const SEQUENCES: usize = 200;
const SHARDS: [usize; 4] = [1, 2, 3, 7];

/// The number of sequences, divided by `divisor`.
fn sequences(divisor: usize) -> usize {
    let asked = std::env::var("AGGREGATION_SEQUENCES").ok();
    asked.map_or(SEQUENCES, |asked| asked.parse().expect("a number of sequences")) / divisor
}

impl Model {
    /// Does a step. Answers whether a gateway would accept it.
    fn take(&mut self, step: &Step) -> bool {
        match step {
            Step::Push { source, is_put, body, id } => {
                let (source, is_put, id) = (*source, *is_put, *id);
                self.apply(Event::Push { source, is_put, body: body.clone(), id })
            }
            Step::Delete { source } => self.apply(Event::Gone { source: *source }),
            Step::DeleteSum { job } => self.apply(Event::SumGone { job: *job }),
            Step::Expire => {
                for source in self.sources() {
                    if source.instance >= EXPIRING {
                        self.apply(Event::Gone { source });
                    }
                }
                true
            }
            Step::Wipe => self.apply(Event::Wipe),
            Step::Rules => self.apply(Event::Rules),
        }
    }
}

/// Fails with what differs.
async fn compare(gateway: &Gateway, model: &Model, said: &str) {
    let (is, expected) = (gateway.shown().await, model.shown());
    if is == expected {
        return;
    }
    let series = is.keys().chain(expected.keys());
    let wrong: BTreeMap<_, _> = series
        .map(|series| (series, (is.get(series), expected.get(series))))
        .filter(|(_, (is, expected))| is != expected)
        .collect();
    panic!("{said}: shown and expected: {wrong:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sums_are_those_of_a_model_that_adds_up_every_push() {
    let mut rejected = 0;
    for seed in 0..sequences(1) {
        let mut random = Random(seed as u64);
        let gateway = Gateway::start(SHARDS[random.below(SHARDS.len())], None).await;
        let gateway = gateway.expect("there is no disk to fail");
        let (mut model, mut steps) = (Model::default(), Steps::new(random.clone()));
        for number in 0..1 + random.below(50) {
            let step = steps.next();
            let outcome = gateway.take(&step).await;
            let said = format!("sequence {seed}, step {number}, {step:?}");
            assert_eq!(outcome == Outcome::Done, model.take(&step), "{said}: {outcome:?}");
            rejected += usize::from(outcome != Outcome::Done);
            compare(&gateway, &model, &said).await;
        }
        gateway.stop().await;
    }
    assert!(rejected >= sequences(20), "only {rejected} conflicts");
}

/// An empty file of groups.
fn empty() -> Vec<u8> {
    let disk = Disk::holding(Vec::new());
    let mut store = Store::create_in(disk.clone()).expect("the disk is fine");
    store.accept().expect("the disk is fine");
    drop(store);
    disk.bytes()
}

/// Runs a sequence on a disk that stops after `off_at` operations, and goes on with what it leaves: that is what was acknowledged, with or without
/// the step that was in doubt, and that step can be sent again. Answers whether a step was in doubt, what is left, and how many operations it took.
async fn crash(
    (left, model, steps): (Vec<u8>, &mut Model, &mut Steps),
    off_at: usize,
    random: &mut Random,
    said: &str,
) -> (bool, Vec<u8>, usize) {
    let disk = Disk::holding(left);
    disk.set_fault(Fault::From(off_at));
    let mut in_doubt = None;
    if let Some(gateway) = Gateway::start(SHARDS[random.below(SHARDS.len())], Some(&disk)).await {
        for _ in 0..12 {
            let step = steps.next();
            match gateway.take(&step).await {
                Outcome::InDoubt => {
                    in_doubt = Some(step);
                    break;
                }
                outcome => {
                    let is_expected = model.take(&step);
                    assert_eq!(
                        outcome == Outcome::Done,
                        is_expected,
                        "{said}, {step:?}: {outcome:?}"
                    );
                }
            }
        }
        gateway.stop().await;
    }
    // A process that is killed leaves everything that it has written, a machine that loses its power only some of it.
    let is_killed = random.below(2) == 0;
    let operations = disk.operations();
    let left = if is_killed { disk.bytes() } else { disk.after_power_loss(off_at, random) };
    let disk = Disk::holding(left);
    let gateway = Gateway::start(SHARDS[random.below(SHARDS.len())], Some(&disk)).await;
    let gateway = gateway.expect("what is left can be loaded");
    if let Some(step) = &in_doubt {
        let (shown, before) = (gateway.shown().await, model.shown());
        let mut after = model.clone();
        after.take(step);
        if shown != before {
            compare(&gateway, &after, &format!("{said}, in doubt: {step:?}")).await;
        }
        assert_eq!(gateway.take(step).await, Outcome::Done, "{said}: it is sent again");
        *model = after;
    }
    compare(&gateway, model, said).await;
    gateway.stop().await;
    (in_doubt.is_some(), disk.bytes(), operations)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sums_outlast_a_kill_and_a_power_loss_and_a_push_in_doubt_is_sent_again() {
    let mut doubts = 0;
    for seed in 0..sequences(10) {
        let mut random = Random(1 << 40 | seed as u64);
        let (mut model, mut steps) = (Model::default(), Steps::new(random.clone()));
        let mut left = empty();
        for life in 0..4 {
            let off_at = random.below(100);
            let said = format!("sequence {seed}, life {life}, off at {off_at}");
            let state = (left, &mut model, &mut steps);
            let (is_in_doubt, bytes, _) = crash(state, off_at, &mut random, &said).await;
            doubts += usize::from(is_in_doubt);
            left = bytes;
        }
    }
    assert!(doubts >= sequences(10), "only {doubts} steps were in doubt");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_sequence_outlasts_a_power_loss_at_each_of_its_operations() {
    for seed in 0..sequences(100) {
        let run = async |off_at: usize| {
            let mut random = Random(2 << 40 | seed as u64);
            let (mut model, mut steps) = (Model::default(), Steps::new(random.clone()));
            let said = format!("sequence {seed}, off at {off_at}");
            let state = (empty(), &mut model, &mut steps);
            crash(state, off_at, &mut random, &said).await.2
        };
        for off_at in 0..run(usize::MAX).await {
            run(off_at).await;
        }
    }
}

/// Whether a series can only grow: gauges may fall, and so may sums, because there are negative observations.
fn is_count(series: &str) -> bool {
    !series.starts_with("g{") && !series.contains("_sum{")
}

/// Pushes as one source of several sums, and answers what it did.
async fn push_all(shards: &Shards, instance: usize, random: Random) -> Vec<Step> {
    let (mut done, mut steps) = (Vec::new(), Steps::without_conflicts(random));
    for number in 0..60 {
        let source = Source { job: [Job::Sum, Job::Max, Job::Increments][number % 3], instance };
        let step = if number % 20 == 19 { steps.delete(source) } else { steps.next_of(source) };
        assert_eq!(take(shards, &step).await, Outcome::Done);
        done.push(step);
    }
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn counters_never_fall_while_many_sources_push_and_come_to_the_sum_of_all_increases() {
    for seed in 0..sequences(50) {
        let gateway = Gateway::start(3, None).await.expect("there is no disk to fail");
        let mut pushers = JoinSet::new();
        for instance in 0..12 {
            let shards = gateway.shards.clone();
            let random = Random((seed * 100 + instance) as u64);
            pushers.spawn(async move { push_all(&shards, instance, random).await });
        }
        let (mut last, mut done) = (Shown::new(), Vec::new());
        while done.len() < 12 {
            tokio::select! {
                biased;
                steps = pushers.join_next() => done.push(steps.expect("one is left").expect("it has not panicked")),
                shown = gateway.shown() => {
                    for (series, value) in last.iter().filter(|(series, _)| is_count(series)) {
                        assert!(shown.get(series) >= Some(value), "{series} falls from {value}: {shown:?}");
                    }
                    last = shown;
                }
            }
        }
        let mut model = Model::default();
        for step in done.iter().flatten() {
            assert!(model.take(step));
        }
        let counts = |shown: Shown| -> Shown {
            shown.into_iter().filter(|(series, _)| !series.starts_with("g{")).collect()
        };
        assert_eq!(counts(gateway.shown().await), counts(model.shown()), "sequence {seed}");
        gateway.stop().await;
    }
}
