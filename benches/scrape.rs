//! What a scrape costs, in bytes of its text per second.

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use shardgate::exposition::{Kind, NameRules};
use shardgate::push::{GroupingKey, PUSH_FAILURE_TIME, PUSH_TIME, decode};
use shardgate::scrape::{gzip, merge};
use shardgate::shard::{Index, Mode, Store, Timestamp};

const BATCH_JOB: &[u8] = include_bytes!("../profiles/batch-job.prom");
const GROUPS: usize = 10_000;

fn push_all(store: &mut Store) {
    let hasher = ahash::RandomState::new();
    for group in 0..GROUPS {
        let path = format!("/job{}/instance/node-{group}", group % 50);
        let key = GroupingKey::parse(path.as_bytes(), NameRules::Legacy).expect("a valid path");
        let batch = decode(&key, BATCH_JOB, NameRules::Legacy).expect("a valid push");
        let hash = hasher.hash_one(key.text());
        store
            .push(hash, &key, Mode::Replace, &batch, Timestamp::now())
            .expect("groups do not conflict");
    }
}

fn text(store: &Store) -> Vec<Bytes> {
    merge(&[store.snapshot()], Vec::new()).text()
}

fn scrape(criterion: &mut Criterion) {
    let index = Arc::new(Index::default());
    index.reserve(PUSH_TIME, Kind::Gauge);
    index.reserve(PUSH_FAILURE_TIME, Kind::Gauge);
    let mut store = Store::new(index);
    push_all(&mut store);
    let chunks = text(&store);
    let bytes: usize = chunks.iter().map(Bytes::len).sum();
    let samples =
        chunks.iter().flat_map(|chunk| chunk.iter()).filter(|&&byte| byte == b'\n').count();
    assert!(samples > 21 * GROUPS, "every sample is there");

    let mut bench = criterion.benchmark_group("scrape of 210,000 samples");
    bench.throughput(Throughput::Bytes(bytes as u64)).sample_size(20);
    bench.bench_function("unchanged", |bencher| bencher.iter(|| text(black_box(&store))));
    bench.bench_function("gzip", |bencher| bencher.iter(|| gzip(black_box(&chunks))));
    bench.bench_function("everything changed", |bencher| {
        bencher.iter_batched(
            || {
                let mut store = Store::new(Arc::new(Index::default()));
                push_all(&mut store);
                store
            },
            |store| text(&store),
            criterion::BatchSize::PerIteration,
        );
    });
    bench.finish();
}

criterion_group!(benches, scrape);
criterion_main!(benches);
