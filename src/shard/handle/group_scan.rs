//! A group scan: all groups, some at a time, so that no push waits for all of them.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::push::GroupingKey;
use crate::shard::error::Unavailable;
use crate::shard::handle::Shards;
use crate::shard::handle::ask::gather;
use crate::shard::store::views::{GroupRef, GroupSummary, GroupView};
use crate::shard::task::message::Message;

/// How many groups a shard sums up before it goes on with pushes.
pub const LISTED_AT_A_TIME: usize = 512;
/// How many groups it forgets before it goes on with pushes.
pub const DELETED_AT_A_TIME: usize = 256;

/// A scan of all groups that were there at one moment.
#[derive(Debug)]
pub struct GroupScan {
    shards: Shards,
    /// For each shard, the hashes of the groups that have not been summed up, each once.
    left: Vec<Vec<u64>>,
}

impl GroupScan {
    /// How many hashes have not been summed up.
    #[cfg(test)]
    pub(in crate::shard) fn len(&self) -> usize {
        self.left.iter().map(Vec::len).sum()
    }

    /// Sums up the next groups, in their state of now, without those that are gone. `None` after the last.
    ///
    /// # Errors
    /// When a shard is dead.
    pub async fn next(&mut self) -> Result<Option<Vec<GroupSummary>>, Unavailable> {
        let mut answers = Vec::new();
        for (shard, left) in self.left.iter_mut().enumerate().filter(|(_, left)| !left.is_empty()) {
            let hashes = left.split_off(left.len().saturating_sub(LISTED_AT_A_TIME));
            let ask = |reply| Message::Summaries { hashes, reply };
            answers.push(self.shards.ask(shard, ask).await?);
        }
        if answers.is_empty() {
            return Ok(None);
        }
        Ok(Some(gather(answers).await?.into_iter().flatten().collect()))
    }
}

impl Shards {
    /// Begins a scan of all groups of this moment, or of the groups of some jobs, given as their escaped names.
    ///
    /// # Errors
    /// When a shard is dead.
    pub async fn scan(&self, jobs: Vec<String>) -> Result<GroupScan, Unavailable> {
        let jobs = Arc::new(jobs);
        let ask = move |cut, reply| Message::Hashes { cut, jobs: Arc::clone(&jobs), reply };
        self.pass().await?;
        let mut left = gather(self.ask_all(ask).await?).await?;
        for hashes in &mut left {
            // A table begins to look for a hash where its low bits say: in this order it is walked through.
            let bits = (hashes.len() * 8 / 7 + 1).next_power_of_two().ilog2();
            hashes.sort_unstable_by_key(|hash| hash.rotate_right(bits));
            hashes.dedup();
        }
        Ok(GroupScan { shards: self.clone(), left })
    }

    /// The groups with these keys, as far as there are any, in no particular order.
    ///
    /// # Errors
    /// When a shard is dead.
    pub async fn find(&self, keys: &[GroupingKey]) -> Result<Vec<GroupSummary>, Unavailable> {
        let mut left = vec![Vec::new(); self.shared.lanes.len()];
        for hash in keys.iter().map(|key| self.route(key).hash).collect::<HashSet<_>>() {
            left[self.shard(hash)].push(hash);
        }
        let wanted: HashSet<_> = keys.iter().map(GroupingKey::text).collect();
        let mut scan = GroupScan { shards: self.clone(), left };
        let mut found = Vec::new();
        while let Some(next) = scan.next().await? {
            found.extend(next.into_iter().filter(|summary| wanted.contains(&*summary.group.key)));
        }
        Ok(found)
    }

    /// Those of these groups that are there, in that order, each whole and as it is now.
    ///
    /// # Errors
    /// When a shard is dead.
    pub async fn views(&self, groups: &[GroupRef]) -> Result<Vec<GroupView>, Unavailable> {
        let mut asked = Vec::new();
        for (shard, groups) in self.by_shard(groups.to_vec()) {
            asked.push((shard, self.ask(shard, |reply| Message::Views { groups, reply }).await?));
        }
        let mut found = Vec::new();
        found.resize_with(self.shared.lanes.len(), || Vec::new().into_iter().peekable());
        for (shard, answer) in asked {
            let views: Vec<GroupView> = answer.await.map_err(|_| Unavailable::Dead)?;
            found[shard] = views.into_iter().peekable();
        }
        let in_order = groups.iter().filter_map(|group| {
            found[self.shard(group.hash)].next_if(|view| view.key == group.key)
        });
        Ok(in_order.collect())
    }

    /// Forgets those of these groups that are there, each whole, and says how many they were.
    ///
    /// # Errors
    /// When a shard is dead, or it is not known in time that all of it is on disk. Some groups are gone
    /// then.
    pub async fn delete_listed(&self, groups: Vec<GroupRef>) -> Result<u64, Unavailable> {
        let mut deleting = JoinSet::new();
        for (shard, groups) in self.by_shard(groups) {
            let shards = self.clone();
            deleting.spawn(async move {
                let mut deleted = 0;
                for groups in groups.chunks(DELETED_AT_A_TIME).map(<[GroupRef]>::to_vec) {
                    let ask = |reply| Message::DeleteListed { groups, reply };
                    let answer = shards.ask(shard, ask).await?;
                    deleted += answer.await.map_err(|_| Unavailable::Dead)??;
                }
                Ok(deleted)
            });
        }
        let mut deleted = 0;
        while let Some(of_shard) = deleting.join_next().await {
            deleted += of_shard.map_err(|_| Unavailable::Dead)??;
        }
        self.settle().await?;
        Ok(deleted)
    }

    /// The groups of each shard that has any, with its number.
    fn by_shard(&self, groups: Vec<GroupRef>) -> impl Iterator<Item = (usize, Vec<GroupRef>)> {
        let mut by_shard = Vec::new();
        by_shard.resize_with(self.shared.lanes.len(), Vec::new);
        for group in groups {
            by_shard[self.shard(group.hash)].push(group);
        }
        by_shard.into_iter().enumerate().filter(|(_, groups)| !groups.is_empty())
    }

    async fn ask<T>(
        &self,
        shard: usize,
        message: impl FnOnce(oneshot::Sender<T>) -> Message,
    ) -> Result<oneshot::Receiver<T>, Unavailable> {
        let (reply, answer) = oneshot::channel();
        let sent = self.shared.lanes[shard].pushes.send_async(message(reply)).await;
        sent.map_err(|_| Unavailable::Dead)?;
        Ok(answer)
    }
}
