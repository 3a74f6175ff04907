//! The shards as a whole: deaths, abandoned scrapes, large changes beside others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::task::JoinSet;

use super::{Options, Shards};
use crate::exposition::NameRules;
use crate::push::{GroupingKey, decode};
use crate::shard::error::{PushError, Unavailable};
use crate::shard::task::message::Message;
use crate::shard::{FamilySnapshot, Mode, Selection};

fn start(shards: usize) -> (Shards, JoinSet<()>) {
    Shards::start(&Options {
        shards,
        reserved: &[],
        limits: None,
        group_bytes_max: crate::shard::GROUP_BYTES_MAX,
        saving: None,
    })
}

fn key(group: usize) -> GroupingKey {
    GroupingKey::parse(format!("/job/instance/{group}").as_bytes(), NameRules::Legacy)
        .expect("a valid path")
}

async fn push(shards: &Shards, group: usize) -> Result<(), PushError> {
    let key = key(group);
    let batch = decode(&key, b"m 1\n", NameRules::Legacy).expect("a valid push");
    shards.push(key, Mode::Replace, batch, None).await
}

#[tokio::test]
async fn a_dead_shard_is_loud() {
    let (shards, _tasks) = start(3);
    for group in 0..100 {
        assert_eq!(push(&shards, group).await, Ok(()));
    }
    assert!(shards.are_alive());
    shards.shared.lanes[1].pushes.try_send(Message::Panic).expect("there is room");
    let mut waiting = JoinSet::new();
    for group in 0..100 {
        let shards = shards.clone();
        waiting.spawn(async move { push(&shards, group).await });
    }
    let answers = waiting.join_all().await;
    assert!(answers.contains(&Err(PushError::Unavailable(Unavailable::Dead))));
    // Those that wait for the shard are told, and so is everybody who comes later.
    assert_eq!(shards.snapshot(Selection::default()).await.err(), Some(Unavailable::Dead));
    assert_eq!(shards.scan(Vec::new()).await.err(), Some(Unavailable::Dead));
    assert_eq!(shards.wipe().await, Err(Unavailable::Dead));
    let mut dead = shards.shared.dead.clone();
    dead.wait_for(|dead| *dead).await.expect("the shards are watched");
    assert!(!shards.are_alive());
    for group in 0..100 {
        let refused = Err(PushError::Unavailable(Unavailable::Dead));
        assert_eq!(push(&shards, group).await, refused, "whichever shard it is for");
    }
}

#[tokio::test]
async fn a_scrape_that_nobody_waits_for_holds_up_no_other() {
    let (shards, _tasks) = start(3);
    for _ in 0..100 {
        let abandoned = shards.snapshot(Selection::default());
        let _given_up = tokio::time::timeout(Duration::ZERO, abandoned).await;
    }
    assert_eq!(push(&shards, 1).await, Ok(()));
    assert_eq!(shards.snapshot(Selection::default()).await.map(|snapshots| snapshots.len()), Ok(3));
}

#[tokio::test]
async fn shards_end_with_their_last_handle_and_apply_what_was_sent() {
    let (shards, mut tasks) = start(2);
    let batch = decode(&key(1), b"m 1\n", NameRules::Legacy).expect("a valid push");
    shards.push_unchecked(key(1), Mode::Replace, batch, None).await.expect("they live");
    let stats = shards.shared.stats.clone();
    drop(shards);
    while tasks.join_next().await.is_some() {}
    assert_eq!(stats.iter().map(|stats| stats.groups()).sum::<u64>(), 1);
}

#[tokio::test]
async fn a_large_change_holds_up_no_other_push_and_is_seen_whole_or_not_at_all() {
    let (shards, _tasks) = start(1);
    let lines: String = (0..20_000).map(|at| format!("m{{l=\"{at}\"}} 1\n")).collect();
    let large = || decode(&key(0), lines.as_bytes(), NameRules::Legacy).expect("it is valid");
    let seen = async |shards: &Shards| {
        let snapshots = shards.snapshot(Selection::default()).await.expect("it lives");
        let pages = snapshots[0].families.iter().flat_map(FamilySnapshot::pages);
        let texts = pages.map(|page| page.text().to_vec()).collect::<Vec<_>>().concat();
        String::from_utf8(texts).expect("it is text").matches("l=\"").count()
    };
    for (is_push, seen_before) in [(true, 0), (true, 20_000), (false, 20_000)] {
        assert_eq!(seen(&shards).await, seen_before);
        let changing = tokio::spawn({
            let (shards, batch) = (shards.clone(), large());
            async move {
                if is_push {
                    shards.push(key(0), Mode::Replace, batch, None).await
                } else {
                    shards.delete(key(0)).await.map_err(PushError::from)
                }
            }
        });
        let mut pushed = 0;
        while !changing.is_finished() {
            assert_eq!(push(&shards, 1 + pushed).await, Ok(()));
            pushed += 1;
            if pushed == 50 {
                assert!([0, 20_000].contains(&seen(&shards).await));
            }
        }
        assert_eq!(changing.await.expect("it does not panic"), Ok(()));
        assert!(pushed > 20, "{pushed}");
    }
    assert_eq!(seen(&shards).await, 0);
}

#[tokio::test]
async fn large_changes_wait_for_each_other_and_no_other_push_waits_for_more_than_one() {
    const LARGE: usize = 3;
    let (shards, _tasks) = start(1);
    let lines: String = (0..2_000).map(|at| format!("m{at} 1\n")).collect();
    let done = Arc::<AtomicUsize>::default();
    for group in 0..LARGE {
        let (shards, done) = (shards.clone(), Arc::clone(&done));
        let batch = decode(&key(group), lines.as_bytes(), NameRules::Legacy);
        let batch = batch.expect("it is valid");
        tokio::spawn(async move {
            let pushed = shards.push(key(group), Mode::Replace, batch, None).await;
            assert_eq!(pushed, Ok(()));
            done.fetch_add(1, Relaxed);
        });
    }
    let mut group = LARGE;
    while done.load(Relaxed) < LARGE {
        let before = done.load(Relaxed);
        assert_eq!(push(&shards, group).await, Ok(()));
        assert!(done.load(Relaxed) - before <= 1, "it has waited for several");
        group += 1;
    }
}

#[tokio::test]
async fn a_push_to_a_group_that_is_being_changed_waits_for_that_change_alone_and_holds_up_no_other()
{
    const LARGE: usize = 3;
    let (shards, _tasks) = start(1);
    let lines: String = (0..600).map(|at| format!("f{at} 1\n")).collect();
    let done = Arc::<AtomicUsize>::default();
    let spawn = |group: usize, mode, text: &str| {
        let (shards, done) = (shards.clone(), Arc::clone(&done));
        let batch = decode(&key(group), text.as_bytes(), NameRules::Legacy);
        let batch = batch.expect("it is valid");
        tokio::spawn(async move {
            assert_eq!(shards.push(key(group), mode, batch, None).await, Ok(()));
            done.load(Relaxed)
        })
    };
    spawn(0, Mode::Replace, &lines).await.expect("it does not panic");
    let (deleting, deleted) = (shards.clone(), Arc::clone(&done));
    tokio::spawn(async move {
        assert_eq!(deleting.delete(key(0)).await, Ok(()));
        deleted.fetch_add(1, Relaxed);
    });
    for group in 1..LARGE {
        let (changing, done) = (spawn(group, Mode::Replace, &lines), Arc::clone(&done));
        tokio::spawn(async move {
            changing.await.expect("it does not panic");
            done.fetch_add(1, Relaxed);
        });
    }
    // The shard has begun with the first one, and has heard of the others.
    for _ in 0..10 {
        assert_eq!(push(&shards, LARGE).await, Ok(()));
    }
    assert_eq!(done.load(Relaxed), 0);
    let small = spawn(0, Mode::Add, "n 1\n");
    let mut group = LARGE;
    while done.load(Relaxed) < LARGE {
        let before = done.load(Relaxed);
        assert_eq!(push(&shards, group).await, Ok(()));
        assert!(done.load(Relaxed) - before <= 1, "it has waited for several");
        group += 1;
    }
    assert!(small.await.expect("it does not panic") <= 1, "it has waited for several");
}
