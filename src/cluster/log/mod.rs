//! The stream that the replicas of a set share, as far as a set needs it. `nats` is a stream in NATS JetStream.

pub(super) mod nats;

use std::pin::Pin;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::role::Ends;

/// How many messages that were read wait for the replica.
pub(super) const READ_AHEAD_LEN: usize = 64;

/// The answer to an append, once it comes.
pub(super) type Acknowledgement = Pin<Box<dyn Future<Output = Result<(), AppendError>> + Send>>;

/// Messages in their order, each with its sequence.
pub(super) type Reader = mpsc::Receiver<Result<(u64, Bytes), LogError>>;

/// Why an append is not known to be in the stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum AppendError {
    /// The last message of the stream is another than was expected.
    #[error("another replica has appended")]
    Refused,
    /// It may be in the stream.
    #[error("{0}")]
    InDoubt(String),
}

/// Why the stream cannot be reached or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum LogError {
    /// It can later, perhaps.
    #[error("{0}")]
    Away(String),
    /// There is no such stream, as the answer says: it was deleted, unless the server has just started.
    #[error("there is no such stream")]
    Gone,
    /// It cannot before somebody has changed something.
    #[error("{0}")]
    Unusable(String),
}

/// What stands at one sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    Message(Bytes),
    /// The stream ends before it.
    End,
    /// It was there and is purged.
    Purged,
    /// The stream ends even before the message in front of it.
    Shrunk,
}

/// A stream. Clones are the same stream.
pub(super) trait Log: Clone + Send + Sync + 'static {
    /// The sequences of its first and last message.
    fn ends(&self) -> impl Future<Output = Result<Ends, LogError>> + Send;

    /// Sends a message, which the stream takes as `sequence` or not at all. Messages are sent in the order of the calls.
    fn append(&self, sequence: u64, message: Bytes)
    -> impl Future<Output = Acknowledgement> + Send;

    /// The message of this sequence.
    fn look(&self, sequence: u64) -> impl Future<Output = Result<Found, LogError>> + Send;

    /// Reads on from behind a message, until the reader is dropped.
    fn read(&self, after: u64) -> Reader;

    /// Removes all messages up to this one.
    fn purge(&self, up_to: u64) -> impl Future<Output = Result<(), LogError>> + Send;

    /// Tells the other replicas of this one, beside the stream.
    fn announce(&self, member: Bytes) -> impl Future<Output = ()> + Send;

    /// What the others tell of themselves.
    fn announcements(&self) -> mpsc::Receiver<Bytes>;
}
