//! Decodes bodies and does nothing else, so that `.ci/counts` can count the instructions that one takes.
//!
//! `decode FORMAT WORKLOAD BODIES`: `text` or `protobuf`; `batch-job` or `mixed-jobs`; how many.

use std::env;
use std::hint::black_box;

use shardgate::exposition::{Kind, NameRules, parse_number, sample_lines};
use shardgate::push::{Batch, BatchFamily, GroupingKey, decode, decode_protobuf};

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
    let [format, workload, count] = &arguments[..] else { panic!("FORMAT WORKLOAD BODIES") };
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
    for at in 0..count {
        // A step without a factor in common with the number of groups comes to all of them, in no order.
        let group = at * 787 % GROUPS;
        let (key, body) = (&keys[group], &bodies[group % bodies.len()]);
        let batch = match is_text {
            true => decode(black_box(key), black_box(body), RULES),
            false => decode_protobuf(black_box(key), black_box(body), RULES),
        };
        assert!(black_box(batch).is_ok());
    }
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
