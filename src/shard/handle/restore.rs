//! Groups that are read back when the gateway starts.

use tokio::sync::oneshot;

use super::Shards;
use super::ask::gather;
use crate::shard::error::RestoreError;
use crate::shard::store::restore::RestoredGroup;
use crate::shard::task::message::Message;

impl Shards {
    /// Stores groups as they once were.
    ///
    /// # Errors
    /// When one of the groups does not agree with what is stored, or a shard is dead.
    pub async fn restore(&self, groups: Vec<RestoredGroup>) -> Result<(), RestoreError> {
        let mut by_shard: Vec<Vec<(u64, u64, RestoredGroup)>> = Vec::new();
        by_shard.resize_with(self.shared.lanes.len(), Vec::new);
        for group in groups {
            let (hash, sum_hash) = self.restored_route(&group);
            by_shard[self.shard(hash)].push((hash, sum_hash, group));
        }
        let mut answers = Vec::new();
        for (lanes, groups) in self.shared.lanes.iter().zip(by_shard) {
            let (reply, answer) = oneshot::channel();
            answers.push(answer);
            drop(lanes.pushes.send_async(Message::Restore { groups, reply }).await);
        }
        gather(answers).await.map_err(RestoreError::Unavailable)?.into_iter().collect()
    }

    /// Makes sums and sources of all groups that were restored or replayed as such.
    ///
    /// # Errors
    /// When a sum cannot be read, or a shard is dead.
    pub async fn read_roles(&self) -> Result<(), RestoreError> {
        let mut answers = Vec::new();
        for lanes in &self.shared.lanes {
            let (reply, answer) = oneshot::channel();
            answers.push(answer);
            drop(lanes.pushes.send_async(Message::ReadRoles { reply }).await);
        }
        gather(answers).await.map_err(RestoreError::Unavailable)?.into_iter().collect()
    }
}
