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

use crate::shard::groups::families::Families;
use crate::shard::groups::group::{Group, SaveState};
use crate::shard::saving::group_snapshot::{self as image, GroupSnapshot, HeldSnapshot, WriteRecord};
use crate::shard::timestamp::Timestamp;

/// What handing over a group counts as, besides the bytes of its image.
const GONE_BYTES: usize = 128;
/// A group with more bytes of samples is handed over by references: to write its image would keep pushes waiting.
const WRITTEN_HERE_BYTES_MAX: usize = 64 << 10;
/// Room for so many entries is kept.
const SPARE_ENTRIES: usize = 4096;

/// A group that has changed, or is gone.
#[derive(Debug)]
struct Entered {
    hash: u64,
    key: Arc<str>,
    /// Whether a group of this key that is gone had been written down.
    was_written: bool,
}

/// What a group was at the checkpoint, that has changed since.
#[derive(Debug)]
enum Kept {
    Written(Vec<u8>),
    Held(Box<HeldSnapshot>),
}

/// The groups of one shard that differ from what has been written down.
#[derive(Debug)]
pub(in crate::shard) struct DirtyGroups {
    write: WriteRecord,
    written_here_bytes_max: usize,
    /// The epoch at hand, counted from 1.
    epoch: u64,
    entered: HashTable<Entered>,
    /// When the first of them has changed.
    since: Timestamp,
    /// Those of the epoch before that are still to be handed over.
    pending: Vec<Entered>,
    /// When the first of that epoch had changed.
    pending_since: Timestamp,
    /// What some of those were at the checkpoint.
    snapshots: HashMap<Arc<str>, Kept, ahash::RandomState>,
}

impl DirtyGroups {
    pub(in crate::shard) fn new(write: WriteRecord) -> DirtyGroups {
        DirtyGroups {
            write,
            written_here_bytes_max: WRITTEN_HERE_BYTES_MAX,
            epoch: 1,
            entered: HashTable::new(),
            since: Timestamp::NEVER,
            pending: Vec::new(),
            pending_since: Timestamp::NEVER,
            snapshots: HashMap::default(),
        }
    }

    /// How many groups there are.
    pub(in crate::shard) fn len(&self) -> usize {
        self.entered.len() + self.pending.len()
    }

    /// When the first group changed that is not part of a checkpoint yet.
    pub(in crate::shard) fn since(&self) -> Timestamp {
        if self.entered.is_empty() { Timestamp::NEVER } else { self.since }
    }

    /// Notes that a group is about to change.
    pub(in crate::shard) fn changes(
        &mut self,
        hash: u64,
        group: &mut Group,
        families: &mut Families,
    ) {
        if group.saving.epoch == self.epoch {
            return;
        }
        self.keep_snapshot(group, families);
        group.saving.epoch = self.epoch;
        self.enter(hash, &group.key, false);
    }

    /// Notes that a group is about to go.
    pub(in crate::shard) fn goes(&mut self, hash: u64, group: &mut Group, families: &mut Families) {
        self.keep_snapshot(group, families);
        self.enter(hash, &group.key, group.saving.is_written);
        let is_of_group = |entered: &Entered| *entered.key == *group.key;
        if let Ok(entered) = self.entered.find_entry(hash, is_of_group)
            && !entered.get().was_written
        {
            entered.remove(); // Nobody has heard of it.
        }
    }

    /// Ends the epoch: what has changed until now is pending to be handed over as it is now.
    pub(in crate::shard) fn checkpoint(&mut self) {
        debug_assert!(self.pending.is_empty(), "one checkpoint after the other");
        self.pending_since = self.since();
        self.pending.extend(self.entered.drain());
        if self.entered.capacity() > 4 * self.pending.len() + SPARE_ENTRIES {
            self.entered = HashTable::new(); // To look through its room for each epoch takes time.
        }
        self.epoch += 1;
    }

    /// Hands over pending groups until their snapshots exceed `bytes_max`. Of large groups only references count.
    pub(in crate::shard) fn hand_over(
        &mut self,
        bytes_max: usize,
        groups: &mut HashTable<(u64, Group)>,
        families: &mut Families,
    ) -> Changes {
        let mut changes = Changes { since: self.pending_since, ..Changes::default() };
        let (mut handed_over, mut references) = (0, 0);
        while handed_over <= bytes_max
            && let Some(Entered { hash, key, .. }) = self.pending.pop()
        {
            let image = if let Some(kept) = self.snapshots.remove(&key) {
                match kept {
                    Kept::Written(image) => {
                        changes.bytes.extend_from_slice(&image);
                        Handed::Written { end: changes.bytes.len() }
                    }
                    Kept::Held(held) => Handed::Held(held),
                }
            } else if let Some((_, group)) = groups.find_mut(hash, |(_, group)| group.key == key)
                && group.saving.epoch + 1 == self.epoch
            {
                group.saving = SaveState::WRITTEN;
                if self.is_large(group) {
                    Handed::Held(Box::new(HeldSnapshot::new(group, families)))
                } else {
                    (self.write)(&GroupSnapshot::stored(group, families), &mut changes.bytes);
                    Handed::Written { end: changes.bytes.len() }
                }
            } else {
                Handed::Gone // By the checkpoint, though one of that key may have come since.
            };
            if let Handed::Held(held) = &image {
                references += held.references_bytes();
            }
            changes.groups.push((key, image));
            handed_over = changes.bytes.len() + references + changes.groups.len() * GONE_BYTES;
        }
        changes.has_more = !self.pending.is_empty();
        changes
    }

    /// Keeps what a pending group was, before it is that no longer.
    fn keep_snapshot(&mut self, group: &mut Group, families: &mut Families) {
        if group.saving.epoch > 0 && group.saving.epoch + 1 == self.epoch {
            let kept = if self.is_large(group) {
                Kept::Held(Box::new(HeldSnapshot::new(group, families)))
            } else {
                let mut image = Vec::new();
                (self.write)(&GroupSnapshot::stored(group, families), &mut image);
                Kept::Written(image)
            };
            self.snapshots.insert(Arc::clone(&group.key), kept);
            group.saving = SaveState::WRITTEN;
        }
    }

    /// Whether it would take long to write down a group.
    fn is_large(&self, group: &Group) -> bool {
        image::bytes(group) > self.written_here_bytes_max
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
