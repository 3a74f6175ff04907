//! What a sum knows beyond the samples of its groups counts for them: for a source what the sum knows of it, and for the sum its exact totals.
//!
//! It is counted behind each change of them, and needs no room: the next push that makes anything grow is rejected if there is none left.

use super::SourcePush;
use crate::shard::groups::group::Group;
use crate::shard::groups::role::Role;
use crate::shard::store::Store;
use crate::shard::store::weigh::recount;

impl Store {
    /// Counts what the sum of a pushed source knows of itself and of the source.
    pub(super) fn count_both(&mut self, hidden: &mut Store, push: &SourcePush<'_>) {
        let SourcePush { hash, key, target, .. } = *push;
        let Some(Role::Sum(sum)) = self.group(target.hash, &target.sum).map(|group| &group.role)
        else {
            return;
        };
        let (sum_bytes, source_bytes) = (sum.bytes(), sum.source_bytes(key.text()));
        self.count(target.hash, target.sum.text(), sum_bytes);
        let source = if target.hides(key) { hidden } else { self };
        let ids_bytes = match source.group(hash, key).map(|group| &group.role) {
            Some(Role::Source(of)) => of.ids.bytes(),
            _ => 0,
        };
        source.count(hash, key.text(), source_bytes + ids_bytes);
    }

    /// Counts what a sum knows of its own series.
    pub(super) fn count_sum(&mut self, hash: u64, key: &str) {
        let is_group = |(_, group): &(u64, Group)| *group.key == *key;
        let group = self.groups.find(hash, is_group).map(|(_, group)| &group.role);
        if let Some(Role::Sum(sum)) = group {
            let bytes = sum.bytes();
            self.count(hash, key, bytes);
        }
    }

    /// Counts so many bytes for a sum or a source, in place of those that counted before.
    pub(super) fn count(&mut self, hash: u64, key: &str, bytes: u64) {
        let Store { groups, budget, group_bytes, .. } = self;
        let Some((_, group)) = groups.find_mut(hash, |(_, group)| *group.key == *key) else {
            return;
        };
        let known = match &mut group.role {
            Role::Sum(sum) => &mut sum.counted_bytes,
            Role::Source(source) => &mut source.counted_bytes,
            Role::Plain | Role::Unread(_) => return,
        };
        let before = std::mem::replace(known, bytes);
        if bytes == before {
            return;
        }
        recount(group, budget.as_ref(), group_bytes, [before, bytes]);
    }
}
