//! Groups on their way from a shard to the persistence file.

use std::sync::Arc;

use crate::shard::saving::group_snapshot::{HeldSnapshot, WriteRecord};
use crate::shard::timestamp::Timestamp;

/// The state of a group at a checkpoint.
#[derive(Debug)]
pub(super) enum Handed {
    /// The group was not there.
    Gone,
    /// Its record is among the bytes of all groups, and ends there.
    Written { end: usize },
    /// Its record is still to be written.
    Held(Box<HeldSnapshot>),
    /// Its record, written by the thread of the file.
    Own(Vec<u8>),
}

/// The records of groups, each with its key. A group that is gone has no record.
#[derive(Debug, Default)]
pub struct Changes {
    pub(super) bytes: Vec<u8>,
    pub(super) groups: Vec<(Arc<str>, Handed)>,
    /// When the oldest of these changes was made.
    pub since: Timestamp,
    /// Whether the shard has more to hand over.
    pub(in crate::shard) has_more: bool,
}

impl Changes {
    /// Changes of something else than groups, with their records.
    pub(crate) fn of_records(
        records: impl Iterator<Item = (Arc<str>, Option<Vec<u8>>)>,
    ) -> Changes {
        let handed = |record: Option<Vec<u8>>| record.map_or(Handed::Gone, Handed::Own);
        let groups = records.map(|(key, record)| (key, handed(record))).collect();
        Changes { groups, since: Timestamp::now(), ..Changes::default() }
    }

    /// These and others, of other groups.
    pub(in crate::shard) fn and(mut self, others: Changes) -> Changes {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&others.bytes);
        self.groups.extend(others.groups.into_iter().map(|(key, handed)| match handed {
            Handed::Written { end } => (key, Handed::Written { end: start + end }),
            handed => (key, handed),
        }));
        let since = [self.since, others.since].into_iter();
        let since = since.filter(|since| *since != Timestamp::NEVER).min().unwrap_or_default();
        Changes { since, has_more: others.has_more, ..self }
    }

    /// Writes the records of large groups, which the shard has left to the caller, and drops their snapshots. The caller does
    /// this before it reads any record, with the function that the shard uses.
    pub fn write_snapshots(&mut self, write: WriteRecord) {
        for (_, image) in &mut self.groups {
            if let Handed::Held(held) = image {
                *image = Handed::Own(held.write(write));
            }
        }
    }

    /// The records alone.
    pub fn records_mut(&mut self) -> impl Iterator<Item = &mut [u8]> {
        let (mut rest, mut start) = (&mut self.bytes[..], 0);
        self.groups.iter_mut().filter_map(move |(_, image)| match image {
            Handed::Gone => None,
            Handed::Written { end } => {
                let (image, others) = std::mem::take(&mut rest).split_at_mut(*end - start);
                (rest, start) = (others, *end);
                Some(image)
            }
            Handed::Held(_) => unreachable!("it has been written"),
            Handed::Own(image) => Some(&mut image[..]),
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
        self.groups.iter().map(move |(key, image)| {
            let image = match image {
                Handed::Gone => None,
                Handed::Written { end } => {
                    Some(&self.bytes[std::mem::replace(&mut start, *end)..*end])
                }
                Handed::Held(_) => unreachable!("it has been written"),
                Handed::Own(image) => Some(&image[..]),
            };
            (key, image)
        })
    }
}
