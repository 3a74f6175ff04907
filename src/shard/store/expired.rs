//! Whether groups expire when a naive store says so, whatever has happened to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::exposition::NameRules;
use crate::push::{GroupingKey, decode};
use crate::rules::GroupRules;
use crate::shard::ruling::ledger::Ledger;
use crate::shard::saving::group_snapshot::GroupSnapshot;
use crate::shard::store::counted::restored;
use crate::shard::store::expire::EXPIRED_AT_A_TIME;
use crate::shard::store::large::LargeChange;
use crate::shard::store::tests::to_the_end;
use crate::shard::{Index, Mode, Store, Timestamp};

const PATHS: [&str; 5] = ["/j/instance/1", "/j/instance/2", "/j/x/y", "/k", "/k/z/1"];
/// Files of rules, each with how long the groups of [`PATHS`] live by them (0 for ever), and how long they are held.
const RULES: [(&str, [u64; 5], u64); 4] = [
    ("", [0, 0, 0, 0, 0], 0),
    ("rules: [{ match: '{job=\"j\"}', expire: 10 }]", [10, 10, 10, 0, 0], 0),
    (
        "rules: [{ match: '{x=\"y\"}', expire: never }, { match: '{}', expire: 5, hold_until_scraped: 7 }]",
        [5, 5, 0, 5, 5],
        7,
    ),
    ("rules: [{ match: '{}', expire: 20 }]", [20, 20, 20, 20, 20], 0),
];

#[derive(Debug, Clone)]
enum Step {
    Push {
        path: usize,
        asked: Option<u64>,
        in_slices: bool,
    },
    Refuse {
        path: usize,
    },
    Delete {
        path: usize,
    },
    Wipe,
    Restart,
    Rules {
        rules: usize,
    },
    /// All scrapers have had everything, or there is none.
    Scrape {
        is_whole: bool,
    },
    Wait {
        seconds: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let path = 0..PATHS.len();
    let asked = prop_oneof![3 => Just(None), 1 => (1..15_u64).prop_map(Some)];
    prop_oneof![
        6 => (path.clone(), asked, any::<bool>())
            .prop_map(|(path, asked, in_slices)| Step::Push { path, asked, in_slices }),
        2 => path.clone().prop_map(|path| Step::Refuse { path }),
        1 => path.prop_map(|path| Step::Delete { path }),
        1 => Just(Step::Wipe),
        1 => Just(Step::Restart),
        1 => (0..RULES.len()).prop_map(|rules| Step::Rules { rules }),
        2 => any::<bool>().prop_map(|is_whole| Step::Scrape { is_whole }),
        6 => (1..8_u64).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// A group of the naive store: when it was last pushed to, or made, and what it has asked for.
#[derive(Debug)]
struct Naive {
    since: u64,
    asked: Option<u64>,
}

struct Both {
    store: Store,
    ledger: Arc<Ledger>,
    naive: BTreeMap<usize, Naive>,
    /// Pushes, failures and expired groups of the jobs j and k, while rules let their groups expire.
    counts: [[u64; 3]; 2],
    rules: usize,
    now: u64,
    covered: u64,
}

fn time(seconds: u64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

fn key(path: usize) -> GroupingKey {
    GroupingKey::parse(PATHS[path].as_bytes(), NameRules::Legacy).expect("it is well formed")
}

fn job(path: usize) -> usize {
    usize::from(path >= 3)
}

impl Both {
    fn new() -> Both {
        let (naive, counts) = (BTreeMap::new(), [[0; 3]; 2]);
        let (store, ledger) = (Both::store(), Arc::default());
        let mut both = Both { store, ledger, naive, counts, rules: 0, now: 100, covered: 0 };
        both.set_rules(1);
        both
    }

    fn store() -> Store {
        let write = |_: &GroupSnapshot<'_>, _: &mut Vec<u8>| {};
        Store::new(Arc::new(Index::default()), Some(write))
    }

    fn set_rules(&mut self, rules: usize) {
        self.rules = rules;
        let parsed = GroupRules::parse(RULES[rules].0.as_bytes()).expect("they are valid");
        self.store.set_rules(Arc::new(parsed), Arc::clone(&self.ledger));
    }

    fn lifetime(&self, path: usize) -> Option<u64> {
        let by_rule = Some(RULES[self.rules].1[path]).filter(|seconds| *seconds > 0);
        self.naive.get(&path).and_then(|group| group.asked).or(by_rule)
    }

    fn take(&mut self, step: &Step) {
        let now = time(self.now);
        match *step {
            Step::Push { path, asked, in_slices } => {
                let key = key(path);
                let batch = decode(&key, b"m 1\n", NameRules::Legacy).expect("it is valid");
                let pushed = if in_slices {
                    let hash = path as u64;
                    let change = LargeChange::push(hash, key.clone(), Mode::Add, batch, None, now);
                    to_the_end(&mut self.store, change, |_| ())
                } else {
                    self.store.push(path as u64, &key, Mode::Add, &batch, None, now)
                };
                pushed.expect("nothing is in its way");
                self.naive.insert(path, Naive { since: self.now, asked: None });
                // A push counts by what the rules say: what it asks for is known only after it.
                self.counts[job(path)][0] += u64::from(self.lifetime(path).is_some());
                if let Some(asked) = asked {
                    self.store.asks(path as u64, &key, Duration::from_secs(asked));
                    self.naive.insert(path, Naive { since: self.now, asked: Some(asked) });
                }
            }
            Step::Refuse { path } => {
                self.store.fail(path as u64, &key(path), None, now);
                let new = Naive { since: self.now, asked: None };
                self.naive.entry(path).or_insert(new);
                self.counts[job(path)][1] += u64::from(self.lifetime(path).is_some());
            }
            Step::Delete { path } => {
                self.store.delete(path as u64, &key(path));
                self.naive.remove(&path);
            }
            Step::Wipe => {
                drop(self.store.wipe());
                drop(self.store.index.clear());
                self.naive.clear();
            }
            Step::Restart => {
                let families = &self.store.families;
                let image = |(hash, group): &(u64, _)| {
                    (*hash, restored(&GroupSnapshot::stored(group, families)))
                };
                let groups: Vec<_> = self.store.groups.iter().map(image).collect();
                self.store = Both::store();
                self.set_rules(self.rules);
                for (hash, group) in groups {
                    self.store.restore(hash, hash, &group).expect("it was stored");
                }
                self.covered = 0;
            }
            Step::Rules { rules } => self.set_rules(rules),
            Step::Scrape { is_whole } => self.covered = if is_whole { self.now } else { 0 },
            Step::Wait { seconds } => self.now += seconds,
        }
        self.expire();
    }

    fn expire(&mut self) {
        let (now, covered) = (time(self.now), time(self.covered));
        let mut looks = 0;
        while self.store.look(now, covered).0.has_more {
            looks += 1;
            assert!(looks < 100, "it comes to an end");
        }
        for path in 0..PATHS.len() {
            let (Some(lifetime), Some(group)) = (self.lifetime(path), self.naive.get(&path)) else {
                continue;
            };
            let due = group.since + lifetime;
            let hold = RULES[self.rules].2;
            if due <= self.now && (self.covered > group.since || due + hold <= self.now) {
                self.naive.remove(&path);
                self.counts[job(path)][2] += 1;
            }
        }
    }

    fn compare(&self) {
        let stored: BTreeSet<u64> = self.store.hashes(&[]).into_iter().collect();
        let expected: BTreeSet<u64> = self.naive.keys().map(|path| *path as u64).collect();
        assert_eq!(stored, expected, "at {}", self.now);
        for (at, name) in ["j", "k"].into_iter().enumerate() {
            let in_job = |path: &&usize| job(**path) == at && self.lifetime(**path).is_some();
            let groups = self.naive.keys().filter(in_job).count() as u64;
            let counts = self.ledger.job(name);
            let counted = counts.as_ref().map_or([0; 3], |it| [it.pushes, it.failures, it.expired]);
            assert_eq!(counted, self.counts[at], "job {name}");
            assert_eq!(counts.map_or(0, |counts| counts.groups), groups, "groups of job {name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn groups_expire_to_the_second_whatever_has_happened_to_them(steps in vec(step(), 1..80)) {
        let mut both = Both::new();
        for step in &steps {
            both.take(step);
            both.compare();
        }
    }
}

#[test]
fn many_groups_that_expire_at_one_moment_go_some_at_a_time() {
    let mut both = Both::new();
    for group in 0..1000 {
        let path = format!("/j/instance/{group}");
        let key = GroupingKey::parse(path.as_bytes(), NameRules::Legacy).expect("a valid path");
        let batch = decode(&key, b"m 1\n", NameRules::Legacy).expect("it is valid");
        let pushed = both.store.push(group, &key, Mode::Replace, &batch, None, time(100));
        assert_eq!(pushed, Ok(()));
    }
    assert_eq!(both.store.look(time(109), time(0)).0.expired, 0);
    let (mut left, mut looks) = (1000, 0);
    while left > 0 {
        let (looked, large) = both.store.look(time(110), time(0));
        assert!(looked.expired <= EXPIRED_AT_A_TIME as u64 && large.is_none());
        left -= looked.expired;
        assert_eq!(both.store.groups(), left);
        looks += 1;
    }
    assert_eq!(looks, 1000_usize.div_ceil(EXPIRED_AT_A_TIME));
    assert!(!both.store.look(time(110), time(0)).0.has_more);
}
