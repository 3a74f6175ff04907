//! Changes of one group: push, check, place, delete.
//!
//! Start with [`Shards::push`].

use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use tokio::sync::oneshot;

use super::Shards;
use super::route::Route;
use crate::push::{Batch, GroupingKey};
use crate::shard::budget::Budget;
use crate::shard::error::{PushError, Unavailable};
use crate::shard::store::place::Placement;
use crate::shard::store::plan::How;
use crate::shard::task::message::{Message, Placing};

impl Shards {
    /// Applies a push and waits for it. The group then counts for `owner`.
    ///
    /// # Errors
    /// Why it was not applied.
    pub async fn push(
        &self,
        key: GroupingKey,
        how: impl Into<How>,
        batch: Batch,
        owner: Option<Arc<Budget>>,
    ) -> Result<(), PushError> {
        let (reply, answer) = oneshot::channel();
        let (Route { hash, source }, how) = (self.route(&key), how.into());
        let reply = Some(reply);
        let push = Message::Push { hash, key, how, batch, owner, source, reply };
        if let Some(push) = self.try_apply(hash, push)? {
            self.send(hash, push).await?;
        }
        self.settled(answer).await?
    }

    /// Sends a push without waiting for it. The shard counts and logs a push that it rejects.
    ///
    /// # Errors
    /// When the shard could not be reached, or the push may be lost because the gateway is stopping.
    pub async fn push_unchecked(
        &self,
        key: GroupingKey,
        how: impl Into<How>,
        batch: Batch,
        owner: Option<Arc<Budget>>,
    ) -> Result<(), Unavailable> {
        let (Route { hash, source }, how) = (self.route(&key), how.into());
        let shared = &self.shared;
        if !shared.has_unchecked.load(Relaxed) {
            shared.has_unchecked.store(true, SeqCst);
        }
        let push = Message::Push { hash, key, how, batch, owner, source, reply: None };
        self.send(hash, push).await?;
        // Read after the push was sent: `pass_all` begins only after this has been set, so it waits for this push.
        if shared.refuses_unchecked.load(SeqCst) { Err(Unavailable::Stopping) } else { Ok(()) }
    }

    /// From now on, no push is acknowledged before it has been applied.
    pub(in crate::shard) fn refuse_unchecked(&self) {
        self.shared.refuses_unchecked.store(true, SeqCst);
    }

    /// Whether a push would be applied now. Nothing changes.
    ///
    /// # Errors
    /// Why it would not be.
    pub async fn check(
        &self,
        key: GroupingKey,
        how: impl Into<How>,
        batch: Batch,
    ) -> Result<(), PushError> {
        let (reply, answer) = oneshot::channel();
        let (Route { hash, source }, how) = (self.route(&key), how.into());
        self.send(hash, Message::Check { hash, key, how, batch, source, reply }).await?;
        answer.await.map_err(|_| Unavailable::Dead)?.map_err(PushError::Refused)
    }

    /// Replaces a group by one that was pushed elsewhere, and waits for it. It then counts for `owner`.
    ///
    /// # Errors
    /// Why it was not done; then nothing has changed.
    pub async fn place(
        &self,
        key: GroupingKey,
        batch: Batch,
        owner: Option<Arc<Budget>>,
        placement: Placement,
    ) -> Result<(), PushError> {
        let (reply, answer) = oneshot::channel();
        let Route { hash, source } = self.route(&key);
        let placing = Placing { hash, key, batch, owner, placement, source, reply };
        self.send(hash, Message::Place(Box::new(placing))).await?;
        self.settled(answer).await?
    }

    /// Notes that a push to the group was refused.
    ///
    /// # Errors
    /// When its shard could not be reached.
    pub async fn fail(
        &self,
        key: GroupingKey,
        owner: Option<Arc<Budget>>,
    ) -> Result<(), Unavailable> {
        let (reply, answer) = oneshot::channel();
        let Route { hash, source } = self.route(&key);
        self.send(hash, Message::Fail { hash, key, owner, source, reply }).await?;
        answer.await.map_err(|_| Unavailable::Dead)
    }

    /// Forgets a group.
    ///
    /// # Errors
    /// When its shard could not be reached.
    pub async fn delete(&self, key: GroupingKey) -> Result<(), Unavailable> {
        let (reply, answer) = oneshot::channel();
        let route = self.route(&key);
        if route.source.is_some() {
            // It may still be where it was before the rules made it a source.
            let (hash, key) = (self.hash(&key), key.clone());
            let (reply, answer) = oneshot::channel();
            self.send(hash, Message::Delete { hash, key, reply }).await?;
            self.settled(answer).await??;
        }
        let hash = route.hash;
        self.send(hash, Message::Delete { hash, key, reply }).await?;
        self.settled(answer).await?
    }
}
