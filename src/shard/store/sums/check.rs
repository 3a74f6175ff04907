//! Whether a push to a source would be applied.

use super::families::families;
use super::{Name, SourcePush, Target};
use crate::aggregate::Sum;
use crate::push::{Batch, GroupingKey, Refusal};
use crate::shard::store::Store;
use crate::shard::store::plan::{How, Mode};
use crate::shard::timestamp::Timestamp;

impl Store {
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
        let mut sum = sum.unwrap_or_default();
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
        let name = Name::new(hash, key, &target.sum);
        let old = source.source_families(at, how.mode, &batch);
        let changed = sum.push(name.of(), &old, &families(&batch, push.now))?;
        let shown = sum.shown(&changed);
        sum.revert(changed);
        let (sum_batch, is_whole) = shown?;
        let mode = if is_whole { Mode::Replace } else { Mode::Add };
        self.check(target.hash, &target.sum, mode, &sum_batch)
    }
}
