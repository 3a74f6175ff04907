//! A change of a large group in slices, so that no push to another group waits for all of it.
//!
//! Start with [`LargeChange::advance`], which does one slice. A change has three stages:
//! 1. Plan: walk through the families that the group holds and the push brings, and claim room for the growth.
//! 2. Enter: new families and series enter the index. If one of them is rejected, the change leaves the index again.
//! 3. Apply: each family gets its new samples, and series that go leave the index. Nothing can be rejected any more.
//!
//! **Invariant:** between two slices the shard applies only pushes to other groups. A scrape, a checkpoint or a query
//! would see half of the change. The task keeps them back.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use super::Store;
use super::plan::{self, Mode, Step, Walk};
use super::update::group_or_new;
use super::weigh::{Total, help, share};
use crate::push::{Batch, BatchFamily, GroupingKey, Refusal, Series};
use crate::shard::budget::claim::{Charge, Claim, Room, SharedChange};
use crate::shard::budget::{Budget, Usage};
use crate::shard::error::PushError;
use crate::shard::groups::families::{Families, LargeBlock};
use crate::shard::groups::group::Held;
use crate::shard::index::change::Change;
use crate::shard::pages::part::PartHash;
use crate::shard::timestamp::Timestamp;

/// A change is large when the push or the group has so many families, series or bytes. Anything smaller takes a
/// millisecond at most.
const FAMILIES_MIN: usize = 512;
const SERIES_MIN: usize = 16_384;
const BYTES_MIN: usize = 1 << 20;
/// What a slice does at most, which takes about a millisecond. Tests cut everything.
const SLICE_FAMILIES: usize = if cfg!(test) { 2 } else { 256 };
const SLICE_SERIES: usize = if cfg!(test) { 3 } else { 8192 };
const SLICE_BYTES: usize = if cfg!(test) { 10 } else { 1 << 20 };
/// Batches and groups keep so many series of one family sorted.
pub(super) const SORTED_FROM: usize = 4096;

/// A push to a large group, or its deletion, under way.
#[derive(Debug)]
pub(in crate::shard) struct LargeChange {
    hash: u64,
    key: GroupingKey,
    mode: Mode,
    batch: Batch,
    owner: Option<Arc<Budget>>,
    now: Timestamp,
    /// Whether the group goes as a whole.
    deletes: bool,
    stage: Stage,
    walk: Walk,
    steps: Vec<Step>,
    weighed: Weighed,
    /// Where the stage is.
    at: Position,
    claim: Option<Claim<Arc<Budget>>>,
    /// By how many bytes the shared ones have grown, less those that are claimed.
    unclaimed: i64,
    /// Why the change leaves the index again, and up to where it has entered the index.
    rejected: Option<(PushError, Position)>,
    /// The new families, still without samples.
    coming: VecDeque<Held>,
    old: std::vec::IntoIter<Held>,
    /// The family at hand, and how much of its samples is copied.
    current: Option<(Held, LargeBlock)>,
    /// What the group will hold.
    held: Vec<Held>,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Plan,
    Enter,
    Leave,
    Apply,
}

/// A step, and how many series of its family are behind.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Position {
    step: usize,
    series: usize,
}

impl Position {
    /// Behind some series of the step, or at the next one where there are no more.
    fn goes_on(&mut self, series: Option<usize>) {
        *self = match series {
            Some(series) => Position { series, ..*self },
            None => Position { step: self.step + 1, series: 0 },
        };
    }
}

/// What the steps so far come to.
#[derive(Debug, Default)]
struct Weighed {
    gone: Total,
    come: Total,
    shared: SharedChange,
    help_bytes_before: u64,
    changes_more_than_values: bool,
}

/// What is left of a slice.
struct Slice {
    families: usize,
    series: usize,
}

impl Slice {
    const NEW: Slice = Slice { families: SLICE_FAMILIES, series: SLICE_SERIES };

    fn is_over(&self) -> bool {
        self.families == 0 || self.series == 0
    }
}

/// How a change has ended; `None` while it has not.
type Ended = Option<Result<(), PushError>>;

impl Store {
    /// Whether a push to the group at a place of the table, or its deletion, is to be done in slices.
    pub(in crate::shard) fn is_large(&self, at: Option<usize>, batch: Option<&Batch>) -> bool {
        let is_large = |families: usize, series: usize, bytes: usize| {
            families >= FAMILIES_MIN || series >= SERIES_MIN || bytes >= BYTES_MIN
        };
        let group = at.and_then(|at| self.groups.get_bucket(at));
        batch.is_some_and(|batch| {
            is_large(batch.families.len(), batch.series_len(), batch.memory_bytes())
        }) || group.is_some_and(|(_, group)| {
            let series = group.charge.usage().series as usize;
            is_large(group.families.len(), series, group.bytes as usize)
        })
    }
}

impl LargeChange {
    /// A push, whose group then counts for `owner`.
    pub(in crate::shard) fn push(
        hash: u64,
        key: GroupingKey,
        mode: Mode,
        batch: Batch,
        owner: Option<Arc<Budget>>,
        now: Timestamp,
    ) -> LargeChange {
        LargeChange {
            hash,
            key,
            mode,
            batch,
            owner,
            now,
            deletes: false,
            stage: Stage::Plan,
            walk: Walk::default(),
            steps: Vec::new(),
            weighed: Weighed::default(),
            at: Position::default(),
            claim: None,
            unclaimed: 0,
            rejected: None,
            coming: VecDeque::new(),
            old: Vec::new().into_iter(),
            current: None,
            held: Vec::new(),
        }
    }

    /// The deletion of a stored group.
    pub(in crate::shard) fn delete(hash: u64, key: GroupingKey) -> LargeChange {
        let (mode, batch, now) = (Mode::Replace, Batch::default(), Timestamp::NEVER);
        LargeChange { deletes: true, ..LargeChange::push(hash, key, mode, batch, None, now) }
    }

    /// The hash of its group.
    pub(in crate::shard) fn hash(&self) -> u64 {
        self.hash
    }

    /// The group's key, and what was pushed.
    pub(in crate::shard) fn into_parts(self) -> (GroupingKey, Batch) {
        (self.key, self.batch)
    }

    /// Does the next slice. Answers how the change has ended, once it has.
    pub(in crate::shard) fn advance(&mut self, store: &mut Store) -> Ended {
        match self.stage {
            Stage::Plan => self.plan(store),
            Stage::Enter => self.enter(store),
            Stage::Leave => self.leave(store),
            Stage::Apply => self.apply(store),
        }
    }

    fn plan(&mut self, store: &mut Store) -> Ended {
        if self.steps.is_empty()
            && !self.deletes
            && let Err(refusal) = store.check_spelling(self.hash, &self.key)
        {
            return Some(Err(refusal.into()));
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

    fn enter(&mut self, store: &mut Store) -> Ended {
        match self.enter_slice(store) {
            Err(error) => return self.reject(error),
            Ok(()) if self.at.step == self.steps.len() => self.begin_to_apply(store),
            Ok(()) => {}
        }
        None
    }

    fn enter_slice(&mut self, store: &mut Store) -> Result<(), PushError> {
        let held = store.group(self.hash, &self.key).map_or(&[][..], |group| &group.families);
        let (mut slice, mut at) = (Slice::NEW, self.at);
        let (mut change, mut coming) = (Change::default(), Vec::new());
        while let Some(step) = self.steps.get(at.step)
            && !slice.is_over()
        {
            let (old, new) = sides(*step, held, &self.batch);
            let Some(new) = new else {
                at.goes_on(None);
                slice.families -= 1;
                continue;
            };
            let name = self.batch.name(new);
            if at.series == 0 {
                slice.families -= 1;
                let stored = match old {
                    Some(held) => Some(&store.families[held.family]),
                    None => store.families.by_name(name),
                };
                if let Some(stored) = stored.filter(|stored| stored.kind != new.kind) {
                    let (family, stored) = (name.to_owned(), stored.kind.text());
                    return Err(Refusal::TypeConflict { family, stored, is_own: false }.into());
                }
                if old.is_none() {
                    coming.push(new);
                }
                if stored.is_none() {
                    change.names_added.push((name, new.kind));
                }
            }
            let old = old.map_or(&[][..], |held| &held.series);
            let take = |series| change.series_added.push((series, name));
            at.goes_on(lacking(
                self.batch.series(new),
                old,
                at.series,
                usize::MAX,
                &mut slice,
                take,
            ));
        }
        if store.index.grow(&change) {
            return Ok(()); // That took a slice's time.
        }
        change.order();
        store.index.apply(&change)?;
        let part = PartHash::of(self.key.text());
        for new in coming {
            let before = store.families.shared.bytes;
            let held = store.families.hold(part, self.batch.name(new), new.kind, self.now);
            self.unclaimed += store.families.shared.bytes as i64 - before as i64;
            self.coming.push_back(held);
        }
        self.at = at;
        Ok(())
    }

    /// Begins to take out of the index what has entered it.
    fn reject(&mut self, error: PushError) -> Ended {
        self.rejected = Some((error, std::mem::take(&mut self.at)));
        self.stage = Stage::Leave;
        None
    }

    fn leave(&mut self, store: &mut Store) -> Ended {
        let until = self.rejected.as_ref().expect("it has been rejected").1;
        let held = store.group(self.hash, &self.key).map_or(&[][..], |group| &group.families);
        let (mut slice, mut series, mut going) = (Slice::NEW, Vec::new(), Vec::new());
        while self.at != until && !slice.is_over() {
            let step = self.steps[self.at.step];
            let (old, Some(new)) = sides(step, held, &self.batch) else {
                self.at.goes_on(None);
                continue;
            };
            if old.is_none() && self.at.series == 0 {
                slice.families -= 1;
                going.extend(self.coming.pop_front());
            }
            let end = if self.at.step == until.step { until.series } else { usize::MAX };
            let old = old.map_or(&[][..], |held| &held.series);
            let at = self.at.series;
            let take = |one| series.push(one);
            let next = lacking(self.batch.series(new), old, at, end, &mut slice, take);
            if self.at.step == until.step && next.is_none_or(|next| next >= end) {
                self.at = until;
            } else {
                self.at.goes_on(next);
            }
        }
        self.unclaimed += remove(store, going, series);
        if self.at != until {
            return None;
        }
        store.families.shared.settle(self.unclaimed);
        (self.unclaimed, self.claim) = (0, None);
        let (error, _) = self.rejected.take().expect("it has been rejected");
        let removes = |step: &Step| matches!(step, Step::Remove { .. });
        if let PushError::Refused(refusal) = &error
            && refusal.is_about_an_occupied_name()
            && self.steps.iter().any(removes)
        {
            return self.do_whole(store); // By a family that goes, perhaps.
        }
        if let PushError::Refused(_) = error {
            store.fail(self.hash, &self.key, self.owner.as_ref(), self.now);
        }
        Some(Err(error))
    }

    /// Does the change in one go: what it changes of names may depend on all of it.
    fn do_whole(&mut self, store: &mut Store) -> Ended {
        let owner = self.owner.as_ref();
        Some(store.push(self.hash, &self.key, self.mode, &self.batch, owner, self.now))
    }

    fn begin_to_apply(&mut self, store: &mut Store) {
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

    fn apply(&mut self, store: &mut Store) -> Ended {
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
        } else {
            families.set_pushed(group, self.now);
            store.accepted(true, self.hash, &self.key);
        }
        Ok(())
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

/// Removes families, and takes their names and some series out of the index. Answers by how many bytes the shared ones have grown.
fn remove(store: &mut Store, families: Vec<Held>, mut series: Vec<Series>) -> i64 {
    let before = store.families.shared.bytes;
    let gone = families.into_iter().filter_map(|held| store.families.remove(held));
    let mut names = gone.collect();
    let grown = store.families.shared.bytes as i64 - before as i64;
    store.forget(&mut names, &mut series);
    grown
}

/// What the group holds, and what the push brings.
fn sides<'h, 'b>(
    step: Step,
    held: &'h [Held],
    batch: &'b Batch,
) -> (Option<&'h Held>, Option<&'b BatchFamily>) {
    match step {
        Step::Keep { held: at } | Step::Remove { held: at } => (Some(&held[at]), None),
        Step::Replace { held: at, family } => (Some(&held[at]), Some(&batch.families[family])),
        Step::Insert { family } => (None, Some(&batch.families[family])),
    }
}

/// Whether a family is copied in one slice.
fn is_small(batch: &Batch, family: &BatchFamily) -> bool {
    family.bytes() as usize + size_of_val(batch.series(family)) <= SLICE_BYTES
}

/// Goes on through the series of `one`, from `at` to `end` and as far as the slice reaches, and gives those away that `other`
/// lacks. Answers where to go on; `None` behind the last.
fn lacking(
    one: &[Series],
    other: &[Series],
    at: usize,
    end: usize,
    slice: &mut Slice,
    mut give: impl FnMut(Series),
) -> Option<usize> {
    if at >= one.len() || at == 0 && one == other {
        return None;
    }
    let (one, other) = (in_order(one), in_order(other));
    let end = end.min(one.len()).min(at + slice.series);
    slice.series -= end - at;
    let mut other = &other[other.partition_point(|series| *series < one[at])..];
    for series in &one[at..end] {
        while other.first().is_some_and(|first| first < series) {
            other = &other[1..];
        }
        if other.first() != Some(series) {
            give(*series);
        }
    }
    (end < one.len()).then_some(end)
}

fn in_order(series: &[Series]) -> Cow<'_, [Series]> {
    if series.len() >= SORTED_FROM || series.is_sorted() {
        debug_assert!(series.is_sorted(), "many series are kept sorted");
        return Cow::Borrowed(series);
    }
    let mut series = series.to_vec();
    series.sort_unstable();
    Cow::Owned(series)
}
