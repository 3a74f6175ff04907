//! Commits that give up segments and fail: the records that such a commit moved are found where the file has them.

use std::time::Duration;

use shardgate::persist::Promise;
use shardgate::shard::{Mode, Unavailable};
use tokio::task::JoinSet;

use crate::durability::disk::{Disk, Fault};
use crate::durability::gateway::{Gateway, Groups, groups_of, key, line, push};
use crate::durability::random::Random;
use crate::durability::stores::empty;

const NEVER: Duration = Duration::from_secs(3600);
/// Two of them fill a segment.
const GROUPS: usize = 64;
const NAME_BYTES: usize = 60_000;
/// One in so many groups lives on. Its record shares a segment with one that dies.
const LIVING: usize = 4;

async fn started(disk: &Disk) -> Gateway {
    Gateway::start(disk, Promise::Push, NEVER).await.expect("the disk is fine")
}

/// A store that is full of living records.
async fn full() -> Vec<u8> {
    let (disk, name) = (Disk::holding(empty()), "a".repeat(NAME_BYTES));
    let gateway = started(&disk).await;
    for group in 0..GROUPS {
        let pushed = push(&gateway.shards, key(0, group), Mode::Replace, &name, 1).await;
        pushed.expect("the disk is fine");
    }
    assert_eq!(gateway.stop().await, Ok(()));
    disk.bytes()
}

/// Tries until it is promised to be on disk. Answers how often the disk failed.
async fn at_last<F: Future<Output = Result<(), Unavailable>>>(change: impl Fn() -> F) -> usize {
    for failures in 0..3 {
        match change().await {
            Ok(()) => return failures,
            Err(error) => assert_eq!(error, Unavailable::InDoubt),
        }
    }
    panic!("the disk works again");
}

/// Deletes most groups, and changes some of the others, while the disk fails once. Answers how often a
/// change was in doubt, and how many operations all of that took.
async fn goes_through(bytes: Vec<u8>, fault: impl FnOnce(usize) -> Fault) -> (usize, usize) {
    let disk = Disk::holding(bytes);
    let gateway = started(&disk).await;
    let before = disk.operations();
    let fault = fault(before);
    disk.set_fault(fault);
    let mut failures = 0;
    let mut expected: Groups = (0..GROUPS)
        .step_by(LIVING)
        .map(|group| (key(0, group), "a".repeat(NAME_BYTES)))
        .map(|(key, name)| (key.text().to_owned(), line(&key, &name, 1)))
        .collect();
    let dying = (0..GROUPS).filter(|group| group % LIVING > 0);
    for (at, dies) in dying.enumerate() {
        failures += at_last(|| gateway.shards.delete(key(0, dies))).await;
        // Groups whose records were moved a moment ago are changed and deleted as well.
        let changed = at / 4 * LIVING;
        if at % 16 == 15 {
            expected.remove(key(0, changed).text());
            failures += at_last(|| gateway.shards.delete(key(0, changed))).await;
        } else if at % 8 == 7 {
            expected.insert(key(0, changed).text().to_owned(), line(&key(0, changed), "m", at));
            let put = || push(&gateway.shards, key(0, changed), Mode::Replace, "m", at);
            failures += at_last(put).await;
        }
    }
    let operations = disk.operations();
    let left = disk.after_power_loss(operations, &mut Random(7));
    assert_eq!(groups_of(left).await, expected, "{fault:?}");
    assert_eq!(gateway.stop().await, Ok(()), "{fault:?}");
    assert_eq!(groups_of(disk.bytes()).await, expected, "{fault:?}");
    (failures, operations - before)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_a_failed_commit_moved_are_not_lost() {
    let full = full().await;
    let (failures, operations) = goes_through(full.clone(), |_| Fault::None).await;
    assert_eq!(failures, 0);
    let mut gateways = JoinSet::new();
    for at in (0..operations).step_by(operations / 40) {
        gateways.spawn(goes_through(full.clone(), move |before| Fault::Once(before + at)));
        gateways.spawn(goes_through(full.clone(), move |before| Fault::Forgets(before + at)));
    }
    let all = gateways.join_all().await;
    let failed = all.iter().filter(|(failures, _)| *failures > 0).count();
    assert!(failed > 60, "{failed} of {}", all.len());
}
