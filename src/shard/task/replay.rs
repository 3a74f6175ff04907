//! Takes over what another replica has changed between two moments, so that no scrape shows half of it.
//!
//! The records say what each changed group is in the end, and not in which order that came about: one group may have
//! taken over a series from another. A group whose record does not agree with what is stored yet gives up what it holds, on
//! all shards, and is then stored again. By then each group is as it is in the end, or not there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::shard::error::RestoreError;
use crate::shard::store::Store;
use crate::shard::store::replay::UnhashedGroup;
use crate::shard::store::restore::Keys;
use crate::shard::store::views::GroupRef;
use crate::shard::task::cut::Cut;

/// How many groups are stored before other tasks of the thread run.
const GROUPS_BEFORE_YIELD: usize = 64;

/// What one shard takes over.
#[derive(Debug, Default)]
pub(in crate::shard) struct Replay {
    pub(in crate::shard) gone: Vec<GroupRef>,
    /// The keys of hidden sources that are gone from this or another shard.
    pub(in crate::shard) gone_hidden: Arc<Keys>,
    pub(in crate::shard) groups: Vec<(u64, u64, UnhashedGroup)>,
    /// Whether any shard has found a group that does not agree with what is stored. All shards share it.
    pub(in crate::shard) is_refused: Arc<AtomicBool>,
}

/// Takes it over, together with the other shards; `None` if one of them has died.
pub(super) async fn replay(
    store: &mut Store,
    replay: Replay,
    cut: &mut Cut,
) -> Option<Result<(), RestoreError>> {
    let Replay { gone, gone_hidden, groups, is_refused } = replay;
    store.forget_replayed(&gone, &gone_hidden);
    let mut refused = Vec::new();
    for (at, (hash, sum_hash, group)) in groups.into_iter().enumerate() {
        if at % GROUPS_BEFORE_YIELD == GROUPS_BEFORE_YIELD - 1 {
            tokio::task::yield_now().await;
        }
        if store.replay_values(hash, &group) {
            continue;
        }
        let restored = group.hashed();
        if store.restore(hash, sum_hash, &restored).is_err() {
            refused.push((hash, sum_hash, restored));
        }
    }
    if !refused.is_empty() {
        is_refused.store(true, Relaxed); // The cut lets all shards see it.
    }
    if !cut.meet().await {
        return None;
    }
    if !is_refused.load(Relaxed) {
        return Some(Ok(()));
    }
    let keys = refused
        .iter()
        .map(|(hash, _, group)| GroupRef { key: group.key.text().into(), hash: *hash });
    store.forget_replayed(&keys.collect::<Vec<_>>(), &Keys::default());
    if !cut.meet().await {
        return None;
    }
    Some(refused.iter().try_for_each(|(hash, sum_hash, group)| {
        let restored = store.restore(*hash, *sum_hash, group);
        restored.map_err(|refusal| RestoreError::Refused(group.key.text().to_owned(), refusal))
    }))
}
