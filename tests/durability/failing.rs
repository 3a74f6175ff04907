//! A disk that fails: what is promised meanwhile, and that everything reaches it once it works.

use std::sync::Arc;
use std::time::Duration;

use shardgate::persist::{NotReady, Promise, Status};
use shardgate::shard::{Mode, Timestamp, Unavailable};
use tokio::task::JoinSet;

use crate::durability::disk::{Disk, Fault};
use crate::durability::gateway::{Gateway, Groups, groups_of, key, line, push};
use crate::durability::random::Random;
use crate::durability::stores::empty;

const SOON: Duration = Duration::from_millis(10);
const NEVER: Duration = Duration::from_secs(3600);

/// Waits until something is so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..2000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("not within 10 s: {what}");
}

async fn started(disk: &Disk, promise: Promise, interval: Duration) -> Gateway {
    Gateway::start(disk, promise, interval).await.expect("the disk is fine")
}

/// The samples of groups that were each pushed one sample of this value.
fn all_of(groups: std::ops::Range<usize>, value: usize) -> Groups {
    let keys = groups.map(|group| key(0, group));
    keys.map(|key| (key.text().to_owned(), line(&key, "m", value))).collect()
}

async fn put(gateway: &Gateway, group: usize, value: usize) -> Result<(), Unavailable> {
    push(&gateway.shards, key(0, group), Mode::Replace, "m", value).await
}

/// What the disk has now, if its power goes at once.
async fn saved(disk: &Disk) -> Groups {
    groups_of(disk.after_power_loss(disk.operations(), &mut Random(7))).await
}

fn is_failing(ready: &Result<(), NotReady>) -> bool {
    matches!(ready, Err(NotReady::Failing(reason)) if reason.contains("the disk fails"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushes_that_are_to_be_saved_are_in_doubt_until_the_disk_works_again() {
    for fault in [Fault::From(0), Fault::Full] {
        let disk = Disk::holding(empty());
        let gateway = started(&disk, Promise::Push, NEVER).await;
        assert_eq!(put(&gateway, 0, 1).await, Ok(()));
        assert_eq!(gateway.status.counts().errors, 0);
        disk.set_fault(fault);
        let mut groups = 1;
        loop {
            // Wherever something is left of a full disk, it is used.
            let pushed = put(&gateway, groups, 1).await;
            groups += 1;
            if pushed.is_err() {
                assert_eq!(pushed, Err(Unavailable::InDoubt));
                break;
            }
            assert!(fault == Fault::Full && groups < 20_000, "{groups}");
        }
        assert!(is_failing(&gateway.status.ready()));
        assert!(is_failing(&gateway.status.writable().await));
        assert_eq!(gateway.status.counts().errors, 1);
        // Whoever is not refused in time waits for the next try, and for the one after it.
        let waiting = tokio::time::timeout(SOON, gateway.shards.delete(key(0, 0)));
        waiting.await.expect_err("there has been no other try");
        until("another try", || gateway.status.counts().errors > 1).await;
        disk.set_fault(Fault::None);
        until("recovered", || gateway.status.ready().is_ok()).await;
        assert_eq!(gateway.status.writable().await, Ok(()));
        assert_eq!(put(&gateway, 1, 1).await, Ok(()));
        assert_eq!(saved(&disk).await, all_of(1..groups, 1));
        let counts = gateway.status.counts();
        assert_eq!((counts.groups_at_hand, counts.oldest), (0, Timestamp::NEVER));
        assert_eq!(gateway.stop().await, Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushes_that_are_saved_later_go_on_while_the_disk_fails() {
    let disk = Disk::holding(empty());
    let gateway = started(&disk, Promise::Interval, SOON).await;
    for group in 0..10 {
        assert_eq!(put(&gateway, group, 1).await, Ok(()));
    }
    for _ in 0..1000 {
        if saved(&disk).await == all_of(0..10, 1) {
            break;
        }
        tokio::time::sleep(SOON).await;
    }
    until("told", || gateway.status.counts().groups_at_hand == 0).await;
    disk.set_fault(Fault::From(0));
    let before = Timestamp::now();
    for group in 0..10 {
        assert_eq!(put(&gateway, group, 2).await, Ok(()));
    }
    until("failing", || is_failing(&gateway.status.ready())).await;
    let counts = gateway.status.counts();
    assert!(counts.groups_at_hand > 0 && counts.oldest >= before, "{counts:?}");
    for value in 3..100 {
        assert_eq!(gateway.status.writable().await, Ok(()));
        for group in 5..15 {
            assert_eq!(put(&gateway, group, value).await, Ok(()));
        }
    }
    gateway.shards.delete(key(0, 9)).await.expect("deletions go on as well");
    let unsaved = gateway.shards.stats().map(|(stats, _)| stats.dirty()).sum::<u64>();
    assert!(unsaved <= 15, "one entry for each group: {unsaved}");
    until("another try", || gateway.status.counts().errors > 1).await;
    assert!(is_failing(&gateway.status.ready()));
    disk.set_fault(Fault::None);
    until("recovered", || gateway.status.ready().is_ok()).await;
    let mut expected = all_of(0..5, 2);
    expected.extend(all_of(5..15, 99));
    expected.remove(key(0, 9).text());
    // By itself: nobody pushes any more.
    for _ in 0..1000 {
        if saved(&disk).await == expected {
            break;
        }
        tokio::time::sleep(SOON).await;
    }
    assert_eq!(saved(&disk).await, expected);
    assert_eq!(gateway.stop().await, Ok(()));
    assert_eq!(groups_of(disk.bytes()).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_while_the_disk_fails_tells_that_the_last_changes_are_not_saved() {
    for sync in [Promise::Push, Promise::Interval] {
        let disk = Disk::holding(empty());
        let gateway = started(&disk, sync, NEVER).await;
        disk.set_fault(Fault::From(0));
        let pushed = put(&gateway, 0, 1).await;
        assert_eq!(pushed.is_ok(), sync == Promise::Interval);
        let ended = gateway.stop().await.expect_err("there is something to save");
        let told = ended.to_string();
        assert!(told.contains("cannot save the last changes to"), "{told}");
        assert!(told.contains("the disk fails"), "{told}");
        disk.set_fault(Fault::None);
        assert_eq!(groups_of(disk.bytes()).await, Groups::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_once_the_disk_works_again_saves_the_last_changes() {
    let disk = Disk::holding(empty());
    let gateway = started(&disk, Promise::Interval, SOON).await;
    disk.set_fault(Fault::From(0));
    for group in 0..10 {
        assert_eq!(put(&gateway, group, 1).await, Ok(()));
    }
    until("failing", || is_failing(&gateway.status.ready())).await;
    assert_eq!(put(&gateway, 10, 1).await, Ok(()));
    disk.set_fault(Fault::None);
    assert_eq!(
        gateway.stop().await,
        Ok(()),
        "it is tried once more, whenever the next try was due"
    );
    assert_eq!(groups_of(disk.bytes()).await, all_of(0..11, 1));
}

/// Pushes until it is promised to be saved. Has the disk mended once it notices.
async fn put_at_last(gateway: &Gateway, disk: &Disk, group: usize) {
    for _ in 0..3 {
        match put(gateway, group, 1).await {
            Ok(()) => return,
            Err(error) => assert_eq!(error, Unavailable::InDoubt),
        }
        disk.set_fault(Fault::None);
    }
    panic!("the disk works again");
}

/// A gateway on a disk that fails at one operation, or from it on until somebody notices.
async fn goes_through(fault: Fault) -> Arc<Status> {
    const GROUPS: usize = 6;
    let disk = Disk::holding(empty());
    disk.set_fault(fault);
    let gateway = match Gateway::start(&disk, Promise::Push, NEVER).await {
        Ok(gateway) => gateway,
        Err(ended) => {
            assert!(ended.to_string().contains("cannot use the persistence file"), "{ended}");
            disk.set_fault(Fault::None);
            started(&disk, Promise::Push, NEVER).await
        }
    };
    for group in 0..GROUPS {
        put_at_last(&gateway, &disk, group).await;
    }
    let left = disk.after_power_loss(disk.operations(), &mut Random(7));
    assert_eq!(groups_of(left).await, all_of(0..GROUPS, 1), "{fault:?}");
    let status = Arc::clone(&gateway.status);
    // The very last operations are those of closing the store, on which nothing depends.
    assert_eq!(gateway.stop().await, Ok(()), "{fault:?}");
    disk.set_fault(Fault::None);
    assert_eq!(groups_of(disk.bytes()).await, all_of(0..GROUPS, 1), "{fault:?}");
    status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_of_any_operation_is_recovered_from() {
    let mut gateways = JoinSet::new();
    for at in 0..100 {
        gateways.spawn(goes_through(Fault::Once(at)));
        gateways.spawn(goes_through(Fault::From(at)));
    }
    let all = gateways.join_all().await;
    let failed = all.iter().filter(|status| status.counts().errors > 0).count();
    assert!(failed > 100, "{failed}");
}

/// What a store holds of which most is dead, so that a start compacts it, and its groups.
async fn wasteful() -> (Vec<u8>, Groups) {
    const GROUPS: usize = 160;
    let name = "a".repeat(60_000);
    let disk = Disk::holding(empty());
    let gateway = started(&disk, Promise::Interval, NEVER).await;
    for group in 0..GROUPS {
        let pushed = push(&gateway.shards, key(0, group), Mode::Replace, &name, 1).await;
        pushed.expect("the disk is fine");
    }
    assert_eq!(gateway.stop().await, Ok(()));
    let gateway = started(&disk, Promise::Interval, NEVER).await;
    // Every eighth stays, so that each of the segments has something that lives.
    for group in (0..GROUPS).filter(|group| group % 8 > 0) {
        gateway.shards.delete(key(0, group)).await.expect("the disk is fine");
    }
    let groups = gateway.groups().await;
    assert_eq!(gateway.stop().await, Ok(()));
    (disk.bytes(), groups)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_while_the_store_is_compacted_at_the_start_is_recovered_from() {
    let (bytes, before) = wasteful().await;
    let unhindered = Disk::holding(bytes.clone());
    let gateway = started(&unhindered, Promise::Push, NEVER).await;
    let operations = unhindered.operations();
    assert_eq!(gateway.stop().await, Ok(()));
    assert!(operations > 50, "it is compacted: {operations}");
    let (mut compacted, mut failed) = (0, 0);
    for at in (0..operations).step_by(operations / 12) {
        let disk = Disk::holding(bytes.clone());
        disk.set_fault(Fault::Once(at));
        let Ok(gateway) = Gateway::start(&disk, Promise::Push, NEVER).await else { continue };
        compacted += 1;
        failed += usize::from(disk.operations() > at);
        // What is deleted and what is pushed had its last record in what was being given up.
        let mut expected = before.clone();
        for group in (0..32).step_by(8) {
            expected.remove(key(0, group).text());
            assert_eq!(gateway.shards.delete(key(0, group)).await, Ok(()), "{at} of {operations}");
        }
        for group in (8..48).step_by(8) {
            expected.insert(key(0, group).text().to_owned(), line(&key(0, group), "m", 2));
            assert_eq!(put(&gateway, group, 2).await, Ok(()), "{at} of {operations}");
        }
        assert_eq!(saved(&disk).await, expected, "{at} of {operations}");
        assert_eq!(gateway.stop().await, Ok(()));
        assert_eq!(groups_of(disk.bytes()).await, expected, "{at} of {operations}");
    }
    assert!(failed > 6, "{failed} of {compacted}");
}
