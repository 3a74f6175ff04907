//! Watched groups: while somebody looks at the page of a group, the gateway keeps what the group held before its last push,
//! so that the page shows what the push has changed.
//!
//! A push to a group that nobody looks at does nothing for it, but to read one number.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::push::GroupingKey;
use crate::rejections::group_of;
use crate::shard::{GroupView, Shards};

/// How many groups are watched at a time.
const WATCHED_MAX: usize = 32;
/// How long a group is watched after its page was last looked at.
const WATCHED_WAIT: Duration = Duration::from_secs(15 * 60);
/// A group that holds more bytes is not watched.
const WATCHED_BYTES_MAX: u64 = 512 << 10;

/// The watched groups.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// How many there are.
    count: AtomicUsize,
    groups: Mutex<HashMap<u64, Watched>>,
}

#[derive(Debug)]
struct Watched {
    looked_at: Instant,
    before: Option<Arc<GroupView>>,
}

/// What a watched group holds before a push.
#[derive(Debug)]
pub(crate) struct Before(u64, Arc<GroupView>);

impl Watch {
    /// Watches a group from now on. Returns what it held before its last push, if it was watched then.
    pub(crate) fn look(&self, key: &GroupingKey) -> Option<Arc<GroupView>> {
        let mut groups = self.fresh();
        let group = group_of(&key.identity());
        if groups.len() >= WATCHED_MAX && !groups.contains_key(&group) {
            let oldest = groups.iter().min_by_key(|(_, watched)| watched.looked_at);
            if let Some(oldest) = oldest.map(|(group, _)| *group) {
                groups.remove(&oldest);
            }
        }
        let looked_at = Instant::now();
        let watched = groups.entry(group).or_insert(Watched { looked_at, before: None });
        watched.looked_at = looked_at;
        let before = watched.before.clone();
        self.count.store(groups.len(), Relaxed);
        before
    }

    /// The group of a push, if it is watched.
    pub(crate) fn watched(&self, key: &GroupingKey) -> Option<u64> {
        if self.count.load(Relaxed) == 0 {
            return None;
        }
        let group = group_of(&key.identity());
        self.fresh().contains_key(&group).then_some(group)
    }

    /// What a watched group holds, before a push to it is applied.
    pub(crate) async fn before(
        &self,
        shards: &Shards,
        key: &GroupingKey,
        group: u64,
    ) -> Option<Before> {
        let mut found = shards.find(std::slice::from_ref(key)).await.ok()?;
        let summary = found.pop().filter(|summary| summary.bytes <= WATCHED_BYTES_MAX)?;
        let view = shards.views(&[summary.group]).await.ok()?.pop()?;
        Some(Before(group, Arc::new(view)))
    }

    /// Keeps what a group held before a push that has been applied.
    pub(crate) fn keep(&self, Before(group, view): Before) {
        if let Some(watched) = self.fresh().get_mut(&group) {
            watched.before = Some(view);
        }
    }

    /// The groups that are still looked at.
    fn fresh(&self) -> MutexGuard<'_, HashMap<u64, Watched>> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        groups.retain(|_, watched| now.duration_since(watched.looked_at) < WATCHED_WAIT);
        self.count.store(groups.len(), Relaxed);
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::NameRules;

    #[test]
    fn only_so_many_groups_are_watched() {
        let watch = Watch::default();
        let key = |at: usize| {
            GroupingKey::parse(format!("/j/x/{at}").as_bytes(), NameRules::Legacy).expect("a key")
        };
        assert_eq!(watch.watched(&key(0)), None);
        for at in 0..3 * WATCHED_MAX {
            assert!(watch.look(&key(at)).is_none());
            assert!(watch.watched(&key(at)).is_some());
            std::thread::sleep(Duration::from_micros(10)); // So that the oldest is known.
        }
        assert_eq!(watch.count.load(Relaxed), WATCHED_MAX);
        assert_eq!(watch.watched(&key(0)), None);
    }
}
