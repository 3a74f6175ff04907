//! How a push changes its group.
//!
//! Start with [`Store::update`]. Most pushes bring the series that the group has, with new values: they only replace blocks.

use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use smallvec::SmallVec;

use super::Store;
use super::plan::{self, Mode, Step, Steps};
use super::weigh::{self, Weighed, help};
use crate::push::{Batch, BatchFamily, GroupingKey, Refusal};
use crate::shard::budget::claim::{Charge, Claim, Room, SharedChange};
use crate::shard::budget::{Budget, Usage};
use crate::shard::error::PushError;
use crate::shard::groups::families::{Families, PUSH_FAILURE_TIME_ID, PUSH_TIME_ID};
use crate::shard::groups::group::{Group, Held, SaveState};
use crate::shard::groups::jobs::Jobs;
use crate::shard::groups::rhythm::Rhythm;
use crate::shard::groups::role::Role;
use crate::shard::pages::part::PartHash;
use crate::shard::timestamp::Timestamp;

impl Store {
    /// Changes the group at a place of the table, or makes it where there is none.
    #[expect(clippy::too_many_arguments, reason = "a push is all of these")]
    pub(in crate::shard) fn update(
        &mut self,
        hash: u64,
        at: Option<usize>,
        key: &GroupingKey,
        mode: Mode,
        batch: &Batch,
        owner: Option<&Arc<Budget>>,
        room: Room,
        now: Timestamp,
    ) -> Result<(), PushError> {
        let Store {
            groups,
            jobs,
            families,
            dirty,
            budget,
            index,
            group_bytes,
            group_bytes_max,
            ..
        } = self;
        let stored = at.and_then(|at| groups.get_bucket_mut(at)).map(|(_, group)| group);
        if let Some(group) = &stored
            && let Role::Sum(_) = group.role
        {
            return Err(Refusal::KeyOfSum.into());
        }
        if room == Room::Needed
            && let Some(group) = stored
            && let Some(values) = Values::of(families, group, batch)
        {
            let before = group.charge.usage();
            let usage = Usage { bytes: before.bytes + values.bytes - group.bytes, ..before };
            if usage != before || !group.charge.is_for(owner) {
                let group_bytes_now = [before, usage].map(|usage| usage.bytes + values.help_bytes);
                plan::check_size(group_bytes_now, *group_bytes_max)?;
                let is_free = budget.is_some() && !values.needs_room;
                let room = if is_free { Room::NeededByNewOwner } else { room };
                let (charge, shared) = (Some(&group.charge), SharedChange::default());
                Claim::new(budget.as_ref(), owner, charge, usage, shared, room)?
                    .settle(&mut group.charge);
                *group_bytes = *group_bytes + usage.bytes - before.bytes;
            }
            if let Some(dirty) = dirty {
                dirty.changes(hash, group, families);
            }
            families.set_pushed(group, now);
            families.samples = families.samples + values.samples - group.samples;
            (group.samples, group.bytes) = (values.samples, values.bytes);
            group.likeness = batch.likeness;
            for (held, new) in group.families.iter_mut().zip(&batch.families) {
                held.samples = new.samples; // A histogram may have other buckets.
                families.replace_values(held, batch, new, now);
            }
            return Ok(());
        }
        let (steps, claim) = {
            let stored = at.and_then(|at| groups.get_bucket(at)).map(|(_, group)| group);
            let held = stored.map_or(&[][..], |group| &group.families);
            let steps = plan::steps(families, held, mode, batch);
            let change = plan::change(families, held, &steps, batch, index)?;
            let charge = stored.map(|group| &group.charge);
            let before = charge.map_or_else(|| Usage::of_empty_group(key), Charge::usage);
            let weighed = weigh::weigh(families, before, held, &steps, batch);
            let Weighed { usage, shared, group_bytes } = weighed;
            if room != Room::NotNeeded {
                plan::check_size(group_bytes, *group_bytes_max)?;
            }
            let is_bounded = room == Room::Needed && stored.is_some() && budget.is_some();
            let room = if is_bounded { plan::room(held, &steps, batch, &change) } else { room };
            let claim = Claim::new(budget.as_ref(), owner, charge, usage, shared, room)?;
            if !change.is_empty() {
                index
                    .apply(&change)
                    .map_err(|refusal| plan::spelled(refusal, &change, batch, index))?;
            }
            (steps, claim)
        };
        let group = group_or_new(groups, jobs, families, hash, key, now);
        *group_bytes -= group.charge.usage().bytes;
        claim.settle(&mut group.charge);
        *group_bytes += group.charge.usage().bytes;
        if let Some(dirty) = dirty {
            dirty.changes(hash, group, families);
        }
        families.set_pushed(group, now);
        let old = std::mem::take(&mut group.families);
        group.hold(take_steps(families, group.part, old, &steps, batch, now));
        Ok(())
    }
}

/// What a push comes to that changes nothing but values.
#[derive(Default)]
struct Values {
    samples: u64,
    bytes: u64,
    help_bytes: u64,
    needs_room: bool,
}

impl Values {
    /// Compares what the group holds with what the push brings; `None` where more than values differs. A push that is like the last
    /// one needs no comparison.
    fn of(families: &Families, group: &Group, batch: &Batch) -> Option<Values> {
        if group.likeness.is_some() && group.likeness == batch.likeness {
            debug_assert!(Values::compared(families, group, batch).is_some());
            return Some(Values::alike(families, group, batch));
        }
        Values::compared(families, group, batch)
    }

    fn alike(families: &Families, group: &Group, batch: &Batch) -> Values {
        touch(families, group);
        let help_bytes = |new: &BatchFamily| batch.help(new).len() as u64;
        Values {
            samples: group.samples,
            bytes: batch.bytes() as u64,
            help_bytes: batch.families.iter().map(help_bytes).sum(),
            needs_room: false,
        }
    }

    fn compared(families: &Families, group: &Group, batch: &Batch) -> Option<Values> {
        if group.families.len() != batch.families.len() {
            return None;
        }
        touch(families, group);
        let mut values = Values::default();
        for (held, new) in group.families.iter().zip(&batch.families) {
            let family = &families[held.family];
            let help_text = batch.help(new);
            // Fingerprints are made of the names too: the same series are those of the same family.
            if held.series[..] != *batch.series(new)
                || family.kind != new.kind
                || help(held) != help_text
            {
                return None;
            }
            debug_assert_eq!(*family.name, *batch.name(new));
            values.samples += u64::from(new.samples);
            values.bytes += u64::from(new.bytes());
            values.help_bytes += help_text.len() as u64;
            values.needs_room |= new.samples > held.samples || new.has_native();
        }
        Some(values)
    }
}

/// Reads from each block that is about to be replaced. With much stored, most blocks are far away in memory, and the way to each has
/// several steps. Here each step is taken for all blocks before the next one, so that the waits for memory overlap. They do not while blocks are replaced:
/// changing a shared page takes atomic operations, and those wait.
pub(super) fn touch(families: &Families, group: &Group) {
    let blocks = group.families.iter().map(|held| (held.family, held.place));
    let time = (!families.hides_times).then_some((PUSH_TIME_ID, group.push_time));
    let blocks = blocks.chain(time);
    let pages: SmallVec<[_; 24]> =
        blocks.map(|(family, place)| families[family].pages.page(place)).collect();
    let starts: SmallVec<[_; 24]> =
        pages.iter().map(|(page, slot)| (page, page.start(*slot))).collect();
    let touched = starts.iter().fold(0, |touched, (page, start)| touched ^ page.byte(*start));
    std::hint::black_box(touched);
}

pub(super) fn group_or_new<'g>(
    groups: &'g mut HashTable<(u64, Group)>,
    jobs: &mut Jobs,
    families: &mut Families,
    hash: u64,
    key: &GroupingKey,
    now: Timestamp,
) -> &'g mut Group {
    let is_group = |(_, group): &(u64, Group)| *group.key == *key.text();
    let new = match groups.entry(hash, is_group, |(hash, _)| *hash) {
        Entry::Occupied(found) => return &mut found.into_mut().1,
        Entry::Vacant(new) => new,
    };
    let part = PartHash::of(key.text());
    let mut time = |id| families.insert_time(id, key.text(), part, Timestamp::NEVER);
    let group = Group {
        key: key.text().into(),
        job: jobs.insert(key.job(), hash),
        part,
        has_empty_instance: key.has_empty_instance(),
        created: now,
        pushed: Timestamp::NEVER,
        failed: Timestamp::NEVER,
        rhythm: Rhythm::default(),
        push_time: time(PUSH_TIME_ID),
        failure_time: time(PUSH_FAILURE_TIME_ID),
        saving: SaveState::default(),
        charge: Charge::default(),
        samples: 0,
        bytes: 0,
        ruled: None,
        role: Role::Plain,
        families: Vec::new(),
        likeness: None,
    };
    &mut new.insert((hash, group)).into_mut().1
}

fn take_steps(
    families: &mut Families,
    part: PartHash,
    old: Vec<Held>,
    steps: &Steps,
    batch: &Batch,
    now: Timestamp,
) -> Vec<Held> {
    let (mut old, mut new) = (old.into_iter(), Vec::with_capacity(steps.len()));
    for step in steps {
        let held = if let Step::Insert { .. } = step { None } else { old.next() };
        match (*step, held) {
            (Step::Remove { .. }, Some(held)) => drop(families.remove(held)),
            (Step::Replace { family, .. }, Some(mut held)) => {
                families.replace(&mut held, batch, &batch.families[family], now);
                new.push(held);
            }
            (Step::Insert { family }, _) => {
                new.push(families.insert(part, batch, &batch.families[family], now));
            }
            (_, held) => new.extend(held),
        }
    }
    new
}
