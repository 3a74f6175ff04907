//! What the stream says, read as it should be read: the state of all groups behind each entry.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::super::entry::{Entry, Kind};
use super::super::reading::{Heard, Reading};

/// A group and the number of its last push, or that it is gone.
pub(super) type Change = (u8, u64, bool);

/// All groups, each with the number of its last push.
pub(super) type Groups = BTreeMap<u8, u64>;

pub(super) fn encode(changes: &[Change]) -> Bytes {
    let bytes = changes.iter().flat_map(|(key, number, is_gone)| {
        [*key, u8::from(*is_gone)].into_iter().chain(number.to_le_bytes())
    });
    bytes.collect()
}

pub(super) fn decode(records: &[u8]) -> Vec<Change> {
    let records = records.chunks(10);
    let change = |record: &[u8]| {
        let number = record[2..10].try_into().expect("it has eight bytes");
        (record[0], u64::from_le_bytes(number), record[1] != 0)
    };
    records.map(change).collect()
}

pub(super) fn apply(groups: &mut Groups, changes: &[Change]) {
    for (key, number, is_gone) in changes {
        match is_gone {
            true => groups.remove(key),
            false => groups.insert(*key, *number),
        };
    }
}

/// All entries that were ever in the stream, and what they mean.
#[derive(Default)]
pub(super) struct Truth {
    pub(super) entries: Vec<Arc<Entry>>,
    reading: Reading,
    staged: Vec<Change>,
    /// The groups behind each entry, and what the epoch that ends with it has changed.
    states: Vec<Arc<Groups>>,
    epochs: BTreeMap<u64, Vec<Change>>,
    pub(super) void: u64,
}

impl Truth {
    pub(super) fn last(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(super) fn add(&mut self, entry: &Arc<Entry>) {
        self.entries.push(Arc::clone(entry));
        let mut state = self.states.last().cloned().unwrap_or_default();
        match self.reading.hear(entry) {
            Heard::Void => self.void += 1,
            Heard::Took | Heard::Resigned => self.staged.clear(),
            Heard::Part { is_last } => {
                self.staged.extend(decode(&entry.records));
                if is_last {
                    let changes = std::mem::take(&mut self.staged);
                    apply(Arc::make_mut(&mut state), &changes);
                    self.epochs.insert(self.last(), changes);
                }
            }
        }
        self.states.push(state);
    }

    /// The groups behind an entry.
    pub(super) fn at(&self, position: u64) -> Groups {
        match position {
            0 => Groups::new(),
            position => (*self.states[position as usize - 1]).clone(),
        }
    }

    /// Checks that a push that was acknowledged is in the epoch that it was acknowledged with.
    pub(super) fn check_acknowledged(&self, position: u64, push: Change) -> Result<(), String> {
        let (key, number, _) = push;
        let changes = self.epochs.get(&position).map_or(&[][..], |changes| changes);
        let is_in = changes.iter().any(|change| change.0 == key && change.1 >= number);
        if is_in { Ok(()) } else { Err(format!("push {push:?} is not in epoch {position}")) }
    }

    /// Checks that an entry that counts for its author is where its author believes it to be.
    pub(super) fn check_entry(&self, position: u64, entry: &Entry) -> Result<(), String> {
        let found = &self.entries[position as usize - 1];
        let is_epoch = entry.kind == Kind::Part { is_last: true };
        if !found.is(entry) || is_epoch && !self.epochs.contains_key(&position) {
            return Err(format!("{entry:?} does not count at {position}, where {found:?} stands"));
        }
        Ok(())
    }

    /// Checks that the leader that shows its groups still leads: all that it holds can still be acknowledged.
    pub(super) fn check_leads(&self, id: &str) -> Result<(), String> {
        match self.reading.leading() {
            Some(leading) if leading.author.id == id => Ok(()),
            other => Err(format!("{id} shows its groups, but {other:?} leads")),
        }
    }
}
