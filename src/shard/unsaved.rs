//! Which groups differ from what has been written down.
//!
//! Time is cut into epochs by checkpoints, which all shards make at one moment. What has changed in an
//! epoch is written down as it was at the checkpoint that ended it, though it is handed over only
//! bit by bit afterwards, so that no push waits behind all of it. A group that changes again before its
//! turn has come leaves an image of what it was.
//!
//! **Invariant:** there is one entry for a group that differs, however often it has changed, and none for
//! one that came and went without ever having been handed over. So a disk that fails for long costs memory in
//! proportion to what is stored, not to what is pushed.

use std::collections::HashMap;
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::families::Families;
use super::group::{Group, Timestamp};
use super::image::{GroupImage, WriteImage};

/// What handing over a group counts as, besides the bytes of its image.
const GONE_BYTES: usize = 128;
/// Room for so many entries is kept.
const SPARE_ENTRIES: usize = 4096;

/// What a group knows of itself being written down.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct SaveState {
    /// The epoch in which it has changed since it was last handed over; 0 when it has not.
    epoch: u64,
    /// Whether an image of it was ever handed over.
    is_written: bool,
}

impl SaveState {
    /// Of a group that has been read back.
    pub(super) const WRITTEN: SaveState = SaveState { epoch: 0, is_written: true };
}

/// A group that has changed, or is gone.
#[derive(Debug)]
struct Entered {
    hash: u64,
    key: Arc<str>,
    /// Whether a group of this key that is gone had been written down.
    was_written: bool,
}

/// Images of groups on their way to be written down, each with its key; none for a group that is gone.
#[derive(Debug, Default)]
pub struct Changes {
    bytes: Vec<u8>,
    /// Each with where its image ends.
    groups: Vec<(Arc<str>, Option<usize>)>,
    /// When the first group of the shard changed that is part of the checkpoint.
    pub since: Timestamp,
    /// Whether the shard has more to hand over.
    pub(super) has_more: bool,
}

impl Changes {
    /// The images alone.
    pub fn images_mut(&mut self) -> impl Iterator<Item = &mut [u8]> {
        let (mut rest, mut start) = (&mut self.bytes[..], 0);
        self.groups.iter().filter_map(|(_, end)| *end).map(move |end| {
            let (image, others) = std::mem::take(&mut rest).split_at_mut(end - start);
            (rest, start) = (others, end);
            image
        })
    }

    /// How many groups there are.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The groups, each once.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, Option<&[u8]>)> {
        let mut start = 0;
        self.groups.iter().map(move |(key, end)| {
            let image = end.map(|end| &self.bytes[std::mem::replace(&mut start, end)..end]);
            (key, image)
        })
    }
}

/// The groups of one shard that differ from what has been written down.
#[derive(Debug)]
pub(super) struct Unsaved {
    write: WriteImage,
    /// The epoch at hand, counted from 1.
    epoch: u64,
    entered: HashTable<Entered>,
    /// When the first of them has changed.
    since: Timestamp,
    /// Those of the epoch before that are still to be handed over.
    promised: Vec<Entered>,
    /// When the first of that epoch had changed.
    promised_since: Timestamp,
    /// What some of those were at the checkpoint.
    images: HashMap<Arc<str>, Vec<u8>, ahash::RandomState>,
}

impl Unsaved {
    pub(super) fn new(write: WriteImage) -> Unsaved {
        Unsaved {
            write,
            epoch: 1,
            entered: HashTable::new(),
            since: Timestamp::NEVER,
            promised: Vec::new(),
            promised_since: Timestamp::NEVER,
            images: HashMap::default(),
        }
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.entered.len() + self.promised.len()
    }

    /// When the first group changed that is not part of a checkpoint yet.
    pub(super) fn since(&self) -> Timestamp {
        if self.entered.is_empty() { Timestamp::NEVER } else { self.since }
    }

    /// Notes that a group is about to change.
    pub(super) fn changes(&mut self, hash: u64, group: &mut Group, families: &Families) {
        if group.saving.epoch == self.epoch {
            return;
        }
        self.keep_image(group, families);
        group.saving.epoch = self.epoch;
        self.enter(hash, &group.key, false);
    }

    /// Notes that a group is about to go.
    pub(super) fn goes(&mut self, hash: u64, group: &mut Group, families: &Families) {
        self.keep_image(group, families);
        self.enter(hash, &group.key, group.saving.is_written);
        let is_of_group = |entered: &Entered| *entered.key == *group.key;
        if let Ok(entered) = self.entered.find_entry(hash, is_of_group)
            && !entered.get().was_written
        {
            entered.remove(); // Nobody has heard of it.
        }
    }

    /// Ends the epoch: what has changed until now is promised to be handed over as it is now.
    pub(super) fn checkpoint(&mut self) {
        debug_assert!(self.promised.is_empty(), "one checkpoint after the other");
        self.promised_since = self.since();
        self.promised.extend(self.entered.drain());
        if self.entered.capacity() > 4 * self.promised.len() + SPARE_ENTRIES {
            self.entered = HashTable::new(); // To look through its room for each epoch takes time.
        }
        self.epoch += 1;
    }

    /// Hands over promised groups until their images exceed `bytes_max`.
    pub(super) fn hand_over(
        &mut self,
        bytes_max: usize,
        groups: &mut HashTable<(u64, Group)>,
        families: &Families,
    ) -> Changes {
        let mut changes = Changes { since: self.promised_since, ..Changes::default() };
        let mut handed_over = 0;
        while handed_over <= bytes_max
            && let Some(Entered { hash, key, .. }) = self.promised.pop()
        {
            let is_there = if let Some(image) = self.images.remove(&key) {
                changes.bytes.extend_from_slice(&image);
                true
            } else if let Some((_, group)) = groups.find_mut(hash, |(_, group)| group.key == key)
                && group.saving.epoch + 1 == self.epoch
            {
                (self.write)(&GroupImage { group, families }, &mut changes.bytes);
                group.saving = SaveState::WRITTEN;
                true
            } else {
                false // Gone by the checkpoint, though one of that key may have come since.
            };
            handed_over = changes.bytes.len() + changes.groups.len() * GONE_BYTES;
            changes.groups.push((key, is_there.then_some(changes.bytes.len())));
        }
        changes.has_more = !self.promised.is_empty();
        changes
    }

    /// Writes down what a promised group was, before it is that no longer.
    fn keep_image(&mut self, group: &mut Group, families: &Families) {
        if group.saving.epoch > 0 && group.saving.epoch + 1 == self.epoch {
            let mut image = Vec::new();
            (self.write)(&GroupImage { group, families }, &mut image);
            self.images.insert(Arc::clone(&group.key), image);
            group.saving = SaveState::WRITTEN;
        }
    }

    fn enter(&mut self, hash: u64, key: &Arc<str>, was_written: bool) {
        if self.entered.is_empty() {
            self.since = Timestamp::now();
        }
        let is_of_group = |entered: &Entered| *entered.key == **key;
        match self.entered.entry(hash, is_of_group, |entered| entered.hash) {
            Entry::Occupied(mut found) => found.get_mut().was_written |= was_written,
            Entry::Vacant(new) => {
                new.insert(Entered { hash, key: Arc::clone(key), was_written });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use crate::exposition::NameRules;
    use crate::push::{GroupingKey, decode};
    use crate::shard::image::GroupImage;
    use crate::shard::{Changes, Index, Mode, Store, Timestamp};

    /// The last two are two spellings of one.
    const PATHS: [&str; 6] =
        ["/j/instance/1", "/j/instance/2", "/j/x/y", "/k/instance/1", "/k", "/k/instance@base64/="];

    #[derive(Debug, Clone)]
    enum Step {
        Push {
            path: usize,
            mode: Mode,
            family: char,
        },
        Fail {
            path: usize,
        },
        Delete {
            path: usize,
        },
        Wipe,
        /// Makes a checkpoint, or has what was promised at the last one handed over up to so many bytes.
        Advance {
            bytes_max: usize,
        },
    }

    fn step() -> impl Strategy<Value = Step> {
        let path = 0..PATHS.len();
        let mode = prop_oneof![Just(Mode::Replace), Just(Mode::Add)];
        prop_oneof![
            6 => (path.clone(), mode, prop_oneof![Just('a'), Just('b')])
                .prop_map(|(path, mode, family)| Step::Push { path, mode, family }),
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

    fn write(image: &GroupImage<'_>, out: &mut Vec<u8>) {
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
        /// what there was then, as images,
        promised: BTreeMap<String, String>,
        /// how many of those are still to be handed over, if it is not known that there are none,
        left: Option<usize>,
        /// and who has been since then.
        handed_over: BTreeSet<String>,
        on_disk: BTreeMap<String, String>,
    }

    impl Written {
        fn new() -> Written {
            let index = Arc::new(Index::default());
            Written {
                store: Store::new(Arc::clone(&index), Some(write)),
                index,
                now: 0,
                groups: BTreeMap::new(),
                touched: BTreeSet::new(),
                promised: BTreeMap::new(),
                left: None,
                handed_over: BTreeSet::new(),
                on_disk: BTreeMap::new(),
            }
        }

        fn take(&mut self, step: &Step) {
            self.now += 1;
            match *step {
                Step::Push { path, mode, family } => self.push(path, mode, family),
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
                    self.store.wipe();
                    self.index.clear();
                    self.touched.extend(std::mem::take(&mut self.groups).into_keys());
                }
                Step::Advance { bytes_max } => self.advance(bytes_max),
            }
            self.check_entries();
        }

        fn push(&mut self, path: usize, mode: Mode, family: char) {
            let (hash, key) = key(path);
            let body = format!("{family} {}\n", self.now);
            let batch = decode(&key, body.as_bytes(), NameRules::Utf8).expect("a valid push");
            let pushed =
                self.store.push(hash, &key, mode, &batch, None, Timestamp::from_nanos(self.now));
            let now = self.now;
            let group = self.expect_change(&key);
            assert_eq!(pushed.is_ok(), group.is_some());
            let Some(group) = group else { return };
            group.times[1] = now;
            if mode == Mode::Replace {
                group.families.clear();
            }
            group.families.insert(family.to_string(), now);
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
                self.promised =
                    groups.map(|(key, group)| (key.clone(), expected_image(key, group))).collect();
                self.touched.clear();
                self.handed_over.clear();
                return;
            }
            let changes = self.store.hand_over(bytes_max);
            self.apply(&changes, bytes_max);
            if !changes.has_more {
                assert_eq!(self.left.take(), Some(0));
                assert_eq!(self.on_disk, self.promised);
            }
        }

        fn apply(&mut self, changes: &Changes, bytes_max: usize) {
            let mut bytes = 0;
            for (key, image) in changes.iter() {
                assert!(bytes <= bytes_max, "the last one exceeds the bound");
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
                |key: &&String| self.groups.contains_key(*key) || self.promised.contains_key(*key);
            self.touched.iter().filter(differs).count()
        }

        fn check_entries(&self) {
            let (entries, since) = self.store.unsaved();
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
}
