//! The last stage of a large change: the group gets what it will hold, and what goes leaves the index.

use super::slice::{Position, SLICE_BYTES, Slice, lacking, remove};
use super::{Ended, LargeChange, Stage};
use crate::push::{Batch, BatchFamily};
use crate::shard::budget::claim::SharedChange;
use crate::shard::error::PushError;
use crate::shard::groups::families::LargeBlock;
use crate::shard::store::Store;
use crate::shard::store::plan::Step;
use crate::shard::store::update::group_or_new;

impl LargeChange {
    pub(super) fn begin_to_apply(&mut self, store: &mut Store) {
        let Store { groups, jobs, families, dirty, group_bytes, .. } = store;
        let group = group_or_new(groups, jobs, families, self.hash, &self.key, self.now);
        *group_bytes -= group.charge.usage().bytes;
        if let Some(claim) = self.claim.take() {
            claim.settle(&mut group.charge);
            let SharedChange { added, removed } = self.weighed.shared;
            self.unclaimed -= added as i64 - removed as i64;
        }
        *group_bytes += group.charge.usage().bytes;
        if let Some(dirty) = dirty {
            dirty.changes(self.hash, group, families);
        }
        self.old = std::mem::take(&mut group.families).into_iter();
        self.held.reserve_exact(self.steps.len());
        (self.stage, self.at) = (Stage::Apply, Position::default());
    }

    pub(super) fn apply(&mut self, store: &mut Store) -> Ended {
        let (mut slice, mut series, mut going) = (Slice::NEW, Vec::new(), Vec::new());
        let mut bytes_left = SLICE_BYTES;
        while let Some(step) = self.steps.get(self.at.step).copied()
            && !slice.is_over()
            && bytes_left > 0
        {
            let (mut held, mut large) = self.current.take().unwrap_or_else(|| {
                let held = match step {
                    Step::Insert { .. } => self.coming.pop_front(),
                    _ => self.old.next(),
                };
                (held.expect("each step has what it is about"), LargeBlock::default())
            });
            let new = match step {
                Step::Replace { family, .. } | Step::Insert { family } => {
                    Some(&self.batch.families[family])
                }
                Step::Keep { .. } | Step::Remove { .. } => None,
            };
            if !matches!(step, Step::Keep { .. }) {
                // The index has to let go of them while it is known which they are.
                let kept = new.map_or(&[][..], |new| self.batch.series(new));
                let take = |one| series.push(one);
                let next =
                    lacking(&held.series, kept, self.at.series, usize::MAX, &mut slice, take);
                if let Some(next) = next {
                    self.at.series = next;
                    self.current = Some((held, large));
                    break;
                }
                self.at.series = held.series.len();
            }
            slice.families -= 1;
            match (step, new) {
                (Step::Remove { .. }, _) => going.push(held),
                (_, None) => self.held.push(held),
                (_, Some(new)) => {
                    let before = store.families.shared.bytes;
                    if is_small(&self.batch, new) {
                        store.families.replace(&mut held, &self.batch, new, self.now);
                        bytes_left = bytes_left.saturating_sub(new.bytes() as usize);
                    } else if large.copy(&self.batch, new, SLICE_BYTES) {
                        store.families.replace_large(&mut held, &self.batch, new, self.now, large);
                        bytes_left = 0;
                    } else {
                        // The old samples go first: else both would be in memory.
                        store.families.empty(&mut held);
                        self.current = Some((held, large));
                        break;
                    }
                    self.unclaimed += store.families.shared.bytes as i64 - before as i64;
                    self.held.push(held);
                }
            }
            self.at.goes_on(None);
        }
        self.unclaimed += remove(store, going, series);
        (self.at.step == self.steps.len()).then(|| self.finish(store))
    }

    fn finish(&mut self, store: &mut Store) -> Result<(), PushError> {
        store.families.shared.settle(self.unclaimed);
        let held = std::mem::take(&mut self.held);
        let (group, families) = store.stored(self.hash, &self.key);
        group.hold(held);
        if self.deletes {
            store.delete(self.hash, &self.key);
            return Ok(());
        }
        families.set_pushed(group, self.now);
        match self.placement {
            Some(placement) => store.set_placed(self.hash, &self.key, placement),
            None => store.accepted(true, self.hash, &self.key),
        }
        Ok(())
    }
}

/// Whether a family is copied in one slice.
fn is_small(batch: &Batch, family: &BatchFamily) -> bool {
    family.bytes() as usize + size_of_val(batch.series(family)) <= SLICE_BYTES
}
