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
        self.promised.extend(self.entered.drain());
        self.epoch += 1;
    }

    /// Hands over promised groups until their images exceed `bytes_max`.
    pub(super) fn hand_over(
        &mut self,
        bytes_max: usize,
        groups: &mut HashTable<(u64, Group)>,
        families: &Families,
    ) -> Changes {
        let mut changes = Changes::default();
        while changes.bytes.len() <= bytes_max
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
