//! Runs one stage of many pushes and nothing else, so that `.ci/counts` can count the instructions that one push takes.
//!
//! `stages STAGE FORMAT WORKLOAD BODIES`: `decode`; `update`, which stores what was decoded before; or `render`, which is an
//! update and its share of a scrape after all groups have changed. `text` or `protobuf`, which a scrape is rendered as too; `batch-job` or `mixed-jobs`; how many.

use std::env;
use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use shardgate::exposition::{Kind, NameRules, parse_number, sample_lines};
use shardgate::push::{
    Batch, BatchFamily, GroupingKey, PUSH_FAILURE_TIME, PUSH_TIME, decode, decode_protobuf,
};
use shardgate::scrape::{Form, Format, Runs, Scrape};
use shardgate::shard::{Index, Mode, Selection, Store, Timestamp};

#[path = "../loadtest/src/profile/kinds.rs"]
mod kinds;

/// As the gateway has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const GROUPS: usize = 2000;
const KINDS: usize = 200;
const RULES: NameRules = NameRules::Legacy;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [stage, format, workload, count] = &arguments[..] else {
        panic!("STAGE FORMAT WORKLOAD BODIES")
    };
    let count: usize = count.parse().expect("a number of bodies");
    let texts: Vec<String> = match &**workload {
        "batch-job" => vec![include_str!("../profiles/batch-job.prom").to_owned()],
        "mixed-jobs" => {
            let template = include_str!("../profiles/mixed-jobs.prom");
            (0..KINDS).map(|kind| kinds::body_of_kind(template, kind)).collect()
        }
        other => panic!("no such workload: {other}"),
    };
    let is_text = format == "text";
    let bodies: Vec<Vec<u8>> = match is_text {
        true => texts.into_iter().map(String::into_bytes).collect(),
        false => texts.iter().map(|text| protobuf(text)).collect(),
    };
    let keys: Vec<GroupingKey> = (0..GROUPS).map(key).collect();
    let decoded = |group: usize| {
        let (key, body) = (&keys[group], &bodies[group % bodies.len()]);
        let batch = match is_text {
            true => decode(black_box(key), black_box(body), RULES),
            false => decode_protobuf(black_box(key), black_box(body), RULES),
        };
        batch.expect("a valid push")
    };
    // A step without a factor in common with the number of groups comes to all of them, in no order.
    let groups = (0..count).map(|at| at * 787 % GROUPS);
    match &**stage {
        "decode" => groups.for_each(|group| drop(black_box(decoded(group)))),
        "update" => {
            let mut stored = Stored::new(&keys, decoded);
            groups.for_each(|group| stored.push(group));
        }
        "render" => {
            let (mut stored, form) = (Stored::new(&keys, decoded), form(is_text));
            for (at, group) in groups.enumerate() {
                stored.push(group);
                if (at + 1) % GROUPS == 0 {
                    assert!(black_box(stored.scrape(form)) > GROUPS);
                }
            }
        }
        other => panic!("no such stage: {other}"),
    }
}

/// A shard that holds all groups, and what is pushed to them.
struct Stored<'k> {
    store: Store,
    keys: &'k [GroupingKey],
    hashes: Vec<u64>,
    batches: Vec<Batch>,
    runs: Runs,
}

impl<'k> Stored<'k> {
    /// Decodes and stores each group often enough that its body has a shape.
    fn new(keys: &'k [GroupingKey], decoded: impl Fn(usize) -> Batch) -> Stored<'k> {
        let index = Arc::new(Index::default());
        index.reserve(PUSH_TIME, Kind::Gauge);
        index.reserve(PUSH_FAILURE_TIME, Kind::Gauge);
        let hasher = ahash::RandomState::with_seeds(1, 2, 3, 4);
        let hashes = keys.iter().map(|key| hasher.hash_one(&*key.identity())).collect();
        let (batches, runs) = ((0..keys.len()).map(&decoded).collect(), Runs::default());
        let mut stored = Stored { store: Store::new(index, None), keys, hashes, batches, runs };
        (0..keys.len()).for_each(|group| stored.push(group));
        stored.batches = (0..keys.len()).map(decoded).collect();
        (0..keys.len()).for_each(|group| stored.push(group));
        stored
    }

    fn push(&mut self, group: usize) {
        let (hash, key, batch) = (self.hashes[group], &self.keys[group], &self.batches[group]);
        let pushed = self.store.push(hash, key, Mode::Replace, batch, None, Timestamp::now());
        pushed.expect("groups do not conflict");
    }

    /// How many bytes a scrape of everything has.
    fn scrape(&mut self, form: Form) -> usize {
        let snapshots = vec![self.store.snapshot(&Selection::default())];
        let (mut scrape, tasks) = Scrape::new(snapshots, Vec::new(), form);
        tasks.into_iter().for_each(|task| scrape.take(task.run().0));
        scrape.answer(&self.runs).chunks.iter().map(Bytes::len).sum()
    }
}

fn form(is_text: bool) -> Form {
    if is_text { Form::TEXT } else { Form { format: Format::Protobuf, ..Form::TEXT } }
}

fn key(group: usize) -> GroupingKey {
    let path = format!("/job{}/instance/node-{group}", group % 50);
    GroupingKey::parse(path.as_bytes(), RULES).expect("a valid path")
}

/// The same content as delimited protobuf.
fn protobuf(text: &str) -> Vec<u8> {
    let batch = decode(&key(0), text.as_bytes(), RULES).expect("a valid push");
    let families = batch.families.iter().map(|family| delimited(&message(&batch, family)));
    families.collect::<Vec<_>>().concat()
}

fn message(batch: &Batch, family: &BatchFamily) -> Vec<u8> {
    let (kind, value) = match family.kind {
        Kind::Counter => (0, 3),
        Kind::Gauge => (1, 2),
        Kind::Summary => (2, 4),
        _ => (4, 7),
    };
    let (mut metrics, mut parts) = (Vec::new(), Vec::new());
    for line in sample_lines(batch.text(family)) {
        let number = parse_number(line.value.as_bytes()).expect("a number");
        let part = line.labels.iter().find(|(name, _)| ["le", "quantile"].contains(&&**name));
        if let Some((_, bound)) = part {
            let bound =
                double(if kind == 2 { 1 } else { 2 }, parse_number(bound.as_bytes()).expect("one"));
            let number = if kind == 2 { double(2, number) } else { varint(1, number as u64) };
            parts.extend(bytes(3, &[number, bound].concat()));
            continue;
        }
        if line.name.ends_with("_sum") {
            parts.extend(double(2, number));
            continue;
        }
        let own = line.labels.iter().filter(|(name, _)| !["job", "instance"].contains(&&**name));
        let labels = own.flat_map(|(name, value)| {
            bytes(1, &[bytes(1, name.as_bytes()), bytes(2, value.as_bytes())].concat())
        });
        let mut metric: Vec<u8> = labels.collect();
        // A count ends the lines of a histogram or summary.
        let point = match family.kind.part_label() {
            Some(_) => [varint(1, number as u64), std::mem::take(&mut parts)].concat(),
            None => double(1, number),
        };
        metric.extend(bytes(value, &point));
        metrics.extend(bytes(4, &metric));
    }
    let (name, help) = (batch.name(family).as_bytes(), batch.help(family).as_bytes());
    [bytes(1, name), bytes(2, help), varint(3, kind), metrics].concat()
}

fn varint(field: u8, value: u64) -> Vec<u8> {
    [vec![field << 3], base_128(value)].concat()
}

fn double(field: u8, value: f64) -> Vec<u8> {
    [&[field << 3 | 1][..], &value.to_le_bytes()].concat()
}

fn bytes(field: u8, value: &[u8]) -> Vec<u8> {
    [vec![field << 3 | 2], delimited(value)].concat()
}

fn delimited(value: &[u8]) -> Vec<u8> {
    [&base_128(value.len() as u64), value].concat()
}

fn base_128(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}
