//! Budgets under real concurrency: many tasks on many shards push and delete around a bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use shardgate::exposition::NameRules;
use shardgate::push::{GroupingKey, decode};
use shardgate::shard::{
    Bound, Budget, Full, GROUP_BYTES_MAX, Limits, Mode, Options, PushError, Shards, Usage, Whose,
};
use tokio::task::JoinSet;

const TASKS: usize = 16;
const ROUNDS: usize = 300;
const LIMITS: Limits = Limits { groups: u64::MAX, series: 60, bytes: 13_000 };
const OWNERS_LIMITS: Limits = Limits { groups: 4, series: 20, bytes: u64::MAX };

fn key(task: usize) -> GroupingKey {
    let path = format!("/job/task/{task}");
    GroupingKey::parse(path.as_bytes(), NameRules::Legacy).expect("the path is well formed")
}

/// So many series, each with as long a value.
fn body(series: usize) -> String {
    (0..series).map(|at| format!("m{{l=\"{at}\"}} 1\n")).collect()
}

async fn put(
    shards: &Shards,
    task: usize,
    series: usize,
    owner: Option<Arc<Budget>>,
) -> Result<(), PushError> {
    let batch = decode(&key(task), body(series).as_bytes(), NameRules::Legacy);
    shards.push(key(task), Mode::Replace, batch.expect("it is valid"), owner).await
}

/// What a group with so many series counts for, and in bytes what it shares with others of its shard.
async fn usage(task: usize, series: usize) -> (Usage, u64) {
    let limits = Some(Limits::NONE);
    let group_bytes_max = GROUP_BYTES_MAX;
    let options = Options { shards: 1, reserved: &[], limits, group_bytes_max, saving: None };
    let (shards, _tasks) = Shards::start(&options);
    let owner = Arc::new(Budget::new(Limits::NONE));
    assert_eq!(put(&shards, task, series, Some(Arc::clone(&owner))).await, Ok(()));
    let all = shards.budget().expect("there is one").used();
    (owner.used(), all.bytes - owner.used().bytes)
}

fn sum(usages: impl Iterator<Item = Usage>) -> Usage {
    usages.fold(Usage::default(), |sum, one| Usage {
        groups: sum.groups + one.groups,
        series: sum.series + one.series,
        bytes: sum.bytes + one.bytes,
    })
}

fn is_within(used: Usage, limits: Limits) -> bool {
    used.groups <= limits.groups && used.series <= limits.series && used.bytes <= limits.bytes
}

/// Which owner a task pushes for, if any: two, and nobody.
fn owner_of(owners: &[Arc<Budget>; 2], task: usize, round: usize) -> Option<usize> {
    // Every now and then a group changes hands.
    let owner = (task + round / 50) % 3;
    (owner < owners.len()).then_some(owner)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_stored_never_exceeds_a_bound_and_is_counted_to_the_last_series() {
    let options = Options {
        shards: 7,
        reserved: &[],
        limits: Some(LIMITS),
        group_bytes_max: GROUP_BYTES_MAX,
        saving: None,
    };
    let (shards, _tasks) = Shards::start(&options);
    let owners = [(); 2].map(|()| Arc::new(Budget::new(OWNERS_LIMITS)));
    let (is_over, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let watching = tokio::spawn({
        let (shards, owners, is_over) = (shards.clone(), owners.clone(), Arc::clone(&is_over));
        async move {
            while !is_over.load(Ordering::Relaxed) {
                let budget = shards.budget().expect("there is a bound");
                assert!(is_within(budget.used(), LIMITS), "{:?}", budget.used());
                for owner in &owners {
                    assert!(is_within(owner.used(), OWNERS_LIMITS), "{:?}", owner.used());
                }
                tokio::task::yield_now().await;
            }
        }
    });
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (shards, owners, refused) = (shards.clone(), owners.clone(), Arc::clone(&refused));
        tasks.spawn(async move {
            let mut held = None;
            for round in 0..ROUNDS {
                if (task + round) % 11 == 0 {
                    shards.delete(key(task)).await.expect("the shards live");
                    held = None;
                    continue;
                }
                let series = 1 + (task * 7 + round * 5) % 12;
                let owner = owner_of(&owners, task, round);
                let budget = owner.map(|owner| Arc::clone(&owners[owner]));
                match put(&shards, task, series, budget).await {
                    Ok(()) => held = Some((series, owner)),
                    Err(PushError::Full(_)) => {
                        refused.fetch_add(1, Ordering::Relaxed);
                        let shrinks = held.is_some_and(|(held, of)| series <= held && owner == of);
                        assert!(!shrinks, "what does not grow is taken");
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            (task, held)
        });
    }
    let held = tasks.join_all().await;
    is_over.store(true, Ordering::Relaxed);
    watching.await.expect("nothing was ever exceeded");
    assert!(refused.load(Ordering::Relaxed) > ROUNDS, "the bounds were met");
    let budget = shards.budget().expect("there is a bound");
    let (mut all, mut owned, mut shared) = (Vec::new(), [Vec::new(), Vec::new()], 1);
    for (task, held) in held.iter() {
        let Some((series, of)) = held else { continue };
        let (usage, bytes) = usage(*task, *series).await;
        shared = bytes;
        all.push(usage);
        if let Some(of) = of {
            owned[*of].push(usage);
        }
    }
    let (all, used) = (sum(all.into_iter()), budget.used());
    assert_eq!((used.groups, used.series), (all.groups, all.series));
    let shards_with_groups = (used.bytes - all.bytes) / shared;
    assert_eq!(used.bytes, all.bytes + shards_with_groups * shared);
    assert!((1..=7).contains(&shards_with_groups), "each has the one family once");
    for (at, (owner, owned)) in owners.iter().zip(owned).enumerate() {
        assert_eq!(owner.used(), sum(owned.into_iter()), "owner {at}");
    }
    shards.wipe().await.expect("the shards live");
    assert_eq!(budget.used(), Usage::default());
    assert!(owners.iter().all(|owner| owner.used() == Usage::default()));
}

#[tokio::test]
async fn a_quota_says_whose_it_is_and_a_push_that_conflicts_takes_nothing() {
    let options = Options {
        shards: 2,
        reserved: &[],
        limits: None,
        group_bytes_max: GROUP_BYTES_MAX,
        saving: None,
    };
    let (shards, _tasks) = Shards::start(&options);
    assert!(shards.budget().is_none());
    let owner = Arc::new(Budget::new(Limits { groups: 1, series: 5, ..Limits::NONE }));
    let full = |bound| Err(PushError::Full(Full { whose: Whose::Owner, bound }));
    let owned = || Some(Arc::clone(&owner));
    assert_eq!(put(&shards, 0, 3, owned()).await, Ok(()));
    assert_eq!(put(&shards, 0, 4, owned()).await, full(Bound::Series));
    assert_eq!(put(&shards, 1, 1, owned()).await, full(Bound::Groups));
    // A series that the first group has already: what it would have taken is given back.
    owner.set_limits(Limits { groups: 2, series: 8, ..Limits::NONE });
    let conflicting = async |path: &str, body: &str| {
        let key = GroupingKey::parse(path.as_bytes(), NameRules::Legacy).expect("a valid path");
        let batch = decode(&key, body.as_bytes(), NameRules::Legacy).expect("valid in itself");
        shards.push(key, Mode::Replace, batch, owned()).await
    };
    let result = conflicting("/job", "m{l=\"0\",task=\"0\"} 1\n").await;
    assert!(matches!(result, Err(PushError::Refused(_))), "{result:?}");
    assert_eq!((owner.used().groups, owner.used().series), (2, 7), "for its failure time");
    let result = conflicting("/job/l/0", "m{task=\"0\"} 1\n").await;
    assert_eq!(result, full(Bound::Groups), "the room is looked at first");
    assert_eq!((owner.used().groups, owner.used().series), (2, 7));
    assert_eq!(put(&shards, 0, 3, None).await, Ok(()), "it is nobody's now");
    assert_eq!((owner.used().groups, owner.used().series), (1, 2));
}
