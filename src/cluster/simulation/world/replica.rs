//! One replica, with groups that are numbers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::super::books::Books;
use super::super::super::entry::{Author, Entry};
use super::super::super::reading::Heard;
use super::super::super::role::{Role, Terms};
use super::super::truth::{Change, Groups, apply, decode};
use super::{LEASE, World};

/// One replica.
pub(super) struct Replica {
    /// Which process it is.
    pub(super) life: u64,
    pub(super) role: Role,
    pub(super) groups: Groups,
    /// What has changed since the last epoch, and who waits for it.
    pub(super) dirty: BTreeMap<u8, (u64, bool)>,
    pub(super) waiting: Vec<Change>,
    /// Epochs that are being appended: the serial of the last part, the groups in it, who waits.
    pub(super) pending: Vec<(u64, Vec<Change>, Vec<Change>)>,
    pub(super) staged: Vec<Change>,
    pub(super) start: u64,
    pub(super) books: Books,
    pub(super) reader: u64,
    pub(super) next_to_read: u64,
    pub(super) paused_until: u64,
    pub(super) cut_until: u64,
}

impl World {
    /// A process with an empty memory.
    pub(super) fn replica(&mut self, at: usize) -> Replica {
        self.lives += 1;
        let author = Author { id: format!("{at}-{}", self.lives), url: String::new() };
        let milliseconds = Duration::from_millis;
        let terms = Terms {
            lease: milliseconds(LEASE),
            patience: milliseconds(LEASE + 5 + 10 * at as u64),
            retry: milliseconds(LEASE / 5),
            lease_from_receipt: self.variant.lease_from_receipt,
        };
        let mut role = Role::new(Arc::new(author), terms);
        role.lets_all_count(self.variant.lets_all_count);
        Replica {
            life: self.lives,
            role,
            groups: Groups::new(),
            dirty: BTreeMap::new(),
            waiting: Vec::new(),
            pending: Vec::new(),
            staged: Vec::new(),
            start: 0,
            books: Books::new(100),
            reader: 0,
            next_to_read: 0,
            paused_until: 0,
            cut_until: 0,
        }
    }
}

impl Replica {
    /// A follower has heard an entry.
    pub(super) fn hear(&mut self, sequence: u64, entry: &Entry, heard: Heard) {
        self.books.write_dead(5);
        match heard {
            Heard::Void => {}
            Heard::Took | Heard::Resigned => {
                self.staged.clear();
                self.start = 0;
            }
            Heard::Part { is_last } => {
                if self.start == 0 {
                    self.start = sequence;
                }
                self.staged.extend(decode(&entry.records));
                if is_last {
                    let changes = std::mem::take(&mut self.staged);
                    write(&mut self.books, std::mem::take(&mut self.start), &changes);
                    self.books.give_up();
                    apply(&mut self.groups, &changes);
                }
            }
        }
    }

    /// Throws away what it holds. Answers how many pushes are in doubt.
    pub(super) fn forget(&mut self, keeps_groups: bool) -> u64 {
        let pending = self.pending.drain(..).map(|(_, _, waiters)| waiters.len()).sum::<usize>();
        let in_doubt = pending + std::mem::take(&mut self.waiting).len();
        if !keeps_groups {
            self.groups.clear();
        }
        self.dirty.clear();
        self.staged.clear();
        (self.start, self.books) = (0, Books::new(100));
        in_doubt as u64
    }
}

/// Notes an epoch in the books.
pub(super) fn write(books: &mut Books, start: u64, changes: &[Change]) {
    let keys: Vec<Arc<str>> = changes.iter().map(|(key, ..)| key.to_string().into()).collect();
    let sizes = changes.iter().map(|(.., is_gone)| (!is_gone).then_some(10));
    books.write(start, keys.iter().zip(sizes));
}
