//! A moment that is the same on all shards.

use std::sync::Arc;

use tokio::sync::{Barrier, watch};

/// Where the shards meet before they answer. A series or type that one shard gave up and another took
/// is then seen on exactly one of them.
///
/// Two cuts must be asked of all shards in the same order, or they would wait for each other.
#[derive(Debug, Clone)]
pub(super) struct Cut {
    barrier: Arc<Barrier>,
    dead: watch::Receiver<bool>,
}

impl Cut {
    /// A cut over `shards` shards; `dead` turns true when one of them has died.
    pub(super) fn new(shards: usize, dead: watch::Receiver<bool>) -> Cut {
        Cut { barrier: Arc::new(Barrier::new(shards)), dead }
    }

    /// Waits for all shards. Answers whether they came: a dead one never will.
    pub(super) async fn meet(mut self) -> bool {
        tokio::select! {
            biased;
            _ = self.dead.wait_for(|dead| *dead) => false,
            _ = self.barrier.wait() => true,
        }
    }
}
