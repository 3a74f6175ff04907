//! Sums: groups that show what their sources come to.
//!
//! Start with [`Store::push_source`]. A source is a group like any other, but it is kept in a store of its own ([`Store::hidden`]) unless the rule shows
//! sources: no scrape and no index sees it. Its sum is a group of this store.
//!
//! Most pushes change nothing but values: `values` changes these in what the sum shows. All others go through `apply`, which renders the families of the sum
//! anew that the push touches, unless only values change in them. `leave` takes sources away that are deleted or have expired, `restore` reads both back, `moving` follows the rules when they
//! change, and `weight` makes what a sum knows of its sources count.
//!
//! **Invariant:** a sum and its sources are on one shard, and change together: what the sum shows is what its sources come to.

mod apply;
mod check;
mod failed;
mod families;
pub(super) mod leave;
pub(in crate::shard) mod moving;
pub(super) mod restore;
pub(super) mod shown;
#[cfg(test)]
mod tests;
mod values;
mod weight;

use std::sync::Arc;

use super::Store;
use super::place::Placement;
use super::plan::{How, Mode};
use super::views::GroupRef;
use crate::aggregate::{SourceName, Sum, ValuesPush, gone_labels};
use crate::push::{Batch, GroupingKey, Refusal};
use crate::rules::Aggregation;
use crate::shard::budget::Budget;
use crate::shard::budget::claim::Room;
use crate::shard::error::PushError;
use crate::shard::groups::group::Group;
use crate::shard::groups::role::Role;
use crate::shard::saving::dirty_groups::DirtyGroups;
use crate::shard::timestamp::Timestamp;

/// Of which sum a push changes a source.
#[derive(Debug, Clone)]
pub(in crate::shard) struct Target {
    pub(in crate::shard) hash: u64,
    pub(in crate::shard) sum: GroupingKey,
    pub(in crate::shard) settings: Arc<Aggregation>,
}

/// What a store knows of sums beyond its groups.
#[derive(Debug, Default)]
pub(in crate::shard) struct Sums {
    /// Sources that have been dropped, and are still in their sums.
    pub(super) left: Vec<leave::Left>,
    /// The sources of sums that have been dropped, each with its hash.
    pub(super) orphans: Vec<(Arc<str>, u64)>,
    /// Whether sources that are dropped now are counted elsewhere from now on.
    pub(super) is_moving: bool,
    /// Groups that are to be elsewhere.
    pub(super) misplaced: Vec<GroupRef>,
    /// How many quantiles have been left out.
    pub(in crate::shard) left_out: u64,
    /// How many families were pushed to sources with native histograms that their sums do not show.
    pub(in crate::shard) natives_left_out: u64,
    /// Memory for the next push that only changes values.
    pub(super) values: ValuesPush,
}

/// A push to a source.
struct SourcePush<'a> {
    hash: u64,
    key: &'a GroupingKey,
    how: How,
    owner: Option<&'a Arc<Budget>>,
    target: &'a Target,
    now: Timestamp,
}

impl Sums {
    /// Notes a group that is to be elsewhere.
    pub(super) fn note_misplaced(&mut self, hash: u64, group: &Group) {
        self.misplaced.push(GroupRef { key: Arc::clone(&group.key), hash });
    }
}

impl Target {
    /// Whether a source of this key is not shown. One that has the key of its sum never is.
    fn hides(&self, key: &GroupingKey) -> bool {
        !self.settings.show_sources || key.text() == self.sum.text()
    }
}

/// The name of a source, owned.
pub(super) struct Name {
    pub(super) key: Arc<str>,
    pub(super) hash: u64,
    pub(super) gone: Vec<Vec<u8>>,
}

impl Name {
    /// That of the source `key` of a sum.
    pub(super) fn new(hash: u64, key: &GroupingKey, sum: &GroupingKey) -> Name {
        Name { key: Arc::from(key.text()), hash, gone: gone_labels(key, sum) }
    }

    pub(super) fn of(&self) -> SourceName<'_> {
        SourceName { key: &self.key, hash: self.hash, gone: &self.gone }
    }
}

impl Store {
    /// Applies a push to the source `key`, whose hash is `hash`, and to its sum. Both then count for `owner`.
    ///
    /// # Errors
    /// As [`Store::push`], for the source and for the sum. Both are then as they were, but for their failure times.
    #[expect(clippy::too_many_arguments, reason = "a push is all of these")]
    pub(in crate::shard) fn push_source(
        &mut self,
        hash: u64,
        key: &GroupingKey,
        how: How,
        batch: Batch,
        owner: Option<&Arc<Budget>>,
        target: &Target,
        now: Timestamp,
    ) -> Result<(), PushError> {
        let mut hidden = self.hidden.take().unwrap_or_else(|| self.new_hidden());
        let push = SourcePush { hash, key, how, owner, target, now };
        let is_done = self.push_values(&mut hidden, &push, &batch);
        self.hidden = Some(hidden);
        if is_done.is_some() {
            return Ok(());
        }
        self.bring_over(hash, key, target);
        let mut hidden = self.hidden.take().unwrap_or_else(|| self.new_hidden());
        let pushed = self.push_to(&mut hidden, &push, batch);
        if let Err(PushError::Refused(_)) = &pushed {
            self.fail_source(&mut hidden, &push);
        }
        self.hidden = Some(hidden);
        self.settle_sums();
        pushed
    }

    /// Makes a group a source that was stored elsewhere. It needs no key, and nothing is counted as a push.
    #[expect(clippy::too_many_arguments, reason = "a push is all of these")]
    fn move_source(
        &mut self,
        hash: u64,
        key: &GroupingKey,
        mode: Mode,
        batch: &Batch,
        owner: Option<&Arc<Budget>>,
        target: &Target,
        now: Timestamp,
    ) -> Result<(), PushError> {
        let mut copy = Batch::default();
        for family in &batch.families {
            copy.add_family(batch, family)?;
        }
        let mut hidden = self.hidden.take().unwrap_or_else(|| self.new_hidden());
        let push = SourcePush { hash, key, how: mode.into(), owner, target, now };
        let moved = self.apply_to(&mut hidden, &push, copy).map(|is_new| {
            let source = if target.hides(key) { &mut *hidden } else { &mut *self };
            source.set_source(hash, key, target, None, now);
            source.govern(is_new, hash, key, false);
            self.count_both(&mut hidden, &push);
        });
        self.hidden = Some(hidden);
        moved
    }

    /// Places a source with the push times that it had elsewhere. Its sum has at least these.
    ///
    /// # Errors
    /// As [`Store::place`].
    pub(in crate::shard) fn place_source(
        &mut self,
        hash: u64,
        key: &GroupingKey,
        batch: Batch,
        owner: Option<&Arc<Budget>>,
        target: &Target,
        placement: Placement,
    ) -> Result<(), PushError> {
        let hidden = self.hidden.as_deref().filter(|_| target.hides(key));
        hidden.unwrap_or(self).check_newer(hash, key, placement)?;
        let how = Mode::Replace.into();
        self.push_source(hash, key, how, batch, owner, target, placement.pushed)?;
        match self.hidden.as_deref_mut().filter(|_| target.hides(key)) {
            Some(hidden) => hidden.set_placed(hash, key, placement),
            None => self.set_placed(hash, key, placement),
        }
        Ok(())
    }

    /// A store for sources that are not shown. What they hold need not agree with what others show.
    pub(super) fn new_hidden(&self) -> Box<Store> {
        let mut hidden = Store::new(Arc::default(), None);
        hidden.dirty = self.dirty.as_ref().map(|dirty| DirtyGroups::of_hidden(dirty.write));
        let mut hidden = hidden.within(self.budget.clone(), self.group_bytes_max);
        hidden.families.hides_times = true;
        hidden.ruling = self.ruling.for_hidden();
        Box::new(hidden)
    }

    /// Replaces what a sum shows, and answers whether it is shown. What it counts for may grow: the push that this belongs to was accepted before.
    pub(super) fn show_sum(
        &mut self,
        hash: u64,
        key: &GroupingKey,
        mode: Mode,
        batch: &Batch,
    ) -> bool {
        let Some(group) = self.group(hash, key) else { return false };
        let (pushed, owner) = (group.pushed, group.charge.owner());
        let Ok(at) = self.find(hash, key) else { return false };
        let shown =
            self.update(hash, at, key, mode, batch, owner.as_ref(), Room::NotNeeded, pushed);
        if let Err(error) = &shown {
            // Another group has taken a series meanwhile that the sum had left.
            tracing::warn!(group = key.text(), err = %error, "the sum cannot show all of its sources");
        }
        shown.is_ok()
    }

    /// Takes the sum out of its group, and marks the group as changed. `None` where the group is no sum, or is not there.
    fn take_sum(&mut self, push: &SourcePush<'_>) -> Result<Option<Box<Sum>>, Refusal> {
        let (hash, key) = (push.target.hash, &push.target.sum);
        let Some(at) = self.find(hash, key)? else { return Ok(None) };
        Ok(self.take_sum_at(hash, at))
    }

    pub(super) fn take_sum_at(&mut self, hash: u64, at: usize) -> Option<Box<Sum>> {
        let Store { groups, families, dirty, .. } = self;
        let (_, group) = groups.get_bucket_mut(at)?;
        if !matches!(group.role, Role::Sum(_)) {
            return None;
        }
        if let Some(dirty) = dirty {
            dirty.changes(hash, group, families);
        }
        match std::mem::take(&mut group.role) {
            Role::Sum(sum) => Some(sum),
            _ => None,
        }
    }

    /// Gives a group its sum.
    pub(super) fn give_sum(&mut self, hash: u64, key: &GroupingKey, sum: Box<Sum>) {
        let group = self.groups.find_mut(hash, |(_, group)| *group.key == *key.text());
        if let Some((_, group)) = group {
            group.role = Role::Sum(sum);
        }
    }
}
