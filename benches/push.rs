//! What a push costs, stage by stage, in bytes of its body per second.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use shardgate::exposition::{Kind, NameRules, write_number};
use shardgate::push::{Batch, GroupingKey, PUSH_FAILURE_TIME, PUSH_TIME, decode};
use shardgate::rules::GroupRules;
use shardgate::shard::{Index, Mode, Store, Timestamp};

/// The push behind every published figure: 7 families, 19 samples.
const BATCH_JOB: &[u8] = include_bytes!("../profiles/batch-job.prom");

fn key(group: usize) -> GroupingKey {
    let path = format!("/job{}/instance/node-{group}", group % 50);
    GroupingKey::parse(path.as_bytes(), NameRules::Legacy).expect("a valid path")
}

fn batch(key: &GroupingKey) -> Batch {
    decode(key, BATCH_JOB, NameRules::Legacy).expect("a valid push")
}

fn parse_and_render(criterion: &mut Criterion) {
    let mut bench = criterion.benchmark_group("parse and render");
    let gauges: String =
        (0..1000).map(|at| format!("gauge_number_{at} {}.25\n", at * 37)).collect();
    let labels: String = (0..1000)
        .map(|at| format!("requests_total{{code=\"200\",path=\"/a/{at}\",method=\"GET\"}} {at}\n"))
        .collect();
    for (name, body) in [
        ("batch job", BATCH_JOB),
        ("1000 gauges", gauges.as_bytes()),
        ("1000 series", labels.as_bytes()),
    ] {
        let key = key(1);
        assert!(
            decode(&key, body, NameRules::Legacy).is_ok_and(|batch| !batch.families.is_empty())
        );
        bench.throughput(Throughput::Bytes(body.len() as u64));
        bench.bench_function(name, |bencher| {
            bencher.iter(|| decode(black_box(&key), black_box(body), NameRules::Legacy));
        });
    }
    bench.finish();
}

fn numbers(criterion: &mut Criterion) {
    let mut out = Vec::new();
    write_number(&mut out, 1_763_900_000.123);
    assert_eq!(out, b"1.763900000123e+09");
    criterion.bench_function("number", |bencher| {
        bencher.iter(|| {
            out.clear();
            write_number(&mut out, black_box(1_763_900_000.123));
            out.len()
        });
    });
}

fn grouping_keys(criterion: &mut Criterion) {
    criterion.bench_function("grouping key", |bencher| {
        bencher
            .iter(|| GroupingKey::parse(black_box(b"/job7/instance/node-1234"), NameRules::Legacy));
    });
}

/// A shard that holds `groups` groups takes a push that changes values only: the cost must not depend
/// on how much is stored, nor on whether the groups expire.
fn shard(criterion: &mut Criterion) {
    let mut bench = criterion.benchmark_group("shard");
    bench.throughput(Throughput::Bytes(BATCH_JOB.len() as u64));
    for (name, groups, rules) in [
        ("decode and replace", 1_000, None),
        ("decode and replace", 100_000, None),
        ("under a rule", 100_000, Some("rules: [{ match: '{}', expire: 24h }]")),
    ] {
        let index = Arc::new(Index::default());
        index.reserve(PUSH_TIME, Kind::Gauge);
        index.reserve(PUSH_FAILURE_TIME, Kind::Gauge);
        let mut store = Store::new(index, None);
        if let Some(rules) = rules {
            let rules = GroupRules::parse(rules.as_bytes()).expect("they are valid");
            store.set_rules(Arc::new(rules), Arc::default());
        }
        let hasher = ahash::RandomState::new();
        let keys: Vec<GroupingKey> = (0..groups).map(key).collect();
        let mut push = |group: usize| {
            let key = &keys[group];
            let (hash, batch) = (hasher.hash_one(&*key.identity()), batch(key));
            store.push(hash, key, Mode::Replace, &batch, None, Timestamp::now())
        };
        (0..groups).for_each(|group| push(group).expect("groups do not conflict"));
        let mut group = 0;
        bench.bench_function(BenchmarkId::new(name, groups), |bencher| {
            bencher.iter(|| {
                group = (group + 7919) % groups;
                push(group)
            });
        });
    }
    bench.finish();
}

criterion_group!(benches, parse_and_render, numbers, grouping_keys, shard);
criterion_main!(benches);
