//! What one shard holds. Plain and synchronous; its task is its only caller.

pub(super) mod check;
#[cfg(test)]
mod counted;
pub(super) mod place;
pub(super) mod plan;
pub(super) mod selected_jobs;
pub(super) mod snapshot;
pub(super) mod views;
pub(super) mod weight;
pub(super) mod wipe;

use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::exposition::Kind;
use crate::push::{Batch, GroupingKey, Refusal, Series};
use crate::shard::budget::{Budget, Charge, Claim, Room, SharedChange, Usage};
use crate::shard::groups::families::{Families, PUSH_FAILURE_TIME_ID, PUSH_TIME_ID};
use crate::shard::groups::group::{Group, Held, Timestamp};
use crate::shard::groups::jobs::Jobs;
use crate::shard::index::{Change, Index};
use crate::shard::pages::part::PartHash;
use crate::shard::saving::dirty_groups::{Changes, SaveState, Unsaved};
use crate::shard::saving::group_snapshot::{RestoredGroup, WriteImage};
use crate::shard::store::plan::{self, GROUP_BYTES_MAX, Mode, Step, Steps};
use crate::shard::store::selected_jobs as select;
use crate::shard::store::snapshot::{HomedPage, Selection, Snapshot};
use crate::shard::store::weight;
use crate::shard::task::waiter::PushError;

/// So many series, and a group's more, are taken out of the index at one go.
const FORGOTTEN_AT_A_TIME: usize = 16_384;

/// Groups and families of one shard.
///
/// **Invariant:** the index holds exactly the names of the families and the series of the groups here, but
/// in the moment between the wipe of a store and the clearing of the index.
#[derive(Debug)]
pub struct Store {
    pub(in crate::shard) index: Arc<Index>,
    pub(in crate::shard) groups: HashTable<(u64, Group)>,
    pub(in crate::shard) jobs: Jobs,
    pub(in crate::shard) families: Families,
    /// What all groups of the gateway may come to; `None` when nothing bounds that.
    pub(in crate::shard) budget: Option<Arc<Budget>>,
    /// How large a group may become.
    pub(in crate::shard) group_bytes_max: u64,
    /// What the groups count for, without what they share.
    pub(in crate::shard) group_bytes: u64,
    /// What is to be written down; `None` when nothing ever is.
    pub(in crate::shard) unsaved: Option<Unsaved>,
}

impl Store {
    /// An empty store. `index` has the push times reserved; `write` writes groups down, if somebody is
    /// to ask for them.
    pub fn new(index: Arc<Index>, write: Option<WriteImage>) -> Store {
        Store {
            index,
            groups: HashTable::new(),
            jobs: Jobs::default(),
            families: Families::new(None),
            budget: None,
            group_bytes_max: GROUP_BYTES_MAX,
            group_bytes: 0,
            unsaved: write.map(Unsaved::new),
        }
    }

    /// The empty store, bounded by a budget that others may share, and in the size of each group.
    pub(in crate::shard) fn within(
        self,
        budget: Option<Arc<Budget>>,
        group_bytes_max: u64,
    ) -> Store {
        Store { families: Families::new(budget.clone()), budget, group_bytes_max, ..self }
    }

    /// How many groups are stored.
    pub fn groups(&self) -> u64 {
        self.groups.len() as u64
    }

    /// How many series the groups hold, their push times included.
    pub fn series(&self) -> u64 {
        self.families.series + 2 * self.groups()
    }

    /// How many lines a scrape of the groups has, their push times included.
    pub fn samples(&self) -> u64 {
        self.families.samples + 2 * self.groups()
    }

    /// What all that is stored counts for in bytes.
    pub fn bytes(&self) -> u64 {
        self.group_bytes + self.families.shared.bytes
    }

    /// Applies a push to the group `key`, whose hash is `hash`, for whom it then counts.
    ///
    /// # Errors
    /// Why the push is inconsistent; then only the group's failure time has changed. When there is no room for
    /// it nothing has.
    pub fn push(
        &mut self,
        hash: u64,
        key: &GroupingKey,
        mode: Mode,
        batch: &Batch,
        owner: Option<&Arc<Budget>>,
        now: Timestamp,
    ) -> Result<(), PushError> {
        self.check_spelling(hash, key)?;
        let updated = self.update(hash, key, mode, batch, owner, Room::Needed, now);
        if let Err(PushError::Refused(_)) = updated {
            self.fail(hash, key, owner, now);
        }
        updated
    }

    /// Notes that a push to the group was refused, making the group if there is none and there is room for it.
    pub fn fail(
        &mut self,
        hash: u64,
        key: &GroupingKey,
        owner: Option<&Arc<Budget>>,
        now: Timestamp,
    ) {
        if self.check_spelling(hash, key).is_err() {
            return;
        }
        let Store { groups, jobs, families, unsaved, budget, group_bytes, .. } = self;
        let is_stored = groups.find(hash, |(_, group)| *group.key == *key.text()).is_some();
        let claim = if is_stored {
            None
        } else {
            let (usage, shared) = (Usage::of_empty_group(key), SharedChange::default());
            let claim = Claim::new(budget.as_ref(), owner, None, usage, shared, Room::Needed);
            let Ok(claim) = claim else { return };
            *group_bytes += usage.bytes;
            Some(claim)
        };
        let group = group_or_new(groups, jobs, families, hash, key, now);
        if let Some(claim) = claim {
            claim.settle(&mut group.charge);
        }
        if let Some(unsaved) = unsaved {
            unsaved.changes(hash, group, families);
        }
        group.failed = now;
        let (id, place) = (PUSH_FAILURE_TIME_ID, group.failure_time);
        group.failure_time = families.replace_time(id, &group.key, now, place);
    }

    /// Forgets a group, if there is one.
    pub fn delete(&mut self, hash: u64, key: &GroupingKey) {
        let is_group = |(_, group): &(u64, Group)| {
            *group.key == *key.text() && group.has_empty_instance == key.has_empty_instance()
        };
        if let Ok(found) = self.groups.find_entry(hash, is_group) {
            let (_, group) = found.remove().0;
            self.drop_groups([(hash, group)]);
        }
    }

    /// What a scrape needs, for whichever part of it: the parts of a scrape have to agree on names, so
    /// each sees what all of them show. Costs in proportion to what is selected.
    pub fn snapshot(&mut self, selection: &Selection) -> Snapshot {
        if selection.jobs.is_empty() {
            return Snapshot { families: self.families.snapshot(&selection.families) };
        }
        let groups = selection.jobs.iter().flat_map(|job| self.groups_of(job));
        Snapshot { families: select::snapshot(&self.families, groups, &selection.families) }
    }

    /// Lets go of blocks that the concatenation of a page holds as well.
    pub fn adopt(&mut self, homed: &HomedPage) {
        if let Some(family) = self.families.get_mut(homed.family) {
            family.pages.adopt(homed.number, &homed.page);
        }
    }

    /// Stores a group as it once was.
    ///
    /// # Errors
    /// When it does not agree with what is stored; then nothing has changed.
    pub fn restore(&mut self, hash: u64, restored: &RestoredGroup) -> Result<(), Refusal> {
        let RestoredGroup { key, times, batch, pushed } = restored;
        self.check_spelling(hash, key)?;
        if let Some(refusal) = batch.repeated_series() {
            return Err(refusal);
        }
        let unsaved = self.unsaved.take(); // What has been read back need not be written.
        let stored =
            self.update(hash, key, Mode::Replace, batch, None, Room::NotNeeded, times.created);
        self.unsaved = unsaved;
        match stored {
            Err(PushError::Refused(refusal)) => return Err(refusal),
            stored => debug_assert_eq!(stored, Ok(()), "restoring needs no room and no shard"),
        }
        let Store { groups, families, .. } = self;
        let stored = groups.find_mut(hash, |(_, group)| *group.key == *key.text());
        let group = &mut stored.expect("it was just stored").1;
        group.saving = SaveState::WRITTEN;
        for (held, pushed) in group.families.iter_mut().zip(pushed) {
            held.pushed = *pushed;
        }
        (group.pushed, group.failed) = (times.pushed, times.failed);
        let place = group.push_time;
        group.push_time = families.replace_time(PUSH_TIME_ID, &group.key, times.pushed, place);
        let (id, place) = (PUSH_FAILURE_TIME_ID, group.failure_time);
        group.failure_time = families.replace_time(id, &group.key, times.failed, place);
        Ok(())
    }

    /// How many groups are to be written down, and since when the first of them; never when none is, or
    /// all have been promised.
    pub fn unsaved(&self) -> (usize, Timestamp) {
        self.unsaved
            .as_ref()
            .map_or((0, Timestamp::NEVER), |unsaved| (unsaved.len(), unsaved.since()))
    }

    /// Promises to hand over all groups that are not written down, as they are now. What was
    /// promised before has been handed over.
    pub fn checkpoint(&mut self) {
        if let Some(unsaved) = &mut self.unsaved {
            unsaved.checkpoint();
        }
    }

    /// Hands over some of the groups promised, until their images exceed `bytes_max`.
    pub fn hand_over(&mut self, bytes_max: usize) -> Changes {
        let Store { groups, families, unsaved, .. } = self;
        let unsaved = unsaved.as_mut();
        unsaved.map(|unsaved| unsaved.hand_over(bytes_max, groups, families)).unwrap_or_default()
    }

    /// The groups of a job, given as its escaped name.
    fn groups_of(&self, job: &str) -> impl Iterator<Item = &Group> {
        self.jobs.groups(job).flat_map(move |hash| {
            let found = self.groups.iter_hash(hash).filter(move |(of, _)| *of == hash);
            found.map(|(_, group)| group).filter(move |group| *group.job == *job)
        })
    }

    /// A group that is stored under a key which differs in labels with an empty value stands in the way of this one:
    /// to Prometheus both would expose the same push times. A hash is one of the identity that both share.
    pub(in crate::shard) fn check_spelling(
        &self,
        hash: u64,
        key: &GroupingKey,
    ) -> Result<(), Refusal> {
        let stored = self.groups.find(hash, |(_, group)| key.shares_identity(&group.key));
        let is_other = |group: &Group| {
            group.has_empty_instance != key.has_empty_instance() || *group.key != *key.text()
        };
        if stored.is_some_and(|(_, group)| is_other(group)) {
            return Err(Refusal::OtherSpelling);
        }
        Ok(())
    }

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
        let Store { groups, jobs, families, unsaved, budget, index, group_bytes, group_bytes_max } =
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
            let weighed = weight::weigh(families, before, held, &steps, batch);
            if room != Room::NotNeeded {
                plan::check_size(&weighed, *group_bytes_max)?;
            }
            let is_bounded = room == Room::Needed && stored.is_some() && budget.is_some();
            let room = if is_bounded { plan::room(held, &steps, batch, &change) } else { room };
            let weight::Weighed { usage, shared, .. } = weighed;
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
        if let Some(unsaved) = unsaved {
            unsaved.changes(hash, group, families);
        }
        group.pushed = now;
        let (id, place) = (PUSH_TIME_ID, group.push_time);
        group.push_time = families.replace_time(id, &group.key, now, place);
        take_steps(families, group.part, &mut group.families, &steps, batch, now);
        group.samples = group.families.iter().map(|held| u64::from(held.samples)).sum();
        group.bytes = group.families.iter().map(|held| u64::from(held.bytes)).sum();
        Ok(())
    }

    /// Lets go of what groups hold that have been taken out of the table. The index hears of many series at a time,
    /// and not of more: others wait for it meanwhile.
    pub(in crate::shard) fn drop_groups(&mut self, groups: impl IntoIterator<Item = (u64, Group)>) {
        let (mut names, mut series_removed) = (Vec::new(), Vec::new());
        let shared_before = self.families.shared.bytes;
        for (hash, mut group) in groups {
            self.group_bytes -= group.charge.usage().bytes;
            if let Some(unsaved) = &mut self.unsaved {
                unsaved.goes(hash, &mut group, &mut self.families);
            }
            let is_of_job = |(of, other): &(u64, Group)| *of == hash && other.job == group.job;
            if self.groups.find(hash, is_of_job).is_none() {
                self.jobs.remove(&group.job, hash);
            }
            for held in group.families {
                series_removed.extend_from_slice(&held.series);
                names.extend(self.families.remove(held));
            }
            if series_removed.len() >= FORGOTTEN_AT_A_TIME {
                self.forget(&mut names, &mut series_removed);
            }
            self.families[PUSH_TIME_ID].pages.remove(group.push_time);
            self.families[PUSH_FAILURE_TIME_ID].pages.remove(group.failure_time);
        }
        self.families.shared.shrank(shared_before);
        self.forget(&mut names, &mut series_removed);
    }

    /// Takes names and series out of the index.
    fn forget(&mut self, names: &mut Vec<(Arc<str>, Kind)>, series: &mut Vec<Series>) {
        let names = std::mem::take(names);
        let names_removed = names.iter().map(|(name, kind)| (&**name, *kind)).collect();
        let series_removed = std::mem::take(series);
        let change = Change { names_removed, series_removed, ..Change::default() };
        let dropped = self.index.apply(&change);
        debug_assert_eq!(dropped, Ok(()), "giving up names and series cannot conflict");
    }
}

fn group_or_new<'g>(
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
