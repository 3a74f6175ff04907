//! Why the shards do not do what they were asked.

use std::fmt;

use crate::push::Refusal;
use crate::shard::budget::Full;
use crate::shard::timestamp::Timestamp;

/// Why the shards cannot answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unavailable {
    /// The shard's queue stayed full.
    Overloaded,
    /// A shard has died.
    Dead,
    /// It was applied, but is not known to be on disk.
    InDoubt,
    /// The gateway is about to end: what comes now would not be kept.
    Stopping,
    /// This replica does not lead its set, and only the leader changes groups.
    NotLeading,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unavailable::Overloaded => write!(f, "too many pushes are waiting; try again"),
            Unavailable::Dead => write!(f, "a shard has died; the gateway must be restarted"),
            Unavailable::Stopping => {
                write!(f, "the gateway is stopping and has made its last checkpoint; try again")
            }
            Unavailable::NotLeading => {
                write!(
                    f,
                    "this replica does not lead its set any more; nothing was changed; try again"
                )
            }
            Unavailable::InDoubt => {
                write!(
                    f,
                    "applied, but not on disk yet: it may or may not outlast a crash; try again"
                )
            }
        }
    }
}

/// Why a push was not applied, or not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushError {
    /// It is inconsistent.
    Refused(Refusal),
    /// There is no room for it: nothing has changed.
    Full(Full),
    /// The group was pushed to later, last at this moment, and is left alone.
    Newer(Timestamp),
    /// It could not be tried.
    Unavailable(Unavailable),
}

impl From<Unavailable> for PushError {
    fn from(unavailable: Unavailable) -> PushError {
        PushError::Unavailable(unavailable)
    }
}

impl From<Refusal> for PushError {
    fn from(refusal: Refusal) -> PushError {
        PushError::Refused(refusal)
    }
}

impl From<Full> for PushError {
    fn from(full: Full) -> PushError {
        PushError::Full(full)
    }
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PushError::Refused(refusal) => refusal.fmt(f),
            PushError::Full(full) => full.fmt(f),
            PushError::Newer(pushed) => {
                write!(f, "the group was pushed to later, last at {}", pushed.seconds())
            }
            PushError::Unavailable(unavailable) => unavailable.fmt(f),
        }
    }
}

/// Why groups could not be stored as they once were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreError {
    /// The group of this key does not agree with the others.
    Refused(String, Refusal),
    /// A shard could not be reached.
    Unavailable(Unavailable),
}
