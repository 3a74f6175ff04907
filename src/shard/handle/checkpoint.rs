//! What has changed on all shards, so that it can be written down: a cut, and then the shards in pieces.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::shard::error::Unavailable;
use crate::shard::handle::Shards;
use crate::shard::handle::ask::gather;
use crate::shard::saving::changes::Changes;
use crate::shard::task::message::Message;
use crate::shard::task::waiter::Waiter;

/// How many bytes of groups a shard hands over at a time to be written down, and how long it then lets pushes
/// go first, while there is time for that; and how many when there is not.
const LEISURELY_BYTES: usize = 32 << 10;
const LEISURE: Duration = Duration::from_millis(1);
const HASTY_BYTES: usize = 256 << 10;

/// What has changed between two checkpoints, and who waits for it to be on disk.
#[derive(Debug, Default)]
pub struct Checkpoint {
    /// The groups that have changed.
    pub changes: Vec<Changes>,
    /// Who waits.
    pub waiters: Vec<Waiter>,
}

impl Shards {
    /// Ends an epoch on all shards at one moment, and gathers what has changed until then as it is then:
    /// in pieces, between which the shards do other things. For the time of `leisure` the pieces are small and
    /// pushes go first; after that it makes haste.
    ///
    /// # Errors
    /// When a shard is dead.
    pub async fn checkpoint(&self, leisure: Duration) -> Result<Checkpoint, Unavailable> {
        self.end_epoch(leisure, false).await
    }

    /// The same for the last time, in haste. It has all that was ever acknowledged: what is to change anything after its
    /// moment is refused with [`Unavailable::Stopping`].
    ///
    /// # Errors
    /// When a shard is dead.
    pub async fn last_checkpoint(&self) -> Result<Checkpoint, Unavailable> {
        self.refuse_unchecked();
        self.pass_all().await?;
        self.end_epoch(Duration::ZERO, true).await
    }

    async fn end_epoch(&self, leisure: Duration, is_last: bool) -> Result<Checkpoint, Unavailable> {
        let hurry = Instant::now() + leisure;
        let bytes_max = if leisure.is_zero() { HASTY_BYTES } else { LEISURELY_BYTES };
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
                handing_over.spawn(async move { shards.rest_of(shard, hurry).await });
            }
        }
        while let Some(rest) = handing_over.join_next().await {
            checkpoint.changes.extend(rest.map_err(|_| Unavailable::Dead)??);
        }
        Ok(checkpoint)
    }

    /// What a shard has still to hand over, at leisure until it is time to hurry.
    async fn rest_of(&self, shard: usize, hurry: Instant) -> Result<Vec<Changes>, Unavailable> {
        let mut rest: Vec<Changes> = Vec::new();
        while rest.last().is_none_or(|changes| changes.has_more) {
            let mut bytes_max = HASTY_BYTES;
            if Instant::now() < hurry {
                tokio::time::sleep(LEISURE).await;
                bytes_max = LEISURELY_BYTES;
            }
            let (reply, answer) = oneshot::channel();
            let message = Message::HandOver { bytes_max, reply };
            self.shared.lanes[shard].command(message).await?;
            rest.push(answer.await.map_err(|_| Unavailable::Dead)?);
        }
        Ok(rest)
    }
}
