//! Sums: groups that show what their sources come to.
//!
//! Start with [`Store::push_source`]. A source is a group like any other, but it is kept in a store of its own ([`Store::hidden`]) unless the rule shows
//! sources: no scrape and no index sees it. Its sum is a group of this store, whose families are rendered anew with each push to a source. `leave` takes sources away
//! that are deleted or have expired, and `restore` reads both back.
//!
//! **Invariant:** a sum and its sources are on one shard, and change together: what the sum shows is what its sources come to.

pub(super) mod leave;
pub(in crate::shard) mod moving;
pub(super) mod restore;
pub(super) mod shown;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::Store;
use super::place::Placement;
use super::plan::{How, Mode};
use super::views::GroupRef;
use crate::aggregate::{SourceFamily, SourceName, Sum};
use crate::push::{Batch, GroupingKey, Refusal};
use crate::rules::{Aggregation, PushId};
use crate::shard::budget::Budget;
use crate::shard::budget::claim::Room;
use crate::shard::error::PushError;
use crate::shard::groups::families::Families;
use crate::shard::groups::group::Group;
use crate::shard::groups::role::{Role, SourceOf};
use crate::shard::saving::dirty_groups::DirtyGroups;
use crate::shard::timestamp::Timestamp;

/// Of which sum a push changes a source.
#[derive(Debug, Clone)]
pub(in crate::shard) struct Target {
    pub(in crate::shard) hash: u64,
    pub(in crate::shard) sum: GroupingKey,
    /// The names of the labels that the sum does not have, as they are spelled.
    pub(in crate::shard) gone: Vec<Vec<u8>>,
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
        self.leave_other(&mut hidden, &push);
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
        });
        self.hidden = Some(hidden);
        moved
    }

    /// Notes that a push to a source was rejected before it reached the shard.
    pub(in crate::shard) fn failed_source(
        &mut self,
        hash: u64,
        key: &GroupingKey,
        owner: Option<&Arc<Budget>>,
        target: &Target,
        now: Timestamp,
    ) {
        let mut hidden = self.hidden.take().unwrap_or_else(|| self.new_hidden());
        let how = Mode::Add.into();
        self.fail_source(&mut hidden, &SourcePush { hash, key, how, owner, target, now });
        self.hidden = Some(hidden);
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

    /// Says whether such a push would be applied.
    pub(in crate::shard) fn check_source(
        &mut self,
        hash: u64,
        key: &GroupingKey,
        how: How,
        batch: Batch,
        target: &Target,
    ) -> Result<(), Refusal> {
        let hidden = self.hidden.take().unwrap_or_else(|| self.new_hidden());
        let push = SourcePush { hash, key, how, owner: None, target, now: Timestamp::now() };
        let checked = self.check_in(&hidden, &push, batch);
        self.hidden = Some(hidden);
        checked
    }

    fn check_in(
        &mut self,
        hidden: &Store,
        push: &SourcePush<'_>,
        batch: Batch,
    ) -> Result<(), Refusal> {
        let target = push.target;
        if target.settings.needs_push_id() && push.how.asked.id.is_none() {
            return Err(Refusal::NoPushId);
        }
        let sum = self.take_sum(push)?;
        let is_stored = sum.is_some();
        if !is_stored && self.find(target.hash, &target.sum)?.is_some() {
            return Err(Refusal::KeyOfSum);
        }
        let mut sum = sum.map(|(sum, _)| sum).unwrap_or_default();
        if sum.settings().is_none() {
            sum.set_settings(&target.settings);
        }
        let checked = self.check_with(hidden, push, &mut sum, batch);
        if is_stored {
            self.give_sum(target.hash, &target.sum, sum);
        }
        checked
    }

    fn check_with(
        &self,
        hidden: &Store,
        push: &SourcePush<'_>,
        sum: &mut Sum,
        batch: Batch,
    ) -> Result<(), Refusal> {
        let SourcePush { hash, key, how, target, .. } = *push;
        let source = if target.hides(key) { hidden } else { self };
        let at = source.find(hash, key)?;
        let batch = source.merged_source(at, how, target, batch)?;
        source.check(hash, key, how.mode, &batch)?;
        let name = Name { key: Arc::from(key.text()), hash, gone: &target.gone };
        let old = source.source_families(at, how.mode, &batch);
        let changed = sum.push(name.of(), &old, &families(&batch, push.now))?;
        let shown = sum.shown(&changed);
        sum.revert(changed);
        let (sum_batch, is_whole) = shown?;
        let mode = if is_whole { Mode::Replace } else { Mode::Add };
        self.check(target.hash, &target.sum, mode, &sum_batch)
    }

    /// A store for sources that are not shown. What they hold need not agree with what others show.
    pub(super) fn new_hidden(&self) -> Box<Store> {
        let mut hidden = Store::new(Arc::default(), None);
        hidden.dirty = self.dirty.as_ref().map(|dirty| DirtyGroups::of_hidden(dirty.write));
        let mut hidden = hidden.within(self.budget.clone(), self.group_bytes_max);
        hidden.ruling = self.ruling.for_hidden();
        Box::new(hidden)
    }

    fn push_to(
        &mut self,
        hidden: &mut Store,
        push: &SourcePush<'_>,
        batch: Batch,
    ) -> Result<(), PushError> {
        let SourcePush { hash, key, how, target, now, .. } = *push;
        let needs_id = target.settings.needs_push_id();
        if needs_id {
            let id = how.asked.id.ok_or(Refusal::NoPushId)?;
            let source = if target.hides(key) { &*hidden } else { &*self };
            if let Some(Role::Source(of)) = source.group(hash, key).map(|group| &group.role)
                && of.ids.contains(id, now.nanos())
            {
                return Ok(());
            }
        }
        let is_new = self.apply_to(hidden, push, batch)?;
        let source = if target.hides(key) { hidden } else { self };
        source.set_source(hash, key, target, how.asked.id.filter(|_| needs_id), now);
        source.accepted(is_new, hash, key);
        if let Some(expire) = how.asked.expire {
            source.asks(hash, key, expire);
        }
        Ok(())
    }

    /// Applies a push to a source and its sum. Answers whether the source is new.
    fn apply_to(
        &mut self,
        hidden: &mut Store,
        push: &SourcePush<'_>,
        batch: Batch,
    ) -> Result<bool, PushError> {
        let target = push.target;
        let (mut sum, was_there) = match self.take_sum(push)? {
            Some((sum, _)) => (sum, true),
            None if self.find(target.hash, &target.sum)?.is_some() => {
                return Err(Refusal::KeyOfSum.into());
            }
            None => (Box::default(), false),
        };
        let pushed = self.push_with(hidden, push, &mut sum, was_there, batch);
        if was_there || pushed.is_ok() {
            self.give_sum(target.hash, &target.sum, sum);
        }
        pushed
    }

    fn push_with(
        &mut self,
        hidden: &mut Store,
        push: &SourcePush<'_>,
        sum: &mut Sum,
        was_there: bool,
        batch: Batch,
    ) -> Result<bool, PushError> {
        let SourcePush { hash, key, how, owner, target, now } = *push;
        let is_rebuilt = !sum.set_settings(&target.settings);
        if is_rebuilt {
            let (shown, hidden) = (&*self, &*hidden);
            sum.rebuild(&target.settings, |key, hash, show| {
                shown.show_source(hidden, key, hash, show);
            });
        }
        let source = if target.hides(key) { &*hidden } else { &*self };
        let at = source.find(hash, key)?;
        let batch = source.merged_source(at, how, target, batch)?;
        let name = Name { key: Arc::from(key.text()), hash, gone: &target.gone };
        let old = source.source_families(at, how.mode, &batch);
        let changed = sum.push(name.of(), &old, &families(&batch, now))?;
        drop(old);
        let left_out = changed.left_out;
        let shown = if is_rebuilt || !was_there { sum.shown_whole() } else { sum.shown(&changed) };
        let updated = shown.map_err(PushError::from).and_then(|(sum_batch, is_whole)| {
            let mode = if is_whole { Mode::Replace } else { Mode::Add };
            let at = self.find(target.hash, &target.sum)?;
            self.update(target.hash, at, &target.sum, mode, &sum_batch, owner, Room::Needed, now)
        });
        if let Err(error) = updated {
            sum.revert(changed);
            return Err(error);
        }
        let source = if target.hides(key) { &mut *hidden } else { &mut *self };
        let at = source.find(hash, key)?;
        let stored = source.update(hash, at, key, how.mode, &batch, owner, Room::Needed, now);
        if let Err(error) = stored {
            sum.revert(changed);
            self.show_again(target, sum, was_there);
            return Err(error);
        }
        sum.commit(&changed);
        self.sums.left_out += left_out;
        Ok(at.is_none())
    }

    /// Shows the sum as it was, after a push that was rejected when the sum had been changed already.
    fn show_again(&mut self, target: &Target, sum: &Sum, was_there: bool) {
        if !was_there {
            return self.delete(target.hash, &target.sum);
        }
        if let Ok((batch, _)) = sum.shown_whole() {
            self.show_sum(target.hash, &target.sum, Mode::Replace, &batch);
        }
    }

    /// Replaces what a sum shows. What it counts for may grow: the push that this belongs to was accepted before.
    pub(super) fn show_sum(&mut self, hash: u64, key: &GroupingKey, mode: Mode, batch: &Batch) {
        let Some(group) = self.group(hash, key) else { return };
        let (pushed, owner) = (group.pushed, group.charge.owner());
        let Ok(at) = self.find(hash, key) else { return };
        let shown =
            self.update(hash, at, key, mode, batch, owner.as_ref(), Room::NotNeeded, pushed);
        if let Err(error) = shown {
            // Another group has taken a series meanwhile that the sum had left.
            tracing::warn!(group = key.text(), err = %error, "the sum cannot show all of its sources");
        }
    }

    /// Takes the sum out of its group, and marks the group as changed. `None` where the group is no sum, or is not there.
    fn take_sum(&mut self, push: &SourcePush<'_>) -> Result<Option<(Box<Sum>, usize)>, Refusal> {
        let (hash, key) = (push.target.hash, &push.target.sum);
        let Some(at) = self.find(hash, key)? else { return Ok(None) };
        Ok(self.take_sum_at(hash, at).map(|sum| (sum, at)))
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

    /// Notes of which sum a group is a source, and which push it has had.
    fn set_source(
        &mut self,
        hash: u64,
        key: &GroupingKey,
        target: &Target,
        id: Option<PushId>,
        now: Timestamp,
    ) {
        let group = self.groups.find_mut(hash, |(_, group)| *group.key == *key.text());
        let Some((_, group)) = group else { return };
        if !matches!(group.role, Role::Source(_)) {
            group.role = Role::Source(Box::new(SourceOf {
                sum: target.sum.clone(),
                sum_hash: target.hash,
                is_hidden: target.hides(key),
                ids: Default::default(),
            }));
        }
        if let (Role::Source(of), Some(id)) = (&mut group.role, id) {
            of.ids.remember(id, now.nanos());
        }
    }

    /// Notes that a push to a source was rejected, for the source and for its sum.
    fn fail_source(&mut self, hidden: &mut Store, push: &SourcePush<'_>) {
        let SourcePush { hash, key, owner, target, now, .. } = *push;
        let Ok(at) = self.find(target.hash, &target.sum) else { return };
        let mut sum = match at.map(|at| self.take_sum_at(target.hash, at)) {
            Some(None) => return, // The key is another group's.
            Some(Some(sum)) => sum,
            None => Box::default(),
        };
        if self.note_failed(target.hash, &target.sum, owner, now).is_none() {
            return; // There is no room for it.
        }
        let source = if target.hides(key) { hidden } else { &mut *self };
        source.fail(hash, key, owner, now);
        let is_stored = source.group(hash, key).is_some();
        if is_stored {
            source.set_source(hash, key, target, None, now);
            let name = Name { key: Arc::from(key.text()), hash, gone: &target.gone };
            if !sum.has_source(key.text())
                && let Ok(changed) = sum.push(name.of(), &[], &[])
            {
                sum.commit(&changed);
            }
        }
        self.give_sum(target.hash, &target.sum, sum);
    }

    /// What a push stores of the families that it names: see [`Store::merged`]. Increments are never merged with earlier ones.
    fn merged_source(
        &self,
        at: Option<usize>,
        how: How,
        target: &Target,
        batch: Batch,
    ) -> Result<Batch, Refusal> {
        if target.settings.needs_push_id() { Ok(batch) } else { self.merged(at, how, batch) }
    }

    /// What a source has of the families that a push replaces or drops.
    fn source_families(
        &self,
        at: Option<usize>,
        mode: Mode,
        batch: &Batch,
    ) -> Vec<SourceFamily<'_>> {
        let Some((_, group)) = at.and_then(|at| self.groups.get_bucket(at)) else {
            return Vec::new();
        };
        let mut new = batch.families.iter().map(|family| batch.name(family)).peekable();
        let mut all = stored_families(group, &self.families);
        if mode == Mode::Add {
            all.retain(|held| {
                while new.next_if(|name| *name < held.name).is_some() {}
                new.peek() == Some(&held.name)
            });
        }
        all
    }
}

/// What a group holds.
pub(super) fn stored_families<'a>(
    group: &'a Group,
    families: &'a Families,
) -> Vec<SourceFamily<'a>> {
    let held = group.families.iter().map(|held| {
        let family = &families[held.family];
        SourceFamily {
            name: &family.name,
            kind: family.kind,
            help: held.help.as_deref().unwrap_or_default(),
            text: family.pages.block(held.place).text,
            pushed: held.pushed.nanos(),
        }
    });
    held.collect()
}

/// What a push brings.
fn families(batch: &Batch, now: Timestamp) -> Vec<SourceFamily<'_>> {
    let new = batch.families.iter().map(|family| SourceFamily {
        name: batch.name(family),
        kind: family.kind,
        help: batch.help(family),
        text: batch.text(family),
        pushed: now.nanos(),
    });
    new.collect()
}

/// The name of a source, owned.
pub(super) struct Name<'a> {
    pub(super) key: Arc<str>,
    pub(super) hash: u64,
    pub(super) gone: &'a [Vec<u8>],
}

impl Name<'_> {
    pub(super) fn of(&self) -> SourceName<'_> {
        SourceName { key: &self.key, hash: self.hash, gone: self.gone }
    }
}
