//! Groups that want the same things, and tasks that push to them at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use shardgate::shard::Shards;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::oracle::drive::{delete, put, shard_of};
use crate::oracle::key::Key;

/// The groups `{job="a"}` with any choice of the labels p, q, r and s, and the labels that a sample
/// needs to be in each of them the same series.
pub(crate) fn one_series_in_many_groups() -> Vec<(Key, String)> {
    let choose = |chosen: usize| {
        let all = ["p", "q", "r", "s"].into_iter().enumerate();
        let (by_group, by_sample): (Vec<_>, Vec<_>) =
            all.partition(|(at, _)| chosen & (1 << at) != 0);
        let labels = by_group.into_iter().map(|(_, name)| (name, "1")).chain([("job", "a")]);
        let own: Vec<String> = by_sample.iter().map(|(_, name)| format!("{name}=\"1\"")).collect();
        (Key::new(labels), own.join(","))
    };
    (0..16).map(choose).collect()
}

/// Pushes each body to its group, all at the same time, and says which were taken.
pub(crate) async fn race(shards: &Shards, pushes: Vec<(Key, String)>) -> Vec<usize> {
    let start = Arc::new(Barrier::new(pushes.len()));
    let mut tasks = JoinSet::new();
    for (at, (key, body)) in pushes.into_iter().enumerate() {
        let (shards, start) = (shards.clone(), Arc::clone(&start));
        tasks.spawn(async move {
            start.wait().await;
            put(&shards, &key, &body).await.is_ok().then_some(at)
        });
    }
    let mut winners: Vec<usize> = tasks.join_all().await.into_iter().flatten().collect();
    winners.sort_unstable();
    winners
}

/// Two groups, one on the first shard and one on the last: the first has long answered a scrape when
/// the last is asked.
pub(crate) async fn far_apart(shards: &Shards, one: &str, other: &str) -> (Key, Key) {
    (group_on(shards, 0, one).await, group_on(shards, shards.stats().count() - 1, other).await)
}

async fn group_on(shards: &Shards, shard: usize, label: &str) -> Key {
    for value in 0..1000 {
        let key = Key::new([("job", "a"), (label, &*value.to_string())]);
        if shard_of(shards, &key).await == shard {
            return key;
        }
    }
    panic!("no group is on shard {shard}");
}

/// Pushes alternately to two groups what only one of them can hold, until told to stop.
pub(crate) async fn move_about(
    shards: Shards,
    stop: Arc<AtomicBool>,
    groups: [(Key, String); 2],
) -> u32 {
    let mut moves = 0;
    while !stop.load(Ordering::Relaxed) {
        for (key, body) in &groups {
            put(&shards, key, body).await.expect("the other group has given it up");
            if moves % 3 == 0 {
                put(&shards, key, "").await.expect("giving up cannot conflict");
            } else {
                delete(&shards, key).await;
            }
            moves += 1;
        }
    }
    moves
}
