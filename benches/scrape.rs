//! What a scrape costs, in bytes of its text per second.

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use shardgate::exposition::{Kind, NameRules};
use shardgate::push::{GroupingKey, PUSH_FAILURE_TIME, PUSH_TIME, decode};
use shardgate::scrape::{Form, Runs, Scrape};
use shardgate::shard::{Index, Mode, Selection, Store, Timestamp};

const BATCH_JOB: &[u8] = include_bytes!("../profiles/batch-job.prom");
const GROUPS: usize = 10_000;

fn push_all(store: &mut Store) {
    let hasher = ahash::RandomState::new();
    for group in 0..GROUPS {
        let path = format!("/job{}/instance/node-{group}", group % 50);
        let key = GroupingKey::parse(path.as_bytes(), NameRules::Legacy).expect("a valid path");
        let batch = decode(&key, BATCH_JOB, NameRules::Legacy).expect("a valid push");
        let hash = hasher.hash_one(&*key.identity());
        store
            .push(hash, &key, Mode::Replace, &batch, None, Timestamp::now())
            .expect("groups do not conflict");
    }
}

/// A whole scrape, on one thread.
fn expose(store: &mut Store, gzip: bool, runs: &Runs) -> Vec<Bytes> {
    let snapshots = vec![store.snapshot(&Selection::default())];
    let (mut scrape, tasks) = Scrape::new(snapshots, Vec::new(), Form { gzip, ..Form::TEXT });
    tasks.into_iter().for_each(|task| scrape.take(task.run().0));
    scrape.answer(runs).chunks
}

fn scrape(criterion: &mut Criterion) {
    let runs = Runs::default();
    let index = Arc::new(Index::default());
    index.reserve(PUSH_TIME, Kind::Gauge);
    index.reserve(PUSH_FAILURE_TIME, Kind::Gauge);
    let mut store = Store::new(index, None);
    push_all(&mut store);
    let chunks = expose(&mut store, false, &runs);
    let bytes: usize = chunks.iter().map(Bytes::len).sum();
    let samples =
        chunks.iter().flat_map(|chunk| chunk.iter()).filter(|&&byte| byte == b'\n').count();
    assert!(samples > 21 * GROUPS, "every sample is there");

    let mut bench = criterion.benchmark_group("scrape of 210,000 samples");
    bench.throughput(Throughput::Bytes(bytes as u64)).sample_size(20);
    for (gzip, name) in [(false, "plain"), (true, "gzip")] {
        bench.bench_function(format!("{name}, unchanged"), |bencher| {
            bencher.iter(|| expose(black_box(&mut store), gzip, &runs));
        });
        bench.bench_function(format!("{name}, everything changed"), |bencher| {
            bencher.iter_batched(
                || {
                    let mut store = Store::new(Arc::new(Index::default()), None);
                    push_all(&mut store);
                    store
                },
                |mut store| expose(&mut store, gzip, &runs),
                criterion::BatchSize::PerIteration,
            );
        });
    }
    bench.finish();
}

criterion_group!(benches, scrape);
criterion_main!(benches);
