//! The first stage of a large change: what it comes to, and room for its growth.

use super::slice::{SLICE_FAMILIES, sides};
use super::{Ended, LargeChange, Stage};
use crate::push::Batch;
use crate::shard::budget::Usage;
use crate::shard::budget::claim::{Charge, Claim, Room, SharedChange};
use crate::shard::groups::families::Families;
use crate::shard::groups::group::Held;
use crate::shard::store::Store;
use crate::shard::store::plan::{self, Step};
use crate::shard::store::weigh::{Total, help, share};

/// What the steps so far come to.
#[derive(Debug, Default)]
pub(super) struct Weighed {
    gone: Total,
    come: Total,
    pub(super) shared: SharedChange,
    help_bytes_before: u64,
    changes_more_than_values: bool,
}

impl LargeChange {
    pub(super) fn plan(&mut self, store: &mut Store) -> Ended {
        if self.steps.is_empty()
            && !self.deletes
            && let Err(refusal) = store.check_spelling(self.hash, &self.key)
        {
            return Some(Err(refusal.into()));
        }
        if self.steps.is_empty()
            && let Some(placement) = self.placement
            && let Err(newer) = store.check_newer(self.hash, &self.key, placement)
        {
            return Some(Err(newer));
        }
        let held = store.group(self.hash, &self.key).map_or(&[][..], |group| &group.families);
        for _ in 0..SLICE_FAMILIES {
            let step = self.walk.step(&store.families, held, self.mode, &self.batch);
            let Some(step) = step else { return self.claim(store) };
            if self.weighed.add(&store.families, held, step, &self.batch) {
                return self.do_whole(store);
            }
            self.steps.push(step);
        }
        None
    }

    /// Takes room for what the group will have more than before.
    fn claim(&mut self, store: &mut Store) -> Ended {
        let Weighed { gone, come, shared, help_bytes_before, changes_more_than_values } =
            &self.weighed;
        let group = store.group(self.hash, &self.key);
        let charge = group.map(|group| &group.charge);
        let before = charge.map_or_else(|| Usage::of_empty_group(&self.key), Charge::usage);
        let usage = Usage {
            groups: before.groups,
            series: before.series + come.series - gone.series,
            bytes: before.bytes + come.bytes - gone.bytes,
        };
        let will_be = usage.bytes + help_bytes_before + come.help_bytes - gone.help_bytes;
        let group_bytes = [before.bytes + help_bytes_before, will_be];
        if let Err(refusal) = plan::check_size(group_bytes, store.group_bytes_max) {
            return self.reject(refusal.into());
        }
        let mut room = Room::Needed;
        if charge.is_some() && store.budget.is_some() && !changes_more_than_values {
            room = Room::NeededByNewOwner;
        }
        let (gateway, owner) = (store.budget.clone(), self.owner.clone());
        match Claim::new(gateway, owner, charge, usage, *shared, room) {
            Ok(claim) => self.claim = Some(claim),
            Err(full) => return Some(Err(full.into())),
        }
        self.stage = Stage::Enter;
        None
    }
}

impl Weighed {
    /// Adds a step. Answers whether it changes the kind of a family, which depends on all that the push changes.
    fn add(&mut self, families: &Families, held: &[Held], step: Step, batch: &Batch) -> bool {
        let (old, new) = sides(step, held, batch);
        self.help_bytes_before += old.map_or(0, |held| help(held).len() as u64);
        if let Step::Keep { .. } = step {
            return false;
        }
        share(families, held, step, batch, &mut self.shared);
        old.into_iter().for_each(|held| self.gone.add_held(held));
        new.into_iter().for_each(|new| self.come.add_new(batch, new));
        let (Some(old), Some(new)) = (old, new) else {
            self.changes_more_than_values = true;
            return false;
        };
        self.changes_more_than_values |= new.samples > old.samples
            || new.has_native()
            || help(old) != batch.help(new)
            || old.series[..] != *batch.series(new);
        families[old.family].kind != new.kind
    }
}
