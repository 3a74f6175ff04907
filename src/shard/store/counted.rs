//! Whether what is claimed of the budgets is what stores hold, counted anew, whatever has happened to them.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::exposition::{Kind, NameRules};
use crate::push::{Batch, GroupingKey, RenderedFamily, decode};
use crate::shard::budget::weight::{of_family, of_help};
use crate::shard::budget::{Budget, Limits, Usage};
use crate::shard::saving::group_snapshot::{GroupSnapshot, GroupTimes};
use crate::shard::store::large::LargeChange;
use crate::shard::store::tests::to_the_end;
use crate::shard::store::weigh::of_held;
use crate::shard::{Index, Mode, Placement, PushError, RestoredGroup, Store, Timestamp};

const PATHS: [&str; 6] =
    ["/j/instance/1", "/j/instance/2", "/j/x/y", "/k", "/k/instance@base64/=", "/k/z/1"];
const BODIES: [&str; 9] = [
    "",
    "# HELP a One.\na 1\n",
    "# HELP a One.\na 23\n",
    "# HELP a Another one.\na 1\nb{l=\"a longer value\"} 1\nb 2\n",
    "# HELP b B.\nb 1\n",
    "# TYPE h histogram\n# HELP h Some.\nh_bucket{le=\"1\"} 1\nh_sum 2\nh_count 3\n",
    "# TYPE h summary\n# HELP h Some.\nh{quantile=\"0.5\"} 1\nh_sum 2\nh_count 3\n",
    "# TYPE h gauge\nh 1\n",
    "# TYPE h_sum gauge\nh_sum{x=\"y\"} 1\na{l=\"1\"} 1\na{l=\"2\"} 1\n",
];

#[derive(Debug, Clone)]
enum Step {
    Push {
        path: usize,
        mode: Mode,
        body: usize,
        owner: usize,
        in_slices: bool,
    },
    PushNative {
        path: usize,
        mode: Mode,
        bytes: usize,
        owner: usize,
    },
    Place {
        path: usize,
        body: usize,
        owner: usize,
    },
    Fail {
        path: usize,
        owner: usize,
    },
    Delete {
        path: usize,
    },
    DeleteListed {
        path: usize,
    },
    Wipe,
    Restart,
    /// Changes how many bytes may be stored.
    Bound {
        bytes: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let (path, body, owner) = (0..PATHS.len(), 0..BODIES.len(), 0..3_usize);
    let mode = prop_oneof![Just(Mode::Replace), Just(Mode::Add)].boxed();
    let push = (path.clone(), mode.clone(), body.clone(), owner.clone(), any::<bool>());
    let native = (path.clone(), mode, 0..50_usize, owner.clone());
    prop_oneof![
        12 => push.prop_map(|(path, mode, body, owner, in_slices)| {
            Step::Push { path, mode, body, owner, in_slices }
        }),
        3 => native.prop_map(|(path, mode, bytes, owner)| Step::PushNative { path, mode, bytes, owner }),
        2 => (path.clone(), body, owner.clone()).prop_map(|(path, body, owner)| Step::Place { path, body, owner }),
        2 => (path.clone(), owner).prop_map(|(path, owner)| Step::Fail { path, owner }),
        3 => path.clone().prop_map(|path| Step::Delete { path }),
        1 => path.prop_map(|path| Step::DeleteListed { path }),
        1 => Just(Step::Wipe),
        1 => Just(Step::Restart),
        2 => (0..12_000_u64).prop_map(|bytes| Step::Bound { bytes }),
    ]
}

fn key(path: usize) -> GroupingKey {
    GroupingKey::parse(PATHS[path].as_bytes(), NameRules::Legacy).expect("it is well formed")
}

/// Two stores that share an index and a budget, and two owners of groups.
struct Counted {
    index: Arc<Index>,
    gateway: Arc<Budget>,
    owners: [Arc<Budget>; 2],
    stores: [Store; 2],
    now: u64,
}

impl Counted {
    fn new() -> Counted {
        let gateway = Arc::new(Budget::new(Limits { series: 40, ..Limits::NONE }));
        let limits = Limits { groups: 3, series: 20, ..Limits::NONE };
        let owners = [(); 2].map(|()| Arc::new(Budget::new(limits)));
        let (index, stores) = Counted::stores(&gateway);
        Counted { index, gateway, owners, stores, now: 0 }
    }

    fn stores(gateway: &Arc<Budget>) -> (Arc<Index>, [Store; 2]) {
        let index = Arc::new(Index::default());
        let store = || {
            let write = |_: &GroupSnapshot<'_>, _: &mut Vec<u8>| {};
            Store::new(Arc::clone(&index), Some(write)).within(Some(Arc::clone(gateway)), 100_000)
        };
        let stores = [store(), store()];
        (index, stores)
    }

    fn take(&mut self, step: &Step) {
        self.now += 1;
        let now = Timestamp::from_nanos(self.now);
        let owner_of = |owner: usize| self.owners.get(owner).cloned();
        let store_of = |path: usize| path / 2 % 2;
        let before = self.gateway.used();
        match *step {
            Step::Push { path, mode, body, owner, in_slices } => {
                let (key, owner) = (key(path), owner_of(owner));
                let batch = decode(&key, BODIES[body].as_bytes(), NameRules::Legacy);
                let batch = batch.expect("they are valid");
                let store = &mut self.stores[store_of(path)];
                let pushed = if in_slices {
                    let change = LargeChange::push(path as u64, key, mode, batch, owner, now);
                    to_the_end(store, change, |_| ())
                } else {
                    store.push(path as u64, &key, mode, &batch, owner.as_ref(), now)
                };
                if let Err(PushError::Full(_)) = pushed {
                    assert_eq!(self.gateway.used(), before, "what has no room takes none");
                }
            }
            Step::PushNative { path, mode, bytes, owner } => {
                let (key, owner) = (key(path), owner_of(owner));
                let text = format!("n{{{}}} 1\n", key.text());
                let native = vec![1; bytes];
                let family = RenderedFamily {
                    name: "n",
                    kind: Kind::Gauge,
                    help: "",
                    text: text.as_bytes(),
                    native: &native,
                };
                let mut batch = Batch::default();
                assert!(batch.add_rendered(&family));
                let store = &mut self.stores[store_of(path)];
                let _may_be_full = store.push(path as u64, &key, mode, &batch, owner.as_ref(), now);
            }
            Step::Place { path, body, owner } => {
                let (key, owner) = (key(path), owner_of(owner));
                let batch = decode(&key, BODIES[body].as_bytes(), NameRules::Legacy);
                let batch = batch.expect("they are valid");
                let placement = Placement { pushed: now, failed: now, keeps_newer: false };
                let store = &mut self.stores[store_of(path)];
                let _may_be_refused =
                    store.place(path as u64, &key, &batch, owner.as_ref(), placement);
            }
            Step::Fail { path, owner } => {
                let owner = owner_of(owner);
                self.stores[store_of(path)].fail(path as u64, &key(path), owner.as_ref(), now);
            }
            Step::Delete { path } => self.stores[store_of(path)].delete(path as u64, &key(path)),
            Step::DeleteListed { path } => {
                let store = &mut self.stores[store_of(path)];
                let listed: Vec<_> = store.summaries(&[path as u64]);
                let listed: Vec<_> = listed.into_iter().map(|summary| summary.group).collect();
                store.delete_listed(&listed);
            }
            Step::Wipe => {
                drop([0, 1].map(|at: usize| self.stores[at].wipe()));
                drop(self.index.clear());
            }
            Step::Restart => self.restart(),
            Step::Bound { bytes } => {
                self.gateway.set_limits(Limits { series: 40, bytes, ..Limits::NONE });
            }
        }
    }

    /// Puts all groups into new stores, as if they had been written down.
    fn restart(&mut self) {
        let snapshots = self.stores.iter().map(|store| {
            let families = &store.families;
            let image = |(hash, group): &(u64, _)| {
                (*hash, restored(&GroupSnapshot::stored(group, families)))
            };
            store.groups.iter().map(image).collect::<Vec<_>>()
        });
        let snapshots: Vec<_> = snapshots.collect();
        let (index, stores) = Counted::stores(&self.gateway);
        (self.index, self.stores) = (index, stores);
        assert_eq!(self.gateway.used(), Usage::default(), "what is gone is given back");
        for (store, groups) in self.stores.iter_mut().zip(snapshots) {
            for (hash, group) in groups {
                store.restore(hash, hash, &group).expect("whatever the bounds are");
            }
        }
    }

    /// What is claimed, by the gateway and each owner, and what it should be.
    fn compare(&self) {
        let (mut all, mut owned) = (Usage::default(), [Usage::default(); 2]);
        for store in &self.stores {
            let (mut names, mut helps) = (BTreeSet::new(), BTreeSet::new());
            let bytes_before = all.bytes;
            for (_, group) in &store.groups {
                let empty = GroupingKey::from_text(&group.key, group.has_empty_instance);
                let mut usage = Usage::of_empty_group(&empty.expect("it is a key"));
                for held in &group.families {
                    let family = &store.families[held.family];
                    let block = family.pages.block(held.place);
                    let bytes = block.text.len() + block.native.map_or(0, <[u8]>::len);
                    assert_eq!(u64::from(held.bytes), bytes as u64);
                    usage.series += held.series.len() as u64;
                    usage.bytes += of_held(held);
                    names.insert((&family.name, of_family(&family.name, family.kind)));
                    helps.extend(held.help.as_ref().map(|help| (&family.name, help)));
                }
                let owner = self.owners.iter().position(|owner| group.charge.is_for(Some(owner)));
                for sum in std::iter::once(&mut all).chain(owner.map(|owner| &mut owned[owner])) {
                    sum.groups += usage.groups;
                    sum.series += usage.series;
                    sum.bytes += usage.bytes;
                }
            }
            all.bytes += names.iter().map(|(_, bytes)| bytes).sum::<u64>();
            all.bytes += helps.iter().map(|(_, help)| of_help(help)).sum::<u64>();
            assert_eq!(store.bytes(), all.bytes - bytes_before, "what a store tells");
        }
        assert_eq!(self.gateway.used(), all);
        assert_eq!([0, 1].map(|at: usize| self.owners[at].used()), owned);
    }
}

pub(super) fn restored(image: &GroupSnapshot<'_>) -> RestoredGroup {
    let (mut batch, mut pushed) = (Batch::default(), Vec::new());
    for family in image.families() {
        pushed.push(family.pushed);
        assert!(batch.add_rendered(&RenderedFamily {
            name: family.name,
            kind: family.kind,
            help: family.help,
            text: family.text,
            native: family.native.unwrap_or_default(),
        }));
    }
    let key = GroupingKey::from_text(image.key(), image.has_empty_instance());
    let times: GroupTimes = image.times();
    RestoredGroup { key: key.expect("it was one"), times, batch, pushed, role: image.role() }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_claimed_is_what_a_count_finds_after_pushes_failures_deletes_wipes_and_restarts(
        steps in vec(step(), 1..60)
    ) {
        let mut counted = Counted::new();
        for step in &steps {
            counted.take(step);
            counted.compare();
        }
        let (gateway, owners) = (Arc::clone(&counted.gateway), counted.owners.clone());
        drop(counted);
        assert_eq!(gateway.used(), Usage::default());
        assert!(owners.iter().all(|owner| owner.used() == Usage::default()));
    }
}

fn grown(body: &str) -> (Store, Batch) {
    let index = Arc::new(Index::default());
    let mut store = Store::new(index, None).within(None, 3000);
    let batch = |body: &str| decode(&key(0), body.as_bytes(), NameRules::Legacy).expect("valid");
    let pushed = store.push(0, &key(0), Mode::Replace, &batch("a 1\n"), None, Timestamp::NEVER);
    assert_eq!(pushed, Ok(()));
    let batch = batch(body);
    (store, batch)
}

#[test]
fn a_group_that_would_grow_beyond_its_bound_is_refused_with_a_file_or_without() {
    let help = format!("# HELP b {}\nb 1\n", "x".repeat(2500));
    let text = format!("b{{l=\"{}\"}} 1\n", "x".repeat(2500));
    for body in [help, text] {
        let (mut store, batch) = grown(&body);
        let refused = store.push(0, &key(0), Mode::Add, &batch, None, Timestamp::NEVER);
        let Err(PushError::Refused(refusal)) = refused else { panic!("{refused:?}") };
        assert!(refusal.to_string().contains("--storage.max-group-bytes allows 3000"), "{refusal}");
        assert_eq!(store.samples(), 3, "nothing has changed");
        assert!(store.check(0, &key(0), Mode::Add, &batch).is_err(), "the check says the same");
        store.group_bytes_max = 10_000;
        let taken = store.push(0, &key(0), Mode::Add, &batch, None, Timestamp::NEVER);
        assert_eq!(taken, Ok(()));
        store.group_bytes_max = 3000;
        let again = store.push(0, &key(0), Mode::Add, &batch, None, Timestamp::NEVER);
        assert_eq!(again, Ok(()), "what does not grow is taken");
    }
}
