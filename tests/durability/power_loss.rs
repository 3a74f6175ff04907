//! Power lost at every moment of a store's life: what is left is one of its commits, whole.

use std::collections::BTreeMap;

use shardgate::persist::{Record, Store};

use crate::durability::disk::Disk;
use crate::durability::random::Random;
use crate::durability::stores::{Contents, commit, empty, read, record};

/// How many commits a life has.
const COMMITS: u64 = 14;
const KEYS: usize = 40;
/// How many images of the disk are looked at for each operation.
const LOSSES: usize = 2;

/// A disk that some commits were made to, and for each of them, the first being what was there, after how many
/// operations it was done, and what it left.
struct Life {
    disk: Disk,
    commits: Vec<(usize, Contents)>,
}

/// Records of any size.
fn changes(random: &mut Random) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut changes = BTreeMap::new();
    for _ in 0..random.below(12) {
        let key = format!("group {}", random.below(KEYS));
        let is_deletion = random.below(4) == 0;
        let scale = 1 << random.below(15);
        let record = (!is_deletion).then(|| {
            let payload: Vec<u8> = (0..random.below(scale)).map(|_| random.next() as u8).collect();
            record(&key, &payload)
        });
        changes.insert(key, record);
    }
    changes
}

fn contents(disk: Disk) -> (Store<Disk>, Contents) {
    let mut store = Store::open(disk).expect("what is left can be opened");
    let contents = read(&mut store, |record| {
        let key = Record::read(record).and_then(|record| record.key()).expect("it is whole");
        Ok(key.to_owned())
    });
    (store, contents.expect("what is left can be read"))
}

/// Opens a store and commits to it.
fn live(first: Vec<u8>, random: &mut Random) -> Life {
    let disk = Disk::holding(first);
    let (mut store, mut now) = contents(disk.clone());
    let mut commits = vec![(0, now.clone())];
    store.accept().expect("the disk is fine");
    for _ in 0..COMMITS {
        let changes = changes(random);
        now.0 += 1;
        commit(&mut store, now.0, &changes).expect("the disk is fine");
        for (key, record) in changes {
            match record {
                Some(record) => now.1.insert(key, record),
                None => now.1.remove(&key),
            };
        }
        commits.push((disk.operations(), now.clone()));
        if random.below(5) == 0 {
            store.compact().expect("the disk is fine");
        }
    }
    drop(store);
    Life { disk, commits }
}

impl Life {
    /// What is left when the power goes then, once it is known to be the last commit that was done or the
    /// one after it.
    fn check_loss(&self, operations: usize, random: &mut Random) -> Vec<u8> {
        let left = self.disk.after_power_loss(operations, random);
        let (_, contents) = contents(Disk::holding(left.clone()));
        let done = self.commits.partition_point(|(done, _)| *done <= operations);
        let (_, last) = &self.commits[done - 1];
        let next = self.commits.get(done).map(|(_, contents)| contents);
        assert!(
            contents == *last || Some(&contents) == next,
            "after {operations} operations: {} of {}",
            contents.0,
            last.0
        );
        left
    }
}

#[test]
fn power_lost_at_any_operation_leaves_the_last_commit_or_the_one_at_hand() {
    for seed in 0..3 {
        let mut random = Random(seed);
        let life = live(empty(), &mut random);
        for operations in 0..=life.disk.operations() {
            for _ in 0..LOSSES {
                life.check_loss(operations, &mut random);
            }
        }
    }
}

#[test]
fn a_store_goes_on_from_what_a_power_loss_left_and_may_lose_it_again() {
    let mut random = Random(4711);
    let mut left = empty();
    for _ in 0..25 {
        let life = live(left, &mut random);
        for _ in 0..8 {
            life.check_loss(random.below(life.disk.operations() + 1), &mut random);
        }
        left = life.check_loss(random.below(life.disk.operations() + 1), &mut random);
    }
}
