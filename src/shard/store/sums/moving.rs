//! Groups that are to be elsewhere since the rules have changed: a group that becomes a source, a source that no longer is one, and a source
//! of another sum.
//!
//! A shard notes such a group when it decides what applies to the group. The handle then takes it out of its store and puts it
//! where it belongs, while no cut can be made. A source takes along what it has counted.

use std::sync::Arc;

use super::Target;
use super::families::stored_families;
use crate::aggregate::{PushIds, sum_key};
use crate::push::{Batch, GroupingKey, RenderedFamily};
use crate::shard::budget::Budget;
use crate::shard::budget::claim::Room;
use crate::shard::error::PushError;
use crate::shard::groups::group::Group;
use crate::shard::groups::role::Role;
use crate::shard::store::Store;
use crate::shard::store::plan::Mode;
use crate::shard::store::views::GroupRef;
use crate::shard::timestamp::Timestamp;

/// A group on its way.
#[derive(Debug)]
pub(in crate::shard) struct Taken {
    pub(in crate::shard) key: GroupingKey,
    batch: Batch,
    pushed: Timestamp,
    failed: Timestamp,
    owner: Option<Arc<Budget>>,
    /// Its last pushes of increments.
    ids: PushIds,
    /// Of which sum it was a source.
    pub(in crate::shard) was: Option<Box<Target>>,
}

impl Store {
    /// Some groups that are to be elsewhere.
    pub(in crate::shard) fn misplaced(&mut self, len_max: usize) -> Vec<GroupRef> {
        let mut found = Vec::new();
        let hidden = self.hidden.iter_mut().map(|hidden| &mut hidden.sums);
        for sums in hidden.chain([&mut self.sums]) {
            let left = sums.misplaced.len().saturating_sub(len_max - found.len());
            found.extend(sums.misplaced.split_off(left));
        }
        found
    }

    /// Whether a group is not where the rules want it. A sum stays.
    pub(in crate::shard::store) fn is_misplaced(group: &Group) -> bool {
        let ruled = group.ruled.as_ref();
        let settings = ruled.and_then(|ruled| ruled.applied.aggregate.as_ref());
        match (&group.role, settings) {
            (Role::Sum(_) | Role::Unread(_), _) | (Role::Plain, None) => false,
            (Role::Plain, Some(_)) | (Role::Source(_), None) => true,
            (Role::Source(of), Some(said)) => {
                let key = GroupingKey::from_text(&group.key, group.has_empty_instance);
                let sum = key.as_ref().map(|key| sum_key(key, &said.value));
                sum.is_none_or(|sum| {
                    let hides = !said.value.show_sources || *group.key == *sum.text();
                    sum.text() != of.sum.text() || hides != of.is_hidden
                })
            }
        }
    }

    /// Takes a group out that is to be elsewhere. A source leaves its sum with what it has counted.
    pub(in crate::shard) fn take_out(&mut self, group: &GroupRef) -> Option<Taken> {
        let is_it = |(_, stored): &(u64, Group)| {
            *stored.key == *group.key && !matches!(stored.role, Role::Sum(_))
        };
        let of_hidden = |(_, stored): &(u64, Group)| *stored.key == *group.key;
        let is_here =
            self.groups.find(group.hash, is_it).is_some_and(|(_, it)| Self::is_misplaced(it));
        if is_here {
            let taken = self.taken(self.groups.find(group.hash, is_it).map(|(_, it)| it)?, self)?;
            self.sums.is_moving = true;
            let found = self.groups.find_entry(group.hash, is_it).ok()?.remove().0;
            self.drop_groups([found]);
            self.sums.is_moving = false;
            self.settle_sums();
            return Some(taken);
        }
        let hidden = self.hidden.as_ref()?;
        let (_, stored) = hidden.groups.find(group.hash, of_hidden)?;
        if !Self::is_misplaced(stored) {
            return None;
        }
        let taken = self.taken(stored, hidden)?;
        let hidden = self.hidden.as_mut()?;
        hidden.sums.is_moving = true;
        let found = hidden.groups.find_entry(group.hash, of_hidden).ok()?.remove().0;
        hidden.drop_groups([found]);
        hidden.sums.is_moving = false;
        self.settle_sums();
        Some(taken)
    }

    fn taken(&self, group: &Group, store: &Store) -> Option<Taken> {
        let key = GroupingKey::from_text(&group.key, group.has_empty_instance)?;
        let mut batch = Batch::default();
        for held in &group.families {
            let family = &store.families[held.family];
            let block = family.pages.block(held.place);
            batch.add_rendered(&RenderedFamily {
                name: &family.name,
                kind: family.kind,
                help: held.help.as_deref().unwrap_or_default(),
                text: block.text,
                native: block.native.unwrap_or_default(),
            });
        }
        let was = match &group.role {
            Role::Source(of) => {
                let settings = self.group(of.sum_hash, &of.sum).and_then(|sum| match &sum.role {
                    Role::Sum(sum) => sum.settings().cloned(),
                    _ => None,
                });
                settings.map(|settings| {
                    let (hash, sum) = (of.sum_hash, of.sum.clone());
                    Box::new(Target { hash, sum, settings })
                })
            }
            _ => None,
        };
        let ids = match &group.role {
            Role::Source(of) => of.ids.clone(),
            _ => PushIds::default(),
        };
        let (pushed, failed, owner) = (group.pushed, group.failed, group.charge.owner());
        Some(Taken { key, batch, pushed, failed, owner, ids, was })
    }

    /// Puts a group where it belongs. What has been pushed there meanwhile stays.
    ///
    /// # Errors
    /// Why it cannot be there, with the group.
    pub(in crate::shard) fn put_in(
        &mut self,
        hash: u64,
        target: Option<&Target>,
        taken: Taken,
    ) -> Result<(), Box<(PushError, Taken)>> {
        let Taken { key, batch, pushed, failed, owner, ids, .. } = &taken;
        let hides = target.is_some_and(|target| target.hides(key));
        let store = if hides { self.hidden.as_deref().unwrap_or(self) } else { &*self };
        let stored = store.group(hash, key).filter(|it| !matches!(it.role, Role::Sum(_)));
        let is_newer = stored.is_some_and(|stored| stored.pushed != Timestamp::NEVER);
        let rest = stored.filter(|_| is_newer).map(|stored| {
            let held = stored_families(stored, &store.families);
            let is_held = |name: &str| held.iter().any(|family| family.name == name);
            let mut rest = Batch::default();
            for family in batch.families.iter().filter(|family| !is_held(batch.name(family))) {
                let _fits = rest.add_family(batch, family);
            }
            (rest, stored.pushed)
        });
        let result = match (&rest, target) {
            (Some((rest, _)), _) if rest.families.is_empty() => Ok(()),
            (rest, target) => {
                let (batch, now) = rest.as_ref().map_or((batch, *pushed), |(rest, at)| (rest, *at));
                let mode = if is_newer { Mode::Add } else { Mode::Replace };
                match target {
                    Some(target) => {
                        self.move_source(hash, key, mode, batch, owner.as_ref(), target, now)
                    }
                    None => self.find(hash, key).map_err(PushError::from).and_then(|at| {
                        let room = Room::NotNeeded;
                        self.update(hash, at, key, mode, batch, owner.as_ref(), room, now)?;
                        self.govern(at.is_none(), hash, key, false);
                        Ok(())
                    }),
                }
            }
        };
        if let Err(error) = result {
            return Err(Box::new((error, taken)));
        }
        if !is_newer {
            let store = match self.hidden.as_deref_mut().filter(|_| hides) {
                Some(hidden) => hidden,
                None => self,
            };
            let group = store.groups.find_mut(hash, |(_, group)| *group.key == *key.text());
            let Some((_, group)) = group else { return Ok(()) };
            if let Role::Source(of) = &mut group.role {
                of.ids.clone_from(ids);
            }
            if *failed != Timestamp::NEVER {
                store.families.set_failed(group, *failed);
            }
        }
        Ok(())
    }

    /// Moves a source that is about to be pushed to out of the store in which it is no longer kept, because the rules show it now or no longer do.
    pub(super) fn bring_over(&mut self, hash: u64, key: &GroupingKey, target: &Target) {
        let hides = target.hides(key);
        let other = if hides { Some(&*self) } else { self.hidden.as_deref() };
        let Some(other) = other else { return };
        let Some(group) = other.source(hash, key.text()) else { return };
        let Some(taken) = self.taken(group, other) else { return };
        let is_source = |(_, group): &(u64, Group)| {
            *group.key == *key.text() && matches!(group.role, Role::Source(_))
        };
        let other = match self.hidden.as_deref_mut().filter(|_| !hides) {
            Some(hidden) => hidden,
            None => &mut *self,
        };
        other.sums.is_moving = true;
        if let Ok(found) = other.groups.find_entry(hash, is_source) {
            let group = found.remove().0;
            other.drop_groups([group]);
        }
        other.sums.is_moving = false;
        self.settle_sums();
        if let Err(refused) = self.put_in(hash, Some(target), taken) {
            let (error, _) = *refused;
            tracing::warn!(group = key.text(), err = %error, "a source of a sum is lost");
        }
    }
}
