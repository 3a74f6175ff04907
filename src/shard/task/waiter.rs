//! A client whose request has been applied, and who waits until it is on disk.

use tokio::sync::oneshot;

use crate::shard::error::{PushError, Unavailable};

/// A client that waits until its request, which has been applied, is on disk.
#[derive(Debug)]
pub enum Waiter {
    /// After a push.
    Push(oneshot::Sender<Result<(), PushError>>),
    /// After a request that cannot be rejected.
    Other(oneshot::Sender<Result<(), Unavailable>>),
    /// After the deletion of so many groups.
    Deletes(oneshot::Sender<Result<u64, Unavailable>>, u64),
}

impl Waiter {
    /// Answers the client. The client may have left.
    pub fn answer(self, ended: Result<(), Unavailable>) {
        let _unheard = match self {
            Waiter::Push(reply) => reply.send(ended.map_err(PushError::Unavailable)).is_err(),
            Waiter::Other(reply) => reply.send(ended).is_err(),
            Waiter::Deletes(reply, groups) => reply.send(ended.map(|()| groups)).is_err(),
        };
    }
}
