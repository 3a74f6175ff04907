//! Which shard a group is on. The sources of a sum are on the shard of the sum.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

use crate::aggregate::sum_key;
use crate::push::GroupingKey;
use crate::rules::GroupRules;
use crate::shard::error::Unavailable;
use crate::shard::groups::role::SavedRole;
use crate::shard::handle::Shards;
use crate::shard::store::restore::RestoredGroup;
use crate::shard::store::sums::Target;
use crate::shard::store::views::GroupSummary;
use crate::shard::task::message::Message;

/// The bits of a hash that decide about the shard. A source has those of its sum, and all others of its own.
pub(in crate::shard) const SHARD_BITS: u64 = 0xffff_0000;

/// Which groups are sources of which sums.
#[derive(Debug, Default)]
pub(in crate::shard) struct Sums {
    rules: RwLock<Arc<GroupRules>>,
    /// Whether any rule makes sums. Every push reads this.
    are_there: AtomicBool,
}

/// Where a group is.
#[derive(Debug)]
pub(in crate::shard) struct Route {
    pub(in crate::shard) hash: u64,
    /// Of which sum it is a source, if it is.
    pub(in crate::shard) source: Option<Box<Target>>,
}

impl Sums {
    /// Takes new rules.
    pub(in crate::shard) fn set(&self, rules: &Arc<GroupRules>) {
        let mut current = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::clone(rules);
        self.are_there.store(rules.has_aggregation(), Relaxed);
    }

    fn rules(&self) -> Option<Arc<GroupRules>> {
        if !self.are_there.load(Relaxed) {
            return None;
        }
        Some(Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Shards {
    /// Where a group is, or would be.
    pub(in crate::shard) fn route(&self, key: &GroupingKey) -> Route {
        let hash = self.hash(key);
        let Some(rules) = self.shared.sums.rules() else { return Route { hash, source: None } };
        let values = key.values();
        let found = rules.aggregation(|name| {
            values.iter().find(|(label, _)| *label == name).map_or("", |(_, value)| value)
        });
        let Some(settings) = found else { return Route { hash, source: None } };
        let sum = sum_key(key, settings);
        let sum_hash = self.hash(&sum);
        let target = Target { hash: sum_hash, sum, settings: Arc::clone(settings) };
        Route { hash: source_hash(hash, sum_hash), source: Some(Box::new(target)) }
    }

    /// The hash of a group that was read back, and that of its sum.
    pub(in crate::shard) fn restored_route(&self, group: &RestoredGroup) -> (u64, u64) {
        let hash = self.hash(&group.key);
        match &group.role {
            SavedRole::Source(of) => {
                let sum_hash = self.hash(&of.sum);
                (source_hash(hash, sum_hash), sum_hash)
            }
            SavedRole::Plain | SavedRole::Sum(_) => (hash, hash),
        }
    }

    /// The sources of a sum behind the key `after` in the order of their keys, so many at most, and how many the sum has.
    ///
    /// # Errors
    /// When its shard could not be reached.
    pub async fn sources(
        &self,
        sum: &GroupingKey,
        after: &str,
        len_max: usize,
    ) -> Result<(Vec<GroupSummary>, u64), Unavailable> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        let (hash, sum, after) = (self.hash(sum), sum.clone(), after.to_owned());
        self.send(hash, Message::Sources { hash, sum, after, len_max, reply }).await?;
        answer.await.map_err(|_| Unavailable::Dead)
    }
}

fn source_hash(own: u64, sum: u64) -> u64 {
    own & !SHARD_BITS | sum & SHARD_BITS
}
