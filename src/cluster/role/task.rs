//! What a role wants done, and what it is told.

use std::sync::Arc;
use std::time::Duration;

use super::super::entry::{Entry, EntryError};

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cluster) enum Task {
    /// Appends an entry, if the last message of the stream is the one before `sequence`.
    Append { attempt: u64, sequence: u64, entry: Arc<Entry> },
    /// Reads the message of this sequence.
    Look { sequence: u64 },
    /// Asks for the first and the last sequence of the stream. The answer is for the question of this time.
    Probe { sent: Duration },
    /// Reads the stream on from behind this entry.
    Read { after: u64 },
    /// Throws all groups away, and reads the stream from its beginning: begins with [`Role::begin`] again.
    Restart(Anew),
    /// Leads from now on: takes changes.
    Lead,
    /// An entry of this replica is in the stream. It is a part of an epoch, or its end.
    Acknowledged { entry: Arc<Entry>, sequence: u64, sent: Duration },
    /// The resignation is in the stream, or there was nothing to resign from.
    Left,
    /// Takes no part any more, for this reason.
    StepBack(String),
}

/// Why the stream is read from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cluster) enum Anew {
    /// This replica was leading, and another one has taken over.
    Deposed,
    /// Entries were purged that were not read yet.
    Purged,
    /// The takeover of a term is not in the copy of the stream that was read.
    Torn,
}

/// What a look at one message of the stream has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cluster) enum Look {
    /// What the message says.
    Message(Result<Entry, EntryError>),
    /// The stream ends before it.
    End,
    /// It was there and is purged.
    Purged,
    /// The stream has lost entries that were in it.
    Shrunk,
}

/// The first and the last sequence of a stream. An empty one has a last below its first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cluster) struct Ends {
    pub(in crate::cluster) first: u64,
    pub(in crate::cluster) last: u64,
}
