//! How a push changes its group.

use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::push::{Batch, GroupingKey};
use crate::shard::budget::claim::{Charge, Claim, Room};
use crate::shard::budget::{Budget, Usage};
use crate::shard::error::PushError;
use crate::shard::groups::families::{Families, PUSH_FAILURE_TIME_ID, PUSH_TIME_ID};
use crate::shard::groups::group::{Group, Held, SaveState};
use crate::shard::groups::jobs::Jobs;
use crate::shard::pages::part::PartHash;
use crate::shard::store::Store;
use crate::shard::store::plan::{self, Mode, Step, Steps};
use crate::shard::store::weigh;
use crate::shard::timestamp::Timestamp;

impl Store {
    #[expect(clippy::too_many_arguments, reason = "a push is all of these")]
    pub(in crate::shard) fn update(
        &mut self,
        hash: u64,
        key: &GroupingKey,
        mode: Mode,
        batch: &Batch,
        owner: Option<&Arc<Budget>>,
        room: Room,
        now: Timestamp,
    ) -> Result<(), PushError> {
        let Store { groups, jobs, families, dirty, budget, index, group_bytes, group_bytes_max } =
            self;
        let (steps, claim) = {
            let stored = groups.find(hash, |(_, group)| *group.key == *key.text());
            let stored = stored.map(|(_, group)| group);
            let held = stored.map_or(&[][..], |group| &group.families);
            families.touch(held);
            let steps = plan::steps(families, held, mode, batch);
            let change = plan::change(families, held, &steps, batch)?;
            let charge = stored.map(|group| &group.charge);
            let before = charge.map_or_else(|| Usage::of_empty_group(key), Charge::usage);
            let weighed = weigh::weigh(families, before, held, &steps, batch);
            if room != Room::NotNeeded {
                plan::check_size(&weighed, *group_bytes_max)?;
            }
            let is_bounded = room == Room::Needed && stored.is_some() && budget.is_some();
            let room = if is_bounded { plan::room(held, &steps, batch, &change) } else { room };
            let weigh::Weighed { usage, shared, .. } = weighed;
            let claim = Claim::new(budget.as_ref(), owner, charge, usage, shared, room)?;
            if !change.is_empty() {
                index.apply(&change)?;
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
        group.pushed = now;
        let (id, place) = (PUSH_TIME_ID, group.push_time);
        group.push_time = families.replace_time(id, &group.key, now, place);
        take_steps(families, group.part, &mut group.families, &steps, batch, now);
        group.samples = group.families.iter().map(|held| u64::from(held.samples)).sum();
        group.bytes = group.families.iter().map(|held| u64::from(held.bytes)).sum();
        Ok(())
    }
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
        push_time: time(PUSH_TIME_ID),
        failure_time: time(PUSH_FAILURE_TIME_ID),
        saving: SaveState::default(),
        charge: Charge::default(),
        samples: 0,
        bytes: 0,
        families: Vec::new(),
    };
    &mut new.insert((hash, group)).into_mut().1
}

fn take_steps(
    families: &mut Families,
    part: PartHash,
    held_by_group: &mut Vec<Held>,
    steps: &Steps,
    batch: &Batch,
    now: Timestamp,
) {
    let is_same = |step: &Step| matches!(step, Step::Replace { .. } | Step::Keep);
    if steps.iter().all(is_same) {
        for step in steps {
            if let Step::Replace { held, family } = *step {
                families.replace(&mut held_by_group[held], batch, &batch.families[family], now);
            }
        }
        return;
    }
    let mut old = std::mem::replace(held_by_group, Vec::with_capacity(steps.len())).into_iter();
    for step in steps {
        let held = if let Step::Insert { .. } = step { None } else { old.next() };
        match (*step, held) {
            (Step::Remove { .. }, Some(held)) => drop(families.remove(held)),
            (Step::Replace { family, .. }, Some(mut held)) => {
                families.replace(&mut held, batch, &batch.families[family], now);
                held_by_group.push(held);
            }
            (Step::Insert { family }, _) => {
                held_by_group.push(families.insert(part, batch, &batch.families[family], now));
            }
            (_, held) => held_by_group.extend(held),
        }
    }
}
