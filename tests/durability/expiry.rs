//! Groups that expire while the disk fails: once a later push is on disk, no expired group comes back and no other is lost.

use std::sync::Arc;
use std::time::Duration;

use shardgate::persist::Promise;
use shardgate::rules::GroupRules;
use shardgate::shard::{Mode, Timestamp, Unavailable};

use crate::durability::disk::{Disk, Fault};
use crate::durability::gateway::{Gateway, Groups, groups_of, key, line, push};
use crate::durability::random::Random;
use crate::durability::stores::empty;

/// Groups with one digit expire.
const GROUPS: usize = 20;
const EXPIRING: u64 = 10;
const RULES: &[u8] = b"rules: [{ match: '{instance=~\"[0-9]\"}', expire: 60 }]";

/// Lets half of the groups expire while the disk fails once. Answers how often a push was in doubt, and how many operations of
/// the disk it took.
async fn goes_through(fault: impl FnOnce(usize) -> Fault) -> (usize, usize) {
    let disk = Disk::holding(empty());
    let gateway = Gateway::start(&disk, Promise::Push, Duration::from_secs(3600)).await;
    let gateway = gateway.expect("the disk is fine");
    let rules = GroupRules::parse(RULES).expect("they are valid");
    gateway.shards.set_rules(&Arc::new(rules)).await;
    for group in 0..GROUPS {
        let pushed = push(&gateway.shards, key(0, group), Mode::Replace, "m", group).await;
        pushed.expect("the disk is fine");
    }
    let before = disk.operations();
    let fault = fault(before);
    disk.set_fault(fault);
    let later = Timestamp::now().after(Duration::from_secs(61));
    let looked = gateway.shards.look(later, Timestamp::NEVER).await.expect("the shards live");
    assert_eq!(looked.expired, EXPIRING);
    let mut failures = 0;
    while let Err(error) = push(&gateway.shards, key(1, 100), Mode::Replace, "m", 1).await {
        assert_eq!(error, Unavailable::InDoubt);
        failures += 1;
        assert!(failures < 3, "the disk works again");
    }
    let kept = (EXPIRING as usize..GROUPS).map(|group| (key(0, group), group));
    let expected: Groups = kept
        .chain([(key(1, 100), 1)])
        .map(|(key, value)| (key.text().to_owned(), line(&key, "m", value)))
        .collect();
    let operations = disk.operations();
    let left = disk.after_power_loss(operations, &mut Random(7));
    assert_eq!(groups_of(left).await, expected, "{fault:?}");
    assert_eq!(gateway.stop().await, Ok(()), "{fault:?}");
    assert_eq!(groups_of(disk.bytes()).await, expected, "{fault:?}");
    (failures, operations - before)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_group_stays_away_whatever_the_disk_does() {
    let (failures, operations) = goes_through(|_| Fault::None).await;
    assert_eq!(failures, 0);
    let mut failed = 0;
    for at in 0..operations {
        failed += goes_through(|before| Fault::Once(before + at)).await.0;
        failed += goes_through(|before| Fault::Forgets(before + at)).await.0;
    }
    assert!(failed > 0, "some pushes were in doubt");
}
