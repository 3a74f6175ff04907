//! Groups on their way to be written down.

use std::sync::Arc;

use crate::shard::saving::group_snapshot::{HeldSnapshot, WriteRecord};
use crate::shard::timestamp::Timestamp;

/// What a group was at a checkpoint.
#[derive(Debug)]
enum Handed {
    /// There was none.
    Gone,
    /// Its image is among the bytes of all, and ends there.
    Written { end: usize },
    /// Its image is still to be written.
    Held(Box<HeldSnapshot>),
    /// Its image has been written since.
    Own(Vec<u8>),
}

/// Images of groups on their way to be written down, each with its key; none for a group that is gone.
#[derive(Debug, Default)]
pub struct Changes {
    bytes: Vec<u8>,
    groups: Vec<(Arc<str>, Handed)>,
    /// When the first group of the shard changed that is part of the checkpoint.
    pub since: Timestamp,
    /// Whether the shard has more to hand over.
    pub(in crate::shard) has_more: bool,
}

impl Changes {
    /// Writes the snapshots of large groups, which the shard has left to whoever asked for the changes. To be called before
    /// the snapshots are looked at, with what the shard writes the others with. Lets go of what the groups were.
    pub fn write_snapshots(&mut self, write: WriteRecord) {
        for (_, image) in &mut self.groups {
            if let Handed::Held(held) = image {
                *image = Handed::Own(held.write(write));
            }
        }
    }

    /// The snapshots alone.
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
