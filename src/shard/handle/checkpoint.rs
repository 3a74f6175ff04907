//! A checkpoint: a cut that ends the epoch, and then the dirty groups of all shards, piece by piece.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::shard::error::Unavailable;
use crate::shard::handle::Shards;
use crate::shard::handle::ask::gather;
use crate::shard::saving::changes::Changes;
use crate::shard::task::message::Message;
use crate::shard::task::waiter::Waiter;

/// How many bytes of groups a shard hands over at a time at low priority, how long pushes then go first, and how many bytes the
/// shard hands over at a time when the checkpoint is urgent.
const LOW_PRIORITY_BYTES: usize = 32 << 10;
const LOW_PRIORITY_PAUSE: Duration = Duration::from_millis(1);
const URGENT_BYTES: usize = 256 << 10;

/// The changes between two checkpoints, and the clients that wait until these are on disk.
#[derive(Debug, Default)]
pub struct Checkpoint {
    /// The groups that have changed.
    pub changes: Vec<Changes>,
    /// The clients that wait.
    pub waiters: Vec<Waiter>,
}

impl Shards {
    /// Ends an epoch on all shards at one moment, and gathers the dirty groups in their state of that moment, piece by piece. For
    /// the time of `low_priority` the pieces are small and pushes go first. After that the checkpoint is urgent.
    ///
    /// # Errors
    /// When a shard is dead.
    pub async fn checkpoint(&self, low_priority: Duration) -> Result<Checkpoint, Unavailable> {
        self.end_epoch(low_priority, false).await
    }

    /// The last checkpoint, which is urgent. It contains every acknowledged push: a later change is rejected with
    /// [`Unavailable::Stopping`].
    ///
    /// # Errors
    /// When a shard is dead.
    pub async fn last_checkpoint(&self) -> Result<Checkpoint, Unavailable> {
        self.refuse_unchecked();
        self.pass_all().await?;
        self.end_epoch(Duration::ZERO, true).await
    }

    async fn end_epoch(
        &self,
        low_priority: Duration,
        is_last: bool,
    ) -> Result<Checkpoint, Unavailable> {
        let _epoch = self.shared.epoch.lock().await;
        let urgent_at = Instant::now() + low_priority;
        let bytes_max = if low_priority.is_zero() { URGENT_BYTES } else { LOW_PRIORITY_BYTES };
        let ask = move |cut, reply| Message::Checkpoint { cut, is_last, bytes_max, reply };
        let answers = self.ask_all(ask).await?;
        let mut checkpoint = Checkpoint::default();
        let mut handing_over = JoinSet::new();
        for (shard, (waiters, changes)) in gather(answers).await?.into_iter().enumerate() {
            checkpoint.waiters.extend(waiters);
            let has_more = changes.has_more;
            checkpoint.changes.push(changes);
            if has_more {
                let shards = self.clone();
                handing_over.spawn(async move { shards.rest_of(shard, urgent_at).await });
            }
        }
        while let Some(rest) = handing_over.join_next().await {
            checkpoint.changes.extend(rest.map_err(|_| Unavailable::Dead)??);
        }
        Ok(checkpoint)
    }

    /// The groups that a shard has still to hand over.
    async fn rest_of(&self, shard: usize, urgent_at: Instant) -> Result<Vec<Changes>, Unavailable> {
        let mut rest: Vec<Changes> = Vec::new();
        while rest.last().is_none_or(|changes| changes.has_more) {
            let mut bytes_max = URGENT_BYTES;
            if Instant::now() < urgent_at {
                tokio::time::sleep(LOW_PRIORITY_PAUSE).await;
                bytes_max = LOW_PRIORITY_BYTES;
            }
            let (reply, answer) = oneshot::channel();
            let message = Message::HandOver { bytes_max, reply };
            self.shared.lanes[shard].command(message).await?;
            rest.push(answer.await.map_err(|_| Unavailable::Dead)?);
        }
        Ok(rest)
    }
}
