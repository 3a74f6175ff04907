//! The parts of an epoch that a follower has read before its end.

use bytes::{Bytes, BytesMut};

/// The parts of an epoch whose end was not read yet.
#[derive(Debug, Default)]
pub(super) struct Staged {
    /// The entry with the first of them; 0 if there is none.
    start: u64,
    parts: Vec<Bytes>,
}

impl Staged {
    pub(super) fn add(&mut self, sequence: u64, records: Bytes) {
        if self.start == 0 {
            self.start = sequence;
        }
        self.parts.push(records);
    }

    /// The whole epoch, and the entry with its first part.
    pub(super) fn take(&mut self) -> (u64, Bytes) {
        let Staged { start, mut parts } = std::mem::take(self);
        if parts.len() == 1 {
            return (start, parts.remove(0));
        }
        let mut whole = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
        parts.iter().for_each(|part| whole.extend_from_slice(part));
        (start, whole.freeze())
    }
}
