//! Clients whose requests outlast the drain: whatever is answered as applied while a gateway ends is on disk afterwards.

use std::sync::Arc;
use std::time::Duration;

use shardgate::persist::Promise;
use shardgate::shard::{Mode, Unavailable};
use tokio::task::JoinSet;

use crate::durability::disk::Disk;
use crate::durability::gateway::{Gateway, groups_of, key, line, push};
use crate::durability::stores::empty;

const ROUNDS: usize = 200;
const CLIENTS: usize = 6;
/// How often a client tries once the gateway has begun to end.
const LAST_PUSHES: usize = 10_000;

/// Stops a gateway while clients push, each to a group of its own, and checks what they were told.
async fn round(promise: Promise) -> usize {
    let (disk, hour) = (Disk::holding(empty()), Duration::from_secs(3600));
    let gateway = Gateway::start(&disk, promise, hour).await.expect("the disk is fine");
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (shards, status) = (gateway.shards.clone(), Arc::clone(&gateway.status));
        clients.spawn(async move {
            let mut left = LAST_PUSHES;
            for value in 0.. {
                if status.loaded().is_err() {
                    left -= 1; // A gateway that refuses nothing shall not be pushed to for ever.
                }
                if left == 0 {
                    return (client, value);
                }
                match push(&shards, key(client, 0), Mode::Replace, "a", value).await {
                    Ok(()) => {}
                    Err(Unavailable::Stopping) => return (client, value),
                    Err(other) => panic!("{other}"),
                }
            }
            unreachable!("it ends before")
        });
    }
    // All of them are at it.
    while gateway.shards.stats().map(|(stats, _)| stats.pushes()).sum::<u64>() < 100 {
        tokio::task::yield_now().await;
    }
    gateway.stop().await.expect("the disk is fine");
    let acknowledged = clients.join_all().await;
    let left = groups_of(disk.bytes()).await;
    for (client, pushes) in &acknowledged {
        let key = key(*client, 0);
        let last = pushes.checked_sub(1).map(|value| line(&key, "a", value));
        assert_eq!(left.get(key.text()), last.as_ref(), "client {client}, {pushes} acknowledged");
    }
    acknowledged.into_iter().map(|(_, pushes)| pushes).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_answered_as_applied_while_the_gateway_ends_is_on_disk() {
    let mut acknowledged = 0;
    for _ in 0..ROUNDS {
        acknowledged += round(Promise::Interval).await;
    }
    assert!(acknowledged > ROUNDS * 50, "{acknowledged}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_answered_as_saved_while_the_gateway_ends_is_on_disk() {
    let mut acknowledged = 0;
    for _ in 0..ROUNDS {
        acknowledged += round(Promise::Push).await;
    }
    assert!(acknowledged > ROUNDS * 50, "{acknowledged}");
}
