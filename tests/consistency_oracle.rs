//! Stores that share an index against a naive gateway that gathers and checks everything each time.

mod oracle {
    pub(crate) mod body;
    pub(crate) mod gateway;
    pub(crate) mod key;
    pub(crate) mod line;
    pub(crate) mod model;
    pub(crate) mod number;
    pub(crate) mod refusal;
    pub(crate) mod scrape;
    pub(crate) mod traffic;
}

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use oracle::body::{Reason, Rejected as Expected};
use oracle::gateway::{Gateway, Own};
use oracle::key::{Key, spell};
use oracle::model::Kind as ExpectedKind;
use oracle::refusal;
use oracle::scrape::{self, Scrape};
use oracle::traffic::{OWN, Request, request};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseResult, TestRunner};
use shardgate::exposition::Kind;
use shardgate::push::{GroupingKey, PUSH_FAILURE_TIME, PUSH_TIME, Rejected, decode};
use shardgate::scrape::{OwnFamily, merge};
use shardgate::shard::{Index, Mode, Snapshot, Store, Timestamp};

/// What happens to the stores.
#[derive(Debug, Clone)]
enum Step {
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

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => request().prop_map(Step::Request),
        2 => any::<bool>().prop_map(|adopt| Step::Scrape { adopt }),
        1 => Just(Step::Begin),
        1 => any::<bool>().prop_map(|adopt| Step::Finish { adopt }),
    ]
}

/// How often each thing happened, over all cases: `None` is a push that was taken.
type Tally = BTreeMap<Option<Reason>, u32>;

/// Both gateways, side by side.
struct Pair {
    stores: Vec<Store>,
    /// The most families each store has shown at once: their numbers are below it.
    families_most: Vec<u32>,
    oracle: Gateway,
    /// Scrapes that have begun, and what they have to show.
    begun: Vec<(Vec<Snapshot>, Scrape)>,
}

impl Pair {
    fn new() -> Pair {
        let index = Arc::new(Index::default());
        let push_times = [PUSH_TIME, PUSH_FAILURE_TIME].map(|name| (name, Kind::Gauge));
        for (name, kind) in
            push_times.into_iter().chain(OWN.iter().map(|own| (own.name, kind(own.kind))))
        {
            index.reserve(name, kind);
        }
        let stores = (0..3).map(|_| Store::new(Arc::clone(&index))).collect();
        Pair { stores, families_most: vec![0; 3], oracle: Gateway::new(OWN), begun: Vec::new() }
    }

    fn take(&mut self, step: &Step, tally: &mut Tally) -> TestCaseResult {
        match step {
            Step::Request(Request::Push { key, mode, body }) => {
                let expected = self.oracle.push(key, *mode, body.as_bytes());
                let result = self.push(key, *mode, body);
                compare_results(result, expected, tally)?;
            }
            Step::Request(Request::Delete { key }) => {
                self.oracle.delete(key);
                let (store, hash, key) = self.store(key);
                store.delete(hash, &key);
            }
            Step::Request(Request::Wipe) => {
                self.oracle.wipe();
                self.stores.iter_mut().for_each(Store::wipe);
            }
            Step::Scrape { adopt } => {
                let snapshots = self.snapshots();
                self.finish(snapshots, &self.oracle.scrape(), *adopt)?;
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
        prop_assert_eq!((count(Store::series), count(Store::samples)), self.oracle.counts());
        Ok(())
    }

    /// The store of a group. The hashes meet often, and say nothing about the store.
    fn store(&mut self, key: &Key) -> (&mut Store, u64, GroupingKey) {
        let key = GroupingKey::parse(key.path().as_bytes()).expect("the path is well formed");
        let letters: u64 = key.text().bytes().map(u64::from).sum();
        (&mut self.stores[(letters / 5 % 3) as usize], letters % 2, key)
    }

    fn push(&mut self, key: &Key, mode: Mode, body: &str) -> Result<(), Rejected> {
        let (store, hash, key) = self.store(key);
        let decoded = decode(&key, body.as_bytes());
        if let Err(Rejected::Refused(_)) = decoded {
            store.fail(hash, &key, Timestamp::now());
        }
        store.push(hash, &key, mode, &decoded?, Timestamp::now()).map_err(Rejected::Refused)
    }

    fn snapshots(&self) -> Vec<Snapshot> {
        self.stores.iter().map(Store::snapshot).collect()
    }

    /// Writes and compares a scrape, then perhaps lets the stores adopt its pages, those that have
    /// changed meanwhile among them.
    fn finish(
        &mut self,
        snapshots: Vec<Snapshot>,
        expected: &Scrape,
        adopt: bool,
    ) -> TestCaseResult {
        let text = merge(&snapshots, own_families()).text().concat();
        let text = String::from_utf8(text).expect("an exposition is UTF-8");
        let read =
            scrape::read(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(&read, expected, "{}", text);
        for ((store, most), snapshot) in
            self.stores.iter_mut().zip(&mut self.families_most).zip(snapshots)
        {
            *most = (*most)
                .max(store.snapshot().families.len() as u32)
                .max(snapshot.families.len() as u32);
            for (number, page) in snapshot.families.iter().flat_map(|family| &family.pages) {
                // The number of the family is not public; under a wrong one nothing happens.
                (0..*most).filter(|_| adopt).for_each(|family| store.adopt(family, *number, page));
            }
        }
        Ok(())
    }

    fn compare_views(&self) -> TestCaseResult {
        let mut views = BTreeMap::new();
        for view in self.stores.iter().flat_map(Store::view) {
            let times = (view.pushed != Timestamp::NEVER, view.failed != Timestamp::NEVER);
            let families: Vec<String> = view
                .families
                .iter()
                .filter(|family| ![PUSH_TIME, PUSH_FAILURE_TIME].contains(&&*family.name))
                .map(|family| {
                    let text = family.text().escape_ascii();
                    let help = family.help.as_deref().unwrap_or_default();
                    format!("{} {:?} {help} {text}", family.name, family.kind)
                })
                .collect();
            views.insert(view.key.to_string(), (view.has_empty_instance, times, families));
        }
        let mut expected = BTreeMap::new();
        for (labels, group) in &self.oracle.groups {
            let is_empty = group.key.labels.get("instance").is_some_and(String::is_empty);
            let families = group.families.iter().map(|(name, family)| {
                let text = family.lines(name).join("\n") + "\n";
                let text = text.as_bytes().escape_ascii();
                format!("{name} {:?} {} {text}", family.kind, family.help)
            });
            let times = (group.is_pushed, group.is_failed);
            expected.insert(spell(labels), (is_empty, times, families.collect()));
        }
        prop_assert_eq!(views, expected);
        Ok(())
    }
}

fn compare_results(
    result: Result<(), Rejected>,
    expected: Result<(), Expected>,
    tally: &mut Tally,
) -> TestCaseResult {
    let happened = match (result, expected) {
        (Ok(()), Ok(())) => None,
        (Err(Rejected::Refused(refusal)), Err(Expected::Refused(reasons))) => {
            let reason = refusal::reason(&refusal);
            prop_assert!(reasons.contains(&reason), "{:?} is not among {:?}", reason, reasons);
            Some(reason)
        }
        (Err(Rejected::Syntax(error)), Err(Expected::Syntax { line })) => {
            prop_assert_eq!(error.line as usize, line);
            return Ok(());
        }
        (result, expected) => {
            return Err(TestCaseError::fail(format!("{result:?}, expected {expected:?}")));
        }
    };
    *tally.entry(happened).or_default() += 1;
    Ok(())
}

fn kind(kind: ExpectedKind) -> Kind {
    Kind::parse(format!("{kind:?}").as_bytes()).expect("the kinds have the same names")
}

fn own_families() -> Vec<OwnFamily> {
    let family = |own: &Own| {
        let mut family = OwnFamily::new(own.name, kind(own.kind), own.help);
        for line in own.lines {
            let (name, value) = line.split_once(' ').expect("a name and a value");
            let suffix = name.strip_prefix(own.name).expect("samples begin with the family's name");
            family.sample(suffix, &[], value.parse().expect("the values are numbers"));
        }
        family
    };
    OWN.iter().map(family).collect()
}

#[test]
fn stores_agree_with_a_gateway_that_checks_everything_each_time() {
    let default = ProptestConfig::default();
    let config = ProptestConfig { failure_persistence: None, max_shrink_iters: 5000, ..default };
    let tally = RefCell::new(Tally::new());
    let result = TestRunner::new(config).run(&vec(step(), 1..60), |steps| {
        let mut pair = Pair::new();
        for step in &steps {
            pair.take(step, &mut tally.borrow_mut())?;
            pair.compare_views()?;
        }
        for last in [
            Step::Scrape { adopt: true },
            Step::Finish { adopt: true },
            Step::Scrape { adopt: true },
        ] {
            pair.take(&last, &mut tally.borrow_mut())?;
        }
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    let tally = tally.into_inner();
    let expected = [
        None,
        Some(Reason::TypeConflict),
        Some(Reason::NameOccupied),
        Some(Reason::SeriesElsewhere),
        Some(Reason::OtherSpelling),
        Some(Reason::DuplicateSeries),
        Some(Reason::PartLabelInKey),
    ];
    for happened in expected {
        let count = tally.get(&happened).copied().unwrap_or_default();
        assert!(count >= 20, "{happened:?} only {count} times: {tally:?}");
    }
}
