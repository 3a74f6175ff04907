//! What a rejected push to a source leaves behind: the time of the failure, for the source and for its sum.

use std::sync::Arc;

use super::{Name, SourcePush, Target};
use crate::push::GroupingKey;
use crate::shard::budget::Budget;
use crate::shard::store::Store;
use crate::shard::store::plan::Mode;
use crate::shard::timestamp::Timestamp;

impl Store {
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

    /// Notes that a push to a source was rejected, for the source and for its sum.
    pub(super) fn fail_source(&mut self, hidden: &mut Store, push: &SourcePush<'_>) {
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
        let source = if target.hides(key) { &mut *hidden } else { &mut *self };
        source.fail(hash, key, owner, now);
        let is_stored = source.group(hash, key).is_some();
        if is_stored {
            source.set_source(hash, key, target, None, now);
            let name = Name::new(hash, key, &target.sum);
            if !sum.has_source(key.text())
                && let Ok(changed) = sum.push(name.of(), &[], &[])
            {
                sum.commit(changed);
            }
        }
        self.give_sum(target.hash, &target.sum, sum);
        self.count_both(hidden, push);
    }
}
