//! What is handed over, against a model of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::exposition::NameRules;
use crate::push::{GroupingKey, decode};
use crate::shard::saving::changes::Handed;
use crate::shard::saving::group_snapshot::GroupSnapshot;
use crate::shard::store::large::LargeChange;
use crate::shard::{Changes, Index, Mode, PushError, Remains, Store, Timestamp};

/// The last two are two spellings of one.
const PATHS: [&str; 6] =
    ["/j/instance/1", "/j/instance/2", "/j/x/y", "/k/instance/1", "/k", "/k/instance@base64/="];

#[derive(Debug, Clone)]
enum Step {
    Push {
        path: usize,
        mode: Mode,
        family: char,
        in_slices: bool,
    },
    Fail {
        path: usize,
    },
    Delete {
        path: usize,
    },
    Wipe,
    /// Makes a checkpoint, or has what was pending at the last one handed over up to so many bytes.
    Advance {
        bytes_max: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let path = 0..PATHS.len();
    let mode = prop_oneof![Just(Mode::Replace), Just(Mode::Add)];
    prop_oneof![
        6 => (path.clone(), mode, prop_oneof![Just('a'), Just('b')], any::<bool>()).prop_map(
            |(path, mode, family, in_slices)| Step::Push { path, mode, family, in_slices }
        ),
        1 => path.clone().prop_map(|path| Step::Fail { path }),
        4 => path.prop_map(|path| Step::Delete { path }),
        1 => Just(Step::Wipe),
        6 => (0..200_usize).prop_map(|bytes_max| Step::Advance { bytes_max }),
    ]
}

/// A group as it should be.
#[derive(Debug, Clone)]
struct Expected {
    has_empty_instance: bool,
    /// When it was made, pushed to, and refused a push.
    times: [u64; 3],
    /// Each with when it was pushed.
    families: BTreeMap<String, u64>,
}

fn expected_image(key: &str, group: &Expected) -> String {
    let mut image = format!("{key} {} {:?}\n", group.has_empty_instance, group.times);
    for (name, pushed) in &group.families {
        image += &format!("{pushed} {name}{{{key}}} {pushed}\n");
    }
    image
}

fn write(image: &GroupSnapshot<'_>, out: &mut Vec<u8>) {
    let times = image.times();
    let times = [times.created, times.pushed, times.failed].map(Timestamp::nanos);
    let (key, is_empty) = (image.key(), image.has_empty_instance());
    out.extend_from_slice(format!("{key} {is_empty} {times:?}\n").as_bytes());
    for family in image.families() {
        out.extend_from_slice(format!("{} ", family.pushed.nanos()).as_bytes());
        out.extend_from_slice(family.text);
    }
}

/// A store, what should be in it, and what has been written down of it.
struct Written {
    index: Arc<Index>,
    store: Store,
    now: u64,
    groups: BTreeMap<String, Expected>,
    /// Which have been touched since the last checkpoint,
    touched: BTreeSet<String>,
    /// what there was then, as snapshots,
    pending: BTreeMap<String, String>,
    /// how many of those are still to be handed over, if it is not known that there are none,
    left: Option<usize>,
    /// and who has been since then.
    handed_over: BTreeSet<String>,
    on_disk: BTreeMap<String, String>,
    /// What a wipe has left, of which the store has still to be told.
    wiped: Option<Remains>,
}

impl Written {
    fn new() -> Written {
        let index = Arc::new(Index::default());
        let mut store = Store::new(Arc::clone(&index), Some(write));
        let dirty = store.dirty.as_mut().expect("it is written down");
        dirty.written_here_bytes_max = 30; // A group of two families is large.
        Written {
            store,
            index,
            now: 0,
            groups: BTreeMap::new(),
            touched: BTreeSet::new(),
            pending: BTreeMap::new(),
            left: None,
            handed_over: BTreeSet::new(),
            on_disk: BTreeMap::new(),
            wiped: None,
        }
    }

    fn take(&mut self, step: &Step) {
        self.now += 1;
        match *step {
            Step::Push { path, mode, family, in_slices } => {
                self.push(path, mode, family, in_slices);
            }
            Step::Fail { path } => {
                let (hash, key) = key(path);
                let now = self.now;
                self.store.fail(hash, &key, None, Timestamp::from_nanos(now));
                if let Some(group) = self.expect_change(&key) {
                    group.times[2] = now;
                }
            }
            Step::Delete { path } => {
                let (hash, key) = key(path);
                self.store.delete(hash, &key);
                let is_empty = key.has_empty_instance();
                let is_it = |group: &Expected| group.has_empty_instance == is_empty;
                if self.groups.get(key.text()).is_some_and(is_it) {
                    self.groups.remove(key.text());
                    self.touched.insert(key.text().to_owned());
                }
            }
            Step::Wipe => {
                self.note_gone();
                self.wiped = Some(self.store.wipe());
                self.index.clear();
                self.touched.extend(std::mem::take(&mut self.groups).into_keys());
            }
            Step::Advance { bytes_max } => {
                self.note_gone();
                self.advance(bytes_max);
            }
        }
        self.check_entries();
    }

    fn push(&mut self, path: usize, mode: Mode, family: char, in_slices: bool) {
        let (hash, key) = key(path);
        let body = format!("{family} {}\n", self.now);
        let batch = decode(&key, body.as_bytes(), NameRules::Utf8).expect("a valid push");
        let (now, time) = (self.now, Timestamp::from_nanos(self.now));
        let pushed = if in_slices {
            self.push_in_slices(LargeChange::push(hash, key.clone(), mode, batch, None, time))
        } else {
            self.store.push(hash, &key, mode, &batch, None, time)
        };
        let group = self.expect_change(&key);
        assert_eq!(pushed.is_ok(), group.is_some());
        let Some(group) = group else { return };
        group.times[1] = now;
        if mode == Mode::Replace {
            group.families.clear();
        }
        group.families.insert(family.to_string(), now);
    }

    /// Pending groups are handed over between two slices.
    fn push_in_slices(&mut self, mut change: LargeChange) -> Result<(), PushError> {
        loop {
            if let Some(result) = change.advance(&mut self.store) {
                return result;
            }
            if self.left.is_some() {
                self.advance(20);
            }
        }
    }

    /// The group as it should be, to be changed; `None` where its other spelling is in the way.
    fn expect_change(&mut self, key: &GroupingKey) -> Option<&mut Expected> {
        let has_empty_instance = key.has_empty_instance();
        let (times, families) = ([self.now, 0, 0], BTreeMap::new());
        let new = Expected { has_empty_instance, times, families };
        let group = self.groups.entry(key.text().to_owned()).or_insert(new);
        let is_it = group.has_empty_instance == has_empty_instance;
        is_it.then(|| {
            self.touched.insert(key.text().to_owned());
            group
        })
    }

    fn advance(&mut self, bytes_max: usize) {
        if self.left.is_none() {
            self.left = Some(self.entered());
            self.store.checkpoint();
            let groups = self.groups.iter();
            self.pending =
                groups.map(|(key, group)| (key.clone(), expected_image(key, group))).collect();
            self.touched.clear();
            self.handed_over.clear();
            return;
        }
        let mut changes = self.store.hand_over(bytes_max);
        let is_held = |(_, image): &(Arc<str>, Handed)| matches!(image, Handed::Held(_));
        let held = changes.groups.iter().filter(|group| is_held(group)).count();
        changes.write_snapshots(write);
        self.apply(&changes, bytes_max, held);
        if !changes.has_more {
            assert_eq!(self.left.take(), Some(0));
            assert_eq!(self.on_disk, self.pending);
        }
    }

    fn apply(&mut self, changes: &Changes, bytes_max: usize, held: usize) {
        let mut bytes = 0;
        for (key, image) in changes.iter() {
            // Large ones count by what they refer to.
            assert!(bytes <= bytes_max || held > 0, "the last one exceeds the bound");
            assert!(self.handed_over.insert(key.to_string()), "{key} once");
            bytes += image.map_or(0, <[u8]>::len);
            match image {
                Some(image) => {
                    let image = String::from_utf8(image.to_vec()).expect("it is text");
                    self.on_disk.insert(key.to_string(), image);
                }
                None => drop(self.on_disk.remove(&**key)),
            }
        }
        self.left = self.left.map(|left| left - changes.len());
    }

    /// How many groups there should be an entry for: those touched that are there or were at the checkpoint.
    fn entered(&self) -> usize {
        let differs =
            |key: &&String| self.groups.contains_key(*key) || self.pending.contains_key(*key);
        self.touched.iter().filter(differs).count()
    }

    /// Tells the store what the last wipe has taken, as it is told before the next checkpoint.
    fn note_gone(&mut self) {
        let gone: Vec<_> = self.wiped.take().iter().flat_map(Remains::gone).collect();
        self.store.note_gone(&gone);
    }

    fn check_entries(&self) {
        if self.wiped.is_some() {
            return;
        }
        let (entries, since) = self.store.dirty();
        assert_eq!(entries, self.entered() + self.left.unwrap_or_default());
        assert_eq!(since == Timestamp::NEVER, self.entered() == 0);
    }
}

/// Hashes meet, as they may.
fn key(path: usize) -> (u64, GroupingKey) {
    let key = GroupingKey::parse(PATHS[path].as_bytes(), NameRules::Utf8);
    let key = key.expect("a valid path");
    (key.text().len() as u64 % 3, key)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_handed_over_is_every_group_as_it_was_at_the_checkpoint(
        steps in vec(step(), 1..120),
    ) {
        let mut written = Written::new();
        for step in &steps {
            written.take(step);
        }
    }
}

/// Writes nothing that counts: the shard must not write at all.
fn never(_: &GroupSnapshot<'_>, _: &mut Vec<u8>) {
    panic!("it is written in the turn of a shard");
}

#[test]
fn the_image_of_a_large_group_is_not_written_in_the_turn_of_the_shard() {
    let mut store = Store::new(Arc::default(), Some(never));
    let (hash, key) = key(0);
    let body: String = (0..4000).map(|at| format!("a{{at=\"{at}\"}} 1\n")).collect();
    let batch = decode(&key, body.as_bytes(), NameRules::Utf8).expect("a valid push");
    let push = |store: &mut Store, nanos| {
        let moment = Timestamp::from_nanos(nanos);
        store.push(hash, &key, Mode::Replace, &batch, None, moment).expect("it is valid");
    };
    push(&mut store, 1);
    store.checkpoint();
    let mut in_its_turn = store.hand_over(0);
    push(&mut store, 2);
    store.checkpoint();
    push(&mut store, 3); // Before its turn has come.
    let mut kept = store.hand_over(0);
    store.checkpoint();
    store.delete(hash, &key);
    let mut gone = store.hand_over(0);
    let texts = [&mut in_its_turn, &mut kept, &mut gone].map(|changes| {
        changes.write_snapshots(write);
        let image = changes.iter().next().expect("it has changed").1.expect("it was there");
        String::from_utf8(image.to_vec()).expect("it is text")
    });
    for (text, pushed) in texts.iter().zip(1..) {
        assert!(text.starts_with(&format!("{} false [1, {pushed}, 0]", key.text())), "{text}");
        assert_eq!(text.lines().count(), 4001);
    }
}
