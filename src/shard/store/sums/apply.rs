//! How a push changes a source and its sum.
//!
//! The sum comes first, because it may reject the push. If then the source has no room, the sum is what it was.

use super::families::families;
use super::{Name, SourcePush, Target};
use crate::aggregate::{Changed, Sum};
use crate::push::{Batch, GroupingKey, Refusal};
use crate::rules::PushId;
use crate::shard::budget::claim::Room;
use crate::shard::error::PushError;
use crate::shard::groups::role::{Role, SourceOf};
use crate::shard::store::Store;
use crate::shard::store::plan::{How, Mode};
use crate::shard::timestamp::Timestamp;

impl Store {
    pub(super) fn push_to(
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
        let source = if target.hides(key) { &mut *hidden } else { &mut *self };
        source.set_source(hash, key, target, how.asked.id.filter(|_| needs_id), now);
        source.accepted(is_new, hash, key);
        if let Some(expire) = how.asked.expire {
            source.asks(hash, key, expire);
        }
        self.count_both(hidden, push);
        Ok(())
    }

    /// Applies a push to a source and its sum. Answers whether the source is new.
    pub(super) fn apply_to(
        &mut self,
        hidden: &mut Store,
        push: &SourcePush<'_>,
        batch: Batch,
    ) -> Result<bool, PushError> {
        let target = push.target;
        let (mut sum, was_there) = match self.take_sum(push)? {
            Some(sum) => (sum, true),
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
        if !sum.set_settings(&target.settings) {
            let (shown, hidden) = (&*self, &*hidden);
            sum.rebuild(&target.settings, |key, hash, show| {
                shown.show_source(hidden, key, hash, show);
            });
            self.show_again(target, sum, was_there);
        }
        let source = if target.hides(key) { &*hidden } else { &*self };
        let at = source.find(hash, key)?;
        let batch = source.merged_source(at, how, target, batch)?;
        let name = Name::new(hash, key, &target.sum);
        let old = source.source_families(at, how.mode, &batch);
        let changed = sum.push(name.of(), &old, &families(&batch, now))?;
        drop(old);
        let (left_out, natives_left_out) = (changed.left_out, changed.natives_left_out);
        let is_patched = was_there && self.can_patch(push, sum, &changed);
        if !is_patched && let Err(error) = self.render_sum(push, sum, was_there, &changed) {
            sum.revert(changed);
            return Err(error);
        }
        let source = if target.hides(key) { &mut *hidden } else { &mut *self };
        let at = source.find(hash, key)?;
        let stored = source.update(hash, at, key, how.mode, &batch, owner, Room::Needed, now);
        if let Err(error) = stored {
            sum.revert(changed);
            if !is_patched {
                self.show_again(target, sum, was_there);
            }
            return Err(error);
        }
        if is_patched {
            self.patch_sum(push, sum, &changed);
        }
        sum.commit(changed);
        self.sums.left_out += left_out;
        self.sums.natives_left_out += natives_left_out;
        sum.has_left_natives_out |= natives_left_out > 0;
        Ok(at.is_none())
    }

    /// Shows what a change has made of the sum.
    fn render_sum(
        &mut self,
        push: &SourcePush<'_>,
        sum: &mut Sum,
        was_there: bool,
        changed: &Changed,
    ) -> Result<(), PushError> {
        let SourcePush { owner, target, now, .. } = *push;
        let (sum_batch, is_whole) =
            if was_there { sum.shown(changed)? } else { sum.shown_whole()? };
        let mode = if is_whole { Mode::Replace } else { Mode::Add };
        let at = self.find(target.hash, &target.sum)?;
        self.update(target.hash, at, &target.sum, mode, &sum_batch, owner, Room::Needed, now)
    }

    /// Shows all of the sum: as it was, after a push that was rejected when the sum had been changed already, or under other rules.
    fn show_again(&mut self, target: &Target, sum: &mut Sum, was_there: bool) {
        if !was_there {
            return self.delete(target.hash, &target.sum);
        }
        if let Ok((batch, _)) = sum.shown_whole()
            && !self.show_sum(target.hash, &target.sum, Mode::Replace, &batch)
        {
            sum.forget_places();
        }
    }

    /// Notes of which sum a group is a source, and which push it has had.
    pub(super) fn set_source(
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
                counted_bytes: 0,
            }));
        }
        if let (Role::Source(of), Some(id)) = (&mut group.role, id) {
            of.ids.remember(id, now.nanos());
        }
    }

    /// What a push stores of the families that it names: see [`Store::merged`]. Increments are never merged with earlier ones.
    pub(super) fn merged_source(
        &self,
        at: Option<usize>,
        how: How,
        target: &Target,
        batch: Batch,
    ) -> Result<Batch, Refusal> {
        if target.settings.needs_push_id() { Ok(batch) } else { self.merged(at, how, batch) }
    }
}
