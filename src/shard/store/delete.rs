//! Forgets groups, and takes their names and series out of the index.

use std::sync::Arc;

use crate::exposition::Kind;
use crate::push::{GroupingKey, Series};
use crate::shard::groups::families::{PUSH_FAILURE_TIME_ID, PUSH_TIME_ID};
use crate::shard::groups::group::Group;
use crate::shard::index::change::Change;
use crate::shard::store::Store;
use crate::shard::store::views::GroupRef;

/// About so many series leave the index in one go.
const FORGOTTEN_AT_A_TIME: usize = 16_384;

impl Store {
    /// Forgets a group, if there is one.
    pub fn delete(&mut self, hash: u64, key: &GroupingKey) {
        if !self.delete_here(hash, key)
            && let Some(hidden) = &mut self.hidden
        {
            hidden.delete_here(hash, key);
        }
        self.settle_sums();
    }

    /// The same in this store. Answers whether there was one.
    fn delete_here(&mut self, hash: u64, key: &GroupingKey) -> bool {
        let is_group = |(_, group): &(u64, Group)| {
            *group.key == *key.text() && group.has_empty_instance == key.has_empty_instance()
        };
        if let Ok(found) = self.groups.find_entry(hash, is_group) {
            let (_, group) = found.remove().0;
            self.drop_groups([(hash, group)]);
            return true;
        }
        false
    }

    /// Forgets these groups, and counts those that were there.
    pub fn delete_listed(&mut self, groups: &[GroupRef]) -> u64 {
        let mut deleted = self.delete_listed_here(groups);
        if let Some(hidden) = &mut self.hidden {
            deleted += hidden.delete_listed_here(groups);
        }
        self.settle_sums();
        deleted
    }

    pub(super) fn delete_listed_here(&mut self, groups: &[GroupRef]) -> u64 {
        let find = |of: &GroupRef| {
            let found = self.groups.find_entry(of.hash, |(_, group)| *group.key == *of.key);
            found.ok().map(|found| found.remove().0)
        };
        let found: Vec<_> = groups.iter().filter_map(find).collect();
        let deleted = found.len() as u64;
        self.drop_groups(found);
        deleted
    }

    /// Removes what groups hold that have been taken out of the table. Their series leave the index in portions, because other
    /// shards wait for the index meanwhile.
    pub(in crate::shard) fn drop_groups(&mut self, groups: impl IntoIterator<Item = (u64, Group)>) {
        let (mut names, mut series_removed) = (Vec::new(), Vec::new());
        let shared_before = self.families.shared.bytes;
        for (hash, mut group) in groups {
            self.ruling.forget(group.ruled.take());
            self.group_bytes -= group.charge.usage().bytes;
            if let Some(dirty) = &mut self.dirty {
                dirty.goes(hash, &mut group, &mut self.families);
            }
            self.note_left(hash, &mut group);
            let is_of_job = |(of, other): &(u64, Group)| *of == hash && other.job == group.job;
            if self.groups.find(hash, is_of_job).is_none() {
                self.jobs.remove(&group.job, hash);
            }
            for held in group.families {
                series_removed.extend_from_slice(&held.series);
                names.extend(self.families.remove(held));
            }
            if series_removed.len() >= FORGOTTEN_AT_A_TIME {
                self.forget(&mut names, &mut series_removed);
            }
            self.families[PUSH_TIME_ID].pages.remove(group.push_time);
            self.families[PUSH_FAILURE_TIME_ID].pages.remove(group.failure_time);
        }
        self.families.shared.settle(self.families.shared.bytes as i64 - shared_before as i64);
        self.forget(&mut names, &mut series_removed);
    }

    /// Takes names and series out of the index.
    pub(super) fn forget(&mut self, names: &mut Vec<(Arc<str>, Kind)>, series: &mut Vec<Series>) {
        let names = std::mem::take(names);
        let names_removed = names.iter().map(|(name, kind)| (&**name, *kind)).collect();
        let series_removed = std::mem::take(series);
        let mut change = Change { names_removed, series_removed, ..Change::default() };
        change.order();
        let dropped = self.index.apply(&change);
        debug_assert_eq!(dropped, Ok(()), "giving up names and series cannot conflict");
    }
}
