//! Moves groups to where they belong since the rules have changed.
//!
//! **Invariant:** no cut is made between taking a group out and putting it in, so that no scrape and no checkpoint misses it, or
//! has it twice.

use tokio::sync::oneshot;

use crate::shard::error::Unavailable;
use crate::shard::handle::Shards;
use crate::shard::handle::ask::gather;
use crate::shard::handle::route::Route;
use crate::shard::store::sums::moving::Taken;
use crate::shard::store::views::GroupRef;
use crate::shard::task::message::Message;

impl Shards {
    /// Moves some groups. Answers how many.
    ///
    /// # Errors
    /// When a shard is dead.
    pub async fn move_misplaced(&self) -> Result<usize, Unavailable> {
        let mut answers = Vec::with_capacity(self.shared.lanes.len());
        for lanes in &self.shared.lanes {
            let (reply, answer) = oneshot::channel();
            answers.push(answer);
            drop(lanes.pushes.send_async(Message::Misplaced { reply }).await);
        }
        let misplaced: Vec<GroupRef> = gather(answers).await?.into_iter().flatten().collect();
        let moved = misplaced.len();
        for group in misplaced {
            // Whoever asks for this may leave, but a group that has been taken out must arrive.
            let shards = self.clone();
            let moving = tokio::spawn(async move { shards.move_group(group).await });
            moving.await.map_err(|_| Unavailable::Dead)??;
        }
        Ok(moved)
    }

    async fn move_group(&self, group: GroupRef) -> Result<(), Unavailable> {
        let _no_cuts = self.shared.moving.write().await;
        let (reply, answer) = oneshot::channel();
        let shard = self.shard(group.hash);
        self.tell(shard, Message::TakeOut { group: group.clone(), reply }).await?;
        let taken = answer.await.map_err(|_| Unavailable::Dead)?;
        let Some(taken) = taken else { return Ok(()) };
        let was = taken.was.clone();
        let refused = self.put_in(self.route(&taken.key), *taken).await?;
        let Some((reason, taken)) = refused else { return Ok(()) };
        tracing::warn!(
            group = &*group.key,
            err = reason,
            "the rules make the group a source, but it stays as it is"
        );
        let back = self.put_in(Route { hash: group.hash, source: was }, taken).await?;
        if let Some((reason, _)) = back {
            tracing::error!(
                group = &*group.key,
                err = reason,
                "the group is gone: it fits nowhere"
            );
        }
        Ok(())
    }

    /// Answers why the group cannot be there, if it cannot.
    async fn put_in(
        &self,
        Route { hash, source }: Route,
        taken: Taken,
    ) -> Result<Option<(String, Taken)>, Unavailable> {
        let (reply, answer) = oneshot::channel();
        let message = Message::PutIn { hash, source, taken: Box::new(taken), reply };
        self.tell(self.shard(hash), message).await?;
        let result = answer.await.map_err(|_| Unavailable::Dead)?;
        Ok(result.err().map(|refused| (refused.0.to_string(), refused.1)))
    }

    /// Sends a message to a shard, however long its queue is.
    async fn tell(&self, shard: usize, message: Message) -> Result<(), Unavailable> {
        let sent = self.shared.lanes[shard].pushes.send_async(message).await;
        sent.map_err(|_| Unavailable::Dead)
    }
}
