//! What is shown of a sum and its sources.

use std::sync::Arc;

use super::families::stored_families;
use crate::aggregate::SourceFamily;
use crate::push::GroupingKey;
use crate::shard::groups::group::Group;
use crate::shard::groups::role::Role;
use crate::shard::store::Store;
use crate::shard::store::views::GroupSummary;

impl Store {
    /// The sources of a sum behind the key `after` in the order of their keys, so many at most, and how many the sum has.
    pub fn sources(
        &self,
        hash: u64,
        sum: &GroupingKey,
        after: &str,
        len_max: usize,
    ) -> (Vec<GroupSummary>, u64) {
        let Some(Role::Sum(of)) = self.group(hash, sum).map(|group| &group.role) else {
            return (Vec::new(), 0);
        };
        let mut keys: Vec<(&Arc<str>, u64)> =
            of.source_keys().filter(|(key, _)| ***key > *after).collect();
        if keys.len() > len_max {
            keys.select_nth_unstable(len_max);
            keys.truncate(len_max);
        }
        keys.sort_unstable();
        let summaries = keys.into_iter().filter_map(|(key, hash)| self.source_summary(hash, key));
        (summaries.collect(), of.sources())
    }

    /// A source is in this store or in that of the hidden ones.
    fn source_summary(&self, hash: u64, key: &str) -> Option<GroupSummary> {
        let stores = self.hidden.iter().map(|hidden| &**hidden).chain([self]);
        stores.into_iter().find_map(|store| {
            let group = store.source(hash, key)?;
            Some(store.summary(hash, group))
        })
    }

    /// Shows the families of a source.
    pub(super) fn show_source(
        &self,
        hidden: &Store,
        key: &str,
        hash: u64,
        show: &mut dyn FnMut(&[SourceFamily<'_>]),
    ) {
        for store in [hidden, self] {
            if let Some(group) = store.source(hash, key) {
                return show(&stored_families(group, &store.families));
            }
        }
    }

    /// A group that is a source.
    pub(super) fn source(&self, hash: u64, key: &str) -> Option<&Group> {
        let is_it =
            |(_, group): &(u64, Group)| *group.key == *key && matches!(group.role, Role::Source(_));
        self.groups.find(hash, is_it).map(|(_, group)| group)
    }
}
