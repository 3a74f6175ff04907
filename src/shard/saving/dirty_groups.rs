//! The dirty groups of one shard: the groups whose last state is not on disk yet.
//!
//! Start with [`DirtyGroups::changes`], which is called before each change of a group. A checkpoint ends the epoch on all
//! shards at one moment. The groups that are dirty at that moment become *pending*: the shard hands them over piece by
//! piece, each in its state at the checkpoint. A pending group that changes before its turn leaves a snapshot.
//!
//! **Invariant:** a dirty group has one entry, however often it changes. A group that came and went without having been
//! handed over has none. So a disk that fails for long costs memory in proportion to what is stored.

use std::collections::HashMap;
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::{Entry, IntoIter};

use crate::shard::groups::families::Families;
use crate::shard::groups::group::{Group, SaveState};
use crate::shard::saving::changes::{Changes, Handed};
use crate::shard::saving::group_snapshot::{
    self as image, GroupSnapshot, HeldSnapshot, WriteRecord,
};
use crate::shard::timestamp::Timestamp;

/// The number of bytes for which each group counts, besides its record.
const GONE_BYTES: usize = 128;
/// A group with more bytes of samples is handed over as references, because to write its record would keep pushes waiting.
const WRITTEN_HERE_BYTES_MAX: usize = 64 << 10;

/// A group that has changed, or is gone.
#[derive(Debug)]
struct Entered {
    hash: u64,
    key: Arc<str>,
    /// Whether a group of this key was handed over before, and is gone.
    was_written: bool,
}

/// A group that a wipe has taken.
#[derive(Debug)]
pub struct Gone {
    pub(in crate::shard) hash: u64,
    pub(in crate::shard) key: Arc<str>,
    pub(in crate::shard) was_written: bool,
    /// Whether it was a source that is not shown.
    pub(in crate::shard) is_hidden: bool,
}

/// The state of a group at the checkpoint, kept because the group has changed since.
#[derive(Debug)]
enum Kept {
    Written(Vec<u8>),
    Held(Box<HeldSnapshot>),
}

/// The dirty groups of one shard.
#[derive(Debug)]
pub(in crate::shard) struct DirtyGroups {
    pub(in crate::shard) write: WriteRecord,
    /// Whether these are sources that are not shown. Their keys are stored with a mark, since a sum may have the same key.
    is_hidden: bool,
    pub(super) written_here_bytes_max: usize,
    /// The current epoch, counted from 1.
    epoch: u64,
    entered: HashTable<Entered>,
    /// When the first of them changed.
    since: Timestamp,
    /// The dirty groups of the last epoch that are still to be handed over.
    pending: IntoIter<Entered>,
    /// When the first group of that epoch changed.
    pending_since: Timestamp,
    /// The states at the checkpoint of those that have changed since.
    snapshots: HashMap<Arc<str>, Kept, ahash::RandomState>,
}

/// The key under which a source is stored that is not shown. No grouping key begins so.
pub fn hidden_key(key: &str) -> String {
    format!("{HIDDEN_MARK}{key}")
}

/// What it begins with.
pub const HIDDEN_MARK: char = '\r';

impl Gone {
    pub(in crate::shard) fn new(hash: u64, group: &Group) -> Gone {
        let is_hidden = group.role.is_hidden();
        let (key, was_written) = (Arc::clone(&group.key), group.saving.is_written);
        Gone { hash, key, was_written, is_hidden }
    }
}

impl DirtyGroups {
    pub(in crate::shard) fn new(write: WriteRecord) -> DirtyGroups {
        DirtyGroups {
            write,
            is_hidden: false,
            written_here_bytes_max: WRITTEN_HERE_BYTES_MAX,
            epoch: 1,
            entered: HashTable::new(),
            since: Timestamp::NEVER,
            pending: IntoIter::default(),
            pending_since: Timestamp::NEVER,
            snapshots: HashMap::default(),
        }
    }

    /// Forgets all of them.
    pub(in crate::shard) fn forget_all(&mut self) {
        let written_here_bytes_max = self.written_here_bytes_max;
        *self = DirtyGroups {
            written_here_bytes_max,
            is_hidden: self.is_hidden,
            ..DirtyGroups::new(self.write)
        };
    }

    /// Of sources that are not shown.
    pub(in crate::shard) fn of_hidden(write: WriteRecord) -> DirtyGroups {
        DirtyGroups { is_hidden: true, ..DirtyGroups::new(write) }
    }

    /// How many groups there are.
    pub(in crate::shard) fn len(&self) -> usize {
        self.entered.len() + self.pending.len()
    }

    /// When the first group of this epoch changed.
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
        self.gone(&Gone::new(hash, group), false);
    }

    /// Notes that a group is gone, and whether there is one of its key again.
    pub(in crate::shard) fn gone(&mut self, gone: &Gone, is_back: bool) {
        self.enter(gone.hash, &gone.key, gone.was_written);
        let is_of_group = |entered: &Entered| entered.key == gone.key;
        if !is_back
            && let Ok(entered) = self.entered.find_entry(gone.hash, is_of_group)
            && !entered.get().was_written
        {
            entered.remove(); // Nobody has heard of it.
        }
    }

    /// Keeps what pending groups were, before they go.
    pub(in crate::shard) fn keep_pending<'g>(
        &mut self,
        groups: impl Iterator<Item = &'g mut Group>,
        families: &mut Families,
    ) {
        if self.pending.len() > 0 {
            groups.for_each(|group| self.keep_snapshot(group, families));
        }
    }

    /// Ends the epoch: the groups that are dirty now become pending, in their state of now.
    pub(in crate::shard) fn checkpoint(&mut self) {
        debug_assert_eq!(self.pending.len(), 0, "one checkpoint after the other");
        self.pending_since = self.since();
        // The table itself becomes the list, however large it is. The next one has room for as many, so that it need not grow.
        let next = HashTable::with_capacity(self.entered.len());
        self.pending = std::mem::replace(&mut self.entered, next).into_iter();
        self.epoch += 1;
    }

    /// Hands over pending groups until their records exceed `bytes_max`. Of a large group only the references count.
    pub(in crate::shard) fn hand_over(
        &mut self,
        bytes_max: usize,
        groups: &mut HashTable<(u64, Group)>,
        families: &mut Families,
    ) -> Changes {
        let mut changes = Changes { since: self.pending_since, ..Changes::default() };
        let (mut handed_over, mut references) = (0, 0);
        while handed_over <= bytes_max
            && let Some(Entered { hash, key, .. }) = self.pending.next()
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
            let key = if self.is_hidden { hidden_key(&key).into() } else { key };
            changes.groups.push((key, image));
            handed_over = changes.bytes.len() + references + changes.groups.len() * GONE_BYTES;
        }
        changes.has_more = self.pending.len() > 0;
        changes
    }

    /// Keeps the state of a pending group before the group changes.
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
