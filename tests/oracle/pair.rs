//! Stores that share an index, and the oracle beside them.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use shardgate::exposition::{Kind, NameRules};
use shardgate::push::{GroupingKey, PUSH_FAILURE_TIME, PUSH_TIME, Rejected, decode};
use shardgate::scrape::{Form, Runs};
use shardgate::shard::{
    FamilyView, GroupRef, GroupSummary, GroupView, Index, Mode, Part, PushError, Selection,
    Snapshot, Store, Timestamp,
};

use crate::oracle::expose::expose;
use crate::oracle::gateway::Gateway;
use crate::oracle::key::{Key, Labels, spell};
use crate::oracle::refusal::Outcome;
use crate::oracle::scrape::{self, Scrape};
use crate::oracle::traffic::Request;
use crate::oracle::{own, refusal};

/// What happens to the stores.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Request(Request),
    /// A scrape, after which the pages may be adopted.
    Scrape {
        adopt: bool,
    },
    /// A scrape begins, and is written only at the next `Finish`.
    Begin,
    Finish {
        adopt: bool,
    },
}

/// Both gateways, side by side.
pub(crate) struct Pair {
    index: Arc<Index>,
    stores: Vec<Store>,
    runs: Runs,
    scrapes: u32,
    oracle: Gateway,
    /// Scrapes that have begun, and what they have to show.
    begun: Vec<(Vec<Snapshot>, Scrape)>,
}

impl Default for Pair {
    fn default() -> Pair {
        let index = Arc::new(Index::default());
        let push_times = [PUSH_TIME, PUSH_FAILURE_TIME].map(|name| (name, Kind::Gauge));
        for (name, kind) in push_times.into_iter().chain(own::reserved()) {
            index.reserve(name, kind);
        }
        let stores = (0..3).map(|_| Store::new(Arc::clone(&index), None)).collect();
        let (runs, oracle) = (Runs::default(), Gateway::default());
        Pair { index, stores, runs, scrapes: 0, oracle, begun: Vec::new() }
    }
}

impl Pair {
    /// Does the same to both. A push comes out as the outcome says.
    pub(crate) fn take(&mut self, step: &Step) -> Result<Option<Outcome>, TestCaseError> {
        let mut outcome = None;
        match step {
            Step::Request(request) => outcome = self.request(request)?,
            Step::Scrape { adopt } => {
                let snapshots = self.snapshots();
                self.finish(snapshots, &self.oracle.scrape(), *adopt)?;
                self.compare_parts()?;
                self.compare_views()?;
            }
            Step::Begin => {
                let begun = (self.snapshots(), self.oracle.scrape());
                self.begun.push(begun);
            }
            Step::Finish { adopt } => {
                for (snapshots, expected) in std::mem::take(&mut self.begun) {
                    self.finish(snapshots, &expected, *adopt)?;
                }
            }
        }
        let count = |of: fn(&Store) -> u64| self.stores.iter().map(of).sum::<u64>();
        prop_assert_eq!(count(Store::groups), self.oracle.groups.len() as u64);
        prop_assert_eq!((count(Store::series), count(Store::samples)), counts(&self.oracle));
        Ok(outcome)
    }

    fn request(&mut self, request: &Request) -> Result<Option<Outcome>, TestCaseError> {
        match request {
            Request::Push { key, mode, body } => {
                let expected = self.oracle.push(key, *mode, body.as_bytes());
                let result = self.push(key, *mode, body);
                return refusal::compare(&result, &expected).map(Some).map_err(TestCaseError::fail);
            }
            Request::Delete { key } => {
                self.oracle.delete(key);
                let (store, hash, key) = self.store(key);
                store.delete(hash, &key);
            }
            Request::Wipe => {
                self.oracle.wipe();
                self.stores.iter_mut().for_each(|store| drop(store.wipe()));
                self.index.clear();
            }
        }
        Ok(None)
    }

    /// The store of a group. The hashes meet often, and say nothing about the store.
    fn store(&mut self, key: &Key) -> (&mut Store, u64, GroupingKey) {
        let key = GroupingKey::parse(key.path().as_bytes(), NameRules::Legacy)
            .expect("the path is well formed");
        let letters: u64 = key.identity().bytes().map(u64::from).sum();
        (&mut self.stores[(letters / 5 % 3) as usize], letters % 2, key)
    }

    fn push(&mut self, key: &Key, mode: Mode, body: &str) -> Result<(), Rejected> {
        let (store, hash, key) = self.store(key);
        let decoded = decode(&key, body.as_bytes(), NameRules::Legacy);
        if let Err(Rejected::Refused(_)) = decoded {
            store.fail(hash, &key, None, Timestamp::now());
        }
        store.push(hash, &key, mode, &decoded?, None, Timestamp::now()).map_err(|error| match error
        {
            PushError::Refused(refusal) => Rejected::Refused(refusal),
            error => panic!("{error}"),
        })
    }

    fn snapshots(&mut self) -> Vec<Snapshot> {
        self.stores.iter_mut().map(|store| store.snapshot(&Selection::default())).collect()
    }

    /// Writes and compares a scrape, every other one compressed, then perhaps lets the stores adopt its
    /// pages, those that have changed meanwhile among them.
    fn finish(
        &mut self,
        snapshots: Vec<Snapshot>,
        expected: &Scrape,
        adopt: bool,
    ) -> TestCaseResult {
        self.scrapes += 1;
        let form = Form { gzip: self.scrapes.is_multiple_of(2), ..Form::TEXT };
        let (text, pages) = expose(snapshots, form, &self.runs);
        let read = scrape::read(&text).map_err(TestCaseError::fail)?;
        prop_assert_eq!(&read, expected);
        for page in pages.iter().filter(|_| adopt) {
            self.stores[page.shard()].adopt(page);
        }
        Ok(())
    }

    /// The parts of a split scrape add up to the whole: no line is missing, none there twice.
    fn compare_parts(&mut self) -> TestCaseResult {
        let whole = Form::TEXT;
        let whole = expose(self.snapshots(), whole, &self.runs).0;
        let mut parts = String::new();
        for number in 0..3 {
            let form = Form {
                gzip: self.scrapes.is_multiple_of(2),
                part: Part::new(number, 3),
                ..Form::TEXT
            };
            let (part, _) = expose(self.snapshots(), form, &self.runs);
            scrape::read(&part).map_err(TestCaseError::fail)?;
            parts.push_str(&part);
        }
        prop_assert_eq!(sorted_samples(&parts), sorted_samples(&whole));
        Ok(())
    }

    /// Compares what the query API would show.
    fn compare_views(&self) -> TestCaseResult {
        let mut views = BTreeMap::new();
        for view in self.stores.iter().flat_map(all_views) {
            let times = (view.pushed != Timestamp::NEVER, view.failed != Timestamp::NEVER);
            let families: Vec<String> = view
                .families
                .iter()
                .filter(|family| ![PUSH_TIME, PUSH_FAILURE_TIME].contains(&&*family.name))
                .map(|family| {
                    let text = family.text.escape_ascii();
                    let help = family.help.as_deref().unwrap_or_default();
                    format!("{} {:?} {help} {text}", family.name, family.kind)
                })
                .collect();
            views.insert(view.key.to_string(), (view.has_empty_instance, times, families));
        }
        let mut expected = BTreeMap::new();
        for group in self.oracle.groups.values() {
            let labels = group.key.merged_with(&Labels::new());
            let is_empty = group.key.labels.get("instance").is_some_and(String::is_empty);
            let families = group.families.iter().map(|(name, family)| {
                let text = family.lines(name).join("\n") + "\n";
                let text = text.as_bytes().escape_ascii();
                format!("{name} {:?} {} {text}", family.kind, family.help)
            });
            let times = (group.is_pushed, group.is_failed);
            expected.insert(spell(&labels), (is_empty, times, families.collect()));
        }
        prop_assert_eq!(views, expected);
        Ok(())
    }
}

/// All groups of a store, as the query API finds them.
fn all_views(store: &Store) -> Vec<GroupView> {
    let mut hashes = store.hashes(&[]);
    hashes.sort_unstable();
    hashes.dedup();
    let summaries = store.summaries(&hashes);
    let groups: Vec<GroupRef> = summaries.iter().map(|summary| summary.group.clone()).collect();
    let views = store.views(&groups);
    let sums = |summary: &GroupSummary| {
        [summary.families, summary.samples, summary.bytes].map(|sum| sum as usize)
    };
    let shown = |view: &GroupView| {
        let of_push = |name: &str| ![PUSH_TIME, PUSH_FAILURE_TIME].contains(&name);
        let texts = view.families.iter().filter(|family| of_push(&family.name));
        let lines = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count();
        texts.fold([0; 3], |[families, samples, bytes], FamilyView { text, .. }| {
            [families + 1, samples + lines(text), bytes + text.len()]
        })
    };
    assert!(summaries.iter().map(sums).eq(views.iter().map(shown)), "summaries sum up the views");
    let series: u64 = summaries.iter().map(|summary| summary.series + 2).sum();
    assert_eq!(series, store.series());
    views
}

/// How many series the groups show, and how many samples.
fn counts(oracle: &Gateway) -> (u64, u64) {
    let families = oracle.groups.values().flat_map(|group| &group.families);
    let push_times = 2 * oracle.groups.len();
    let (mut series, mut samples) = (push_times, push_times);
    for (name, family) in families {
        series += family.series.len();
        samples += family.lines(name).len();
    }
    (series as u64, samples as u64)
}

fn sorted_samples(text: &str) -> Vec<&str> {
    let mut samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    samples.sort_unstable();
    samples
}
