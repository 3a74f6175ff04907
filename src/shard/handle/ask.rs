//! How a handle sends messages to the tasks and gathers their answers.

use std::sync::atomic::Ordering::SeqCst;

use tokio::sync::oneshot;

use crate::push::GroupingKey;
use crate::shard::error::Unavailable;
use crate::shard::handle::{QUEUE_WAIT, SAVED_WAIT, Shards};
use crate::shard::task::cut::Cut;
use crate::shard::task::message::Message;
use crate::shard::task::turn::Pushed;

impl Shards {
    /// Waits until all acknowledged pushes have been applied. A push that was acknowledged before it was applied may still be
    /// queued, and a command would overtake it.
    pub(in crate::shard) async fn pass(&self) -> Result<(), Unavailable> {
        if self.shared.has_unchecked.load(SeqCst) { self.pass_all().await } else { Ok(()) }
    }

    /// Waits until all queued pushes have been applied.
    pub(in crate::shard) async fn pass_all(&self) -> Result<(), Unavailable> {
        let mut answers = Vec::with_capacity(self.shared.lanes.len());
        for lanes in &self.shared.lanes {
            let (reply, answer) = oneshot::channel();
            answers.push(answer);
            drop(lanes.pushes.send_async(Message::Pass { reply }).await);
        }
        gather(answers).await.map(drop)
    }

    pub(in crate::shard) fn hash(&self, key: &GroupingKey) -> u64 {
        self.shared.hasher.hash_one(&*key.identity())
    }

    /// The number of the shard that has the groups of this hash. Sixteen bits decide ([`SHARD_BITS`](super::route::SHARD_BITS)), above those that the store's own table
    /// uses first.
    pub(in crate::shard) fn shard(&self, hash: u64) -> usize {
        let decides = hash >> 16 & 0xffff;
        ((decides * self.shared.lanes.len() as u64) >> 16) as usize
    }

    /// Waits for the answer to a request, which is on disk by then if that was promised.
    pub(in crate::shard) async fn settled<T>(
        &self,
        answer: oneshot::Receiver<T>,
    ) -> Result<T, Unavailable> {
        if !self.shared.is_awaited {
            return answer.await.map_err(|_| Unavailable::Dead);
        }
        let waiting = Box::pin(tokio::time::timeout(SAVED_WAIT, answer));
        waiting.await.map_err(|_| Unavailable::InDoubt)?.map_err(|_| Unavailable::Dead)
    }

    /// Waits until all applied changes are on disk, if that was promised.
    pub(in crate::shard) async fn settle(&self) -> Result<(), Unavailable> {
        if self.shared.is_awaited {
            for answer in self.ask_all(|_, reply| Message::Settle { reply }).await? {
                self.settled(answer).await??;
            }
        }
        Ok(())
    }

    /// Applies a push here if its shard is at rest and the push is small. Else gives it back: it is for the task of the shard.
    /// Not async, so that connections carry no more room for the push.
    pub(in crate::shard) fn try_apply(
        &self,
        hash: u64,
        push: Message,
    ) -> Result<Option<Message>, Unavailable> {
        let shared = &self.shared;
        // Pushes that were acknowledged before they were applied may be queued. A later push must not come before them.
        if !self.are_alive() || shared.has_unchecked.load(SeqCst) {
            return Ok(Some(push));
        }
        let shard = self.shard(hash);
        if !shared.lanes[shard].pushes.is_empty() {
            return Ok(Some(push)); // Behind what was sent before, as new rules are.
        }
        match shared.turns[shard].try_push(push) {
            Pushed::Handled => Ok(None),
            Pushed::ForTask(push) => Ok(Some(push)),
            Pushed::Panicked => {
                shared.has_died.store(true, SeqCst);
                // If the queue has no room for the knock, the task is awake.
                drop(shared.lanes[shard].pushes.try_send(Message::Knock));
                Err(Unavailable::Dead)
            }
        }
    }

    pub(in crate::shard) async fn send(
        &self,
        hash: u64,
        message: Message,
    ) -> Result<(), Unavailable> {
        // Any dead shard may have left the index half changed. No other shard may build on that.
        if !self.are_alive() {
            return Err(Unavailable::Dead);
        }
        let queue = &self.shared.lanes[self.shard(hash)].pushes;
        let message = match queue.try_send(message) {
            Ok(()) => return Ok(()),
            Err(flume::TrySendError::Disconnected(_)) => return Err(Unavailable::Dead),
            Err(flume::TrySendError::Full(message)) => message,
        };
        // Boxed, since it is rare: every push would carry the room for it.
        let waiting = Box::pin(tokio::time::timeout(QUEUE_WAIT, queue.send_async(message)));
        match waiting.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Unavailable::Dead),
            Err(_) => Err(Unavailable::Overloaded),
        }
    }

    /// Sends a command to every shard, in an order that is the same on all of them. Goes on to the
    /// last shard even if the caller has left, because shards that were asked for a cut wait for the rest.
    pub(in crate::shard) async fn ask_all<T: Send + 'static>(
        &self,
        mut message: impl FnMut(Cut, oneshot::Sender<T>) -> Message + Send + 'static,
    ) -> Result<Vec<oneshot::Receiver<T>>, Unavailable> {
        let shards = self.clone();
        let sent = tokio::spawn(async move {
            let shared = &shards.shared;
            let _no_group_moves = shared.moving.read().await;
            let _order = shared.cut_order.write().await;
            let cut = Cut::new(shared.lanes.len(), shared.dead.clone());
            let mut answers = Vec::with_capacity(shared.lanes.len());
            for lanes in &shared.lanes {
                let (reply, answer) = oneshot::channel();
                answers.push(answer);
                // A dead shard shows in its answer; the others must still be asked.
                let _answered = lanes.command(message(cut.clone(), reply)).await;
            }
            answers
        });
        sent.await.map_err(|_| Unavailable::Dead)
    }
}

pub(in crate::shard) async fn gather<T>(
    answers: Vec<oneshot::Receiver<T>>,
) -> Result<Vec<T>, Unavailable> {
    let mut gathered = Vec::with_capacity(answers.len());
    for answer in answers {
        gathered.push(answer.await.map_err(|_| Unavailable::Dead)?);
    }
    Ok(gathered)
}
