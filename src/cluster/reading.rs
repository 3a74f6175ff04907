//! Which entries of the stream count. Every reader decides it in the same way, from the entries alone.
//!
//! A takeover always counts, because its author had seen all entries before it. Any other entry counts if its author
//! leads at that point and has left out none of its entries. So an append of a deposed leader that arrives late counts for
//! nothing: an expected last sequence alone would let it in behind the takeover, since appends are pipelined.

use std::sync::Arc;

use super::entry::{Author, Entry, Kind};
use crate::shard::Timestamp;

/// What an entry is to its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// It counts for nothing.
    Void,
    /// Its author leads from now on. An epoch without an end is dropped.
    Took,
    /// A part of the epoch at hand.
    Part { is_last: bool },
    /// Nobody leads from now on.
    Resigned,
}

/// Who leads, as far as the stream was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leading {
    pub(super) author: Arc<Author>,
    /// When its takeover was written, or the first of its entries that is still there.
    pub(super) since: Timestamp,
    /// The sequence of its takeover.
    pub(super) term: u64,
    next: u64,
}

/// The reading of the stream up to some entry.
#[derive(Debug, Default, Clone)]
pub(super) struct Reading {
    leading: Option<Leading>,
    /// The last term that has begun; nothing before the first entry.
    term: Option<u64>,
    /// Lets every entry count; for the simulation, which must notice.
    #[cfg(test)]
    pub(super) lets_all_count: bool,
}

impl Reading {
    /// Who leads.
    pub(super) fn leading(&self) -> Option<&Leading> {
        self.leading.as_ref()
    }

    /// Whether anything was read since it began.
    pub(super) fn has_begun(&self) -> bool {
        self.term.is_some()
    }

    /// Forgets what was read: the stream is read from its beginning.
    pub(super) fn begin_anew(&mut self) {
        (self.leading, self.term) = (None, None);
    }

    /// Whether an entry is of a later term than any that was read, without the takeover of that term. A stream never has that: the
    /// term is the sequence of its takeover.
    pub(super) fn misses_takeover(&self, entry: &Entry) -> bool {
        entry.kind != Kind::Takeover && self.term.is_some_and(|term| entry.term > term)
    }

    /// Reads the next entry. The first entry counts: what is purged ends where an entry that counts begins an epoch.
    pub(super) fn hear(&mut self, entry: &Entry) -> Heard {
        if !self.has_begun() || entry.kind == Kind::Takeover {
            self.term = Some(entry.term);
            self.leading = Some(Leading {
                author: Arc::clone(&entry.author),
                since: entry.time,
                term: entry.term,
                next: entry.serial,
            });
        }
        let lets_in = self.lets_in(entry);
        match &mut self.leading {
            Some(leading) if lets_in => leading.next = entry.serial + 1,
            _ => return Heard::Void,
        }
        match entry.kind {
            Kind::Part { is_last } => Heard::Part { is_last },
            Kind::Takeover => Heard::Took,
            Kind::Resignation => {
                self.leading = None;
                Heard::Resigned
            }
        }
    }

    fn lets_in(&self, entry: &Entry) -> bool {
        #[cfg(test)]
        if self.lets_all_count {
            return true;
        }
        self.leading.as_ref().is_some_and(|leading| {
            leading.author.id == entry.author.id
                && (leading.term, leading.next) == (entry.term, entry.serial)
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn entry(id: &str, term: u64, serial: u64, kind: Kind) -> Entry {
        let author = Arc::new(Author { id: id.into(), url: String::new() });
        Entry { author, term, serial, time: Timestamp::NEVER, kind, records: Bytes::new() }
    }

    const PART: Kind = Kind::Part { is_last: true };

    #[test]
    fn only_what_the_leader_appends_in_order_counts() {
        let mut reading = Reading::default();
        let heard: Vec<_> = [
            entry("a", 0, 0, Kind::Takeover),
            entry("a", 0, 1, PART),
            entry("a", 0, 3, PART), // The one before it is missing.
            entry("b", 0, 0, PART),
            entry("a", 0, 2, PART),
            entry("b", 5, 5, Kind::Takeover),
            entry("a", 0, 3, PART),
            entry("b", 5, 6, Kind::Resignation),
            entry("b", 5, 7, PART),
            entry("b", 8, 8, Kind::Takeover),
            entry("b", 5, 9, PART), // Of an earlier term.
        ]
        .iter()
        .map(|entry| reading.hear(entry))
        .collect();
        let part = Heard::Part { is_last: true };
        let (took, void) = (Heard::Took, Heard::Void);
        assert_eq!(
            heard,
            [took, part, void, void, part, took, void, Heard::Resigned, void, took, void]
        );
        let mut purged = Reading::default();
        assert_eq!(purged.hear(&entry("b", 5, 6, PART)), part);
        assert_eq!(purged.hear(&entry("a", 0, 7, PART)), void);
    }
}
