//! What a replica set needs of the shards: to take over what the leader has written, to begin anew, and to reject changes
//! while another replica leads.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::oneshot;

use crate::push::GroupingKey;
use crate::shard::error::{RestoreError, Unavailable};
use crate::shard::handle::Shards;
use crate::shard::handle::ask::gather;
use crate::shard::saving::dirty_groups::HIDDEN_MARK;
use crate::shard::store::replay::UnhashedGroup;
use crate::shard::store::restore::Keys;
use crate::shard::store::views::GroupRef;
use crate::shard::task::message::Message;
use crate::shard::task::replay::Replay;

impl Shards {
    /// Takes over what the leader has changed, at one moment: the groups that are gone by the text of their keys, and the
    /// state of all others.
    ///
    /// # Errors
    /// When the groups do not agree with those that are stored, or a shard is dead.
    pub async fn replay(
        &self,
        gone: Vec<Arc<str>>,
        groups: Vec<UnhashedGroup>,
    ) -> Result<(), RestoreError> {
        let is_refused = Arc::<AtomicBool>::default();
        let (gone, gone_hidden) = apart(gone);
        let gone_hidden = Arc::new(gone_hidden);
        let replay = || Replay {
            is_refused: Arc::clone(&is_refused),
            gone_hidden: Arc::clone(&gone_hidden),
            ..Replay::default()
        };
        let mut replays: Vec<Replay> = self.shared.lanes.iter().map(|_| replay()).collect();
        for group in gone.into_iter().filter_map(|key| self.group_ref(key)) {
            replays[self.shard(group.hash)].gone.push(group);
        }
        for group in groups {
            let (hash, sum_hash) = self.restored_route(group.unhashed());
            replays[self.shard(hash)].groups.push((hash, sum_hash, group));
        }
        // All shards are asked in the order of these.
        let mut replays = replays.into_iter();
        let ask = move |cut, reply| {
            let replay = Box::new(replays.next().unwrap_or_default());
            Message::Replay { cut, replay, reply }
        };
        let answers = self.ask_all(ask).await.map_err(RestoreError::Unavailable)?;
        gather(answers).await.map_err(RestoreError::Unavailable)?.into_iter().collect()
    }

    /// Forgets all groups at one moment, and what was to be written down of them. Clients that wait are in doubt. From then on
    /// the shards reject changes, because this replica does not lead.
    ///
    /// # Errors
    /// When a shard is dead.
    pub async fn reset(&self) -> Result<(), Unavailable> {
        let turn = Arc::clone(&self.shared.wiping).lock_owned().await;
        let epoch = self.shared.epoch.lock().await;
        let remains = self.ask_all(|cut, reply| Message::Reset { cut, reply }).await?;
        let remains = gather(remains).await?;
        self.shared.ledger.clear();
        drop(epoch);
        let dropping = tokio::task::spawn_blocking(move || drop(remains));
        dropping.await.map_err(|_| Unavailable::Dead)?;
        drop(turn);
        Ok(())
    }

    /// Rejects changes from now on for this reason, or accepts them again.
    ///
    /// # Errors
    /// When a shard is dead.
    pub async fn close(&self, closed: Option<Unavailable>) -> Result<(), Unavailable> {
        let answers = self.ask_all(move |_, reply| Message::Close { closed, reply }).await?;
        gather(answers).await.map(drop)
    }

    /// Has these groups written down again, although they have not changed.
    ///
    /// # Errors
    /// When a shard is dead.
    pub async fn touch(&self, keys: Vec<Arc<str>>) -> Result<(), Unavailable> {
        let (keys, hidden) = apart(keys);
        let hidden = Arc::new(hidden);
        let mut by_shard: Vec<Vec<GroupRef>> = Vec::new();
        by_shard.resize_with(self.shared.lanes.len(), Vec::new);
        for group in keys.into_iter().filter_map(|key| self.group_ref(key)) {
            by_shard[self.shard(group.hash)].push(group);
        }
        let mut answers = Vec::new();
        for (lanes, groups) in self.shared.lanes.iter().zip(by_shard) {
            let (reply, answer) = oneshot::channel();
            answers.push(answer);
            let hidden = Arc::clone(&hidden);
            lanes.command(Message::Touch { groups, hidden, reply }).await?;
        }
        gather(answers).await.map(drop)
    }

    /// The group of a stored key.
    fn group_ref(&self, key: Arc<str>) -> Option<GroupRef> {
        let hash = self.hash(&GroupingKey::from_text(&key, false)?);
        Some(GroupRef { key, hash })
    }
}

/// The keys of groups, and those of hidden sources without their mark.
fn apart(keys: Vec<Arc<str>>) -> (Vec<Arc<str>>, Keys) {
    let mut hidden = Keys::default();
    let mut shown = keys;
    shown.retain(|key| match key.strip_prefix(HIDDEN_MARK) {
        Some(key) => {
            hidden.insert(key.into());
            false
        }
        None => true,
    });
    (shown, hidden)
}
