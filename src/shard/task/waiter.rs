//! Who waits for a shard, and what may come instead of what they wait for.

use tokio::sync::oneshot;

use crate::shard::error::{PushError, Unavailable};

/// Somebody whose request has been applied and who waits until it is on disk.
#[derive(Debug)]
pub enum Waiter {
    /// For a push.
    Push(oneshot::Sender<Result<(), PushError>>),
    /// For anything that cannot be refused.
    Other(oneshot::Sender<Result<(), Unavailable>>),
}

impl Waiter {
    /// Tells how it ended. That nobody listens any more is no concern of who tells.
    pub fn answer(self, ended: Result<(), Unavailable>) {
        let _unheard = match self {
            Waiter::Push(reply) => reply.send(ended.map_err(PushError::Unavailable)).is_err(),
            Waiter::Other(reply) => reply.send(ended).is_err(),
        };
    }
}
