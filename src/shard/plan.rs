//! What a push changes: family by family, and in the index.

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::budget::Room;
use super::families::Families;
use super::group::Held;
use super::index::Change;
use super::weight::Weighed;
use crate::push::{Batch, BatchFamily, Refusal, Series};

/// How large a group may be at most, since one is written down as a whole.
pub const GROUP_BYTES_MAX: u64 = 1 << 30;

/// What a push does with the families it does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Drops them: PUT.
    Replace,
    /// Keeps them: POST.
    Add,
}

/// What a push does to one family of its group.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Keep,
    Remove { held: usize },
    Replace { held: usize, family: usize },
    Insert { family: usize },
}

pub(super) type Steps = SmallVec<[Step; 12]>;

/// Walks what the group holds and what the push brings, both sorted by name, side by side.
pub(super) fn steps(families: &Families, held: &[Held], mode: Mode, batch: &Batch) -> Steps {
    let mut steps = Steps::new();
    let (mut old, mut new) = (0, 0);
    while old < held.len() || new < batch.families.len() {
        let order = match (held.get(old), batch.families.get(new)) {
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
            (Some(held), Some(family)) => (*families[held.family].name).cmp(batch.name(family)),
        };
        steps.push(match order {
            Ordering::Less if mode == Mode::Add => Step::Keep,
            Ordering::Less => Step::Remove { held: old },
            Ordering::Equal => Step::Replace { held: old, family: new },
            Ordering::Greater => Step::Insert { family: new },
        });
        old += usize::from(order.is_le());
        new += usize::from(order.is_ge());
    }
    steps
}

/// Refuses to let a group grow beyond `bytes_max`. One that is larger, since it was stored under another bound, may
/// still change and shrink.
pub(super) fn check_size(weighed: &Weighed, bytes_max: u64) -> Result<(), Refusal> {
    let [bytes_before, bytes] = weighed.group_bytes;
    if bytes > bytes_max && bytes > bytes_before {
        Err(Refusal::GroupTooLarge { bytes, bytes_max })
    } else {
        Ok(())
    }
}

/// Whether a stored group needs room to grow. One of which only values change does not: else a full
/// gateway would take 9 after 10 and refuse 10 after 9.
pub(super) fn room(held: &[Held], steps: &Steps, batch: &Batch, change: &Change<'_>) -> Room {
    let changes_values = |step: &Step| match *step {
        Step::Keep => true,
        Step::Replace { held: at, family } => {
            let new = &batch.families[family];
            let help = held[at].help.as_deref().unwrap_or_default();
            new.samples <= held[at].samples && !new.has_native() && help == batch.help(new)
        }
        Step::Remove { .. } | Step::Insert { .. } => false,
    };
    let is_same = change.is_empty() && steps.iter().all(changes_values);
    if is_same { Room::NeededByNewOwner } else { Room::Needed }
}

/// What the steps change about which names and series exist.
///
/// # Errors
/// When a family keeps another kind on this shard; what the others hold is for the index to say.
pub(super) fn change<'a>(
    families: &'a Families,
    held: &'a [Held],
    steps: &Steps,
    batch: &'a Batch,
) -> Result<Change<'a>, Refusal> {
    let mut change = Change::default();
    for step in steps {
        let (old, new) = match *step {
            Step::Keep => continue,
            Step::Remove { held: at } => (Some(&held[at]), None),
            Step::Insert { family } => (None, Some(&batch.families[family])),
            Step::Replace { held: at, family } => (Some(&held[at]), Some(&batch.families[family])),
        };
        change_name(families, &mut change, old, new, batch)?;
        change_series(
            &mut change,
            old.map_or(&[], |held| &held.series),
            new.map_or(&[], |family| batch.series(family)),
            new.map_or("", |family| batch.name(family)),
        );
    }
    Ok(change)
}

fn change_name<'a>(
    families: &'a Families,
    change: &mut Change<'a>,
    old: Option<&Held>,
    new: Option<&BatchFamily>,
    batch: &'a Batch,
) -> Result<(), Refusal> {
    let stored = match (old, new) {
        (Some(held), _) => Some(&families[held.family]),
        (None, Some(family)) => families.by_name(batch.name(family)),
        (None, None) => None,
    };
    let holders_left = stored.map_or(0, |family| family.holders - u32::from(old.is_some()));
    match (stored, new) {
        (Some(stored), Some(family)) if stored.kind == family.kind => {}
        (Some(stored), Some(family)) if holders_left > 0 => {
            let (family, stored) = (batch.name(family).to_owned(), stored.kind.text());
            return Err(Refusal::TypeConflict { family, stored });
        }
        (Some(_), None) if holders_left > 0 => {}
        (stored, new) => {
            change.names_removed.extend(stored.map(|family| (&*family.name, family.kind)));
            change.names_added.extend(new.map(|family| (batch.name(family), family.kind)));
        }
    }
    Ok(())
}

/// Notes which series come and go when a group's family changes from `old` to `new`.
fn change_series<'a>(change: &mut Change<'a>, old: &[Series], new: &[Series], family: &'a str) {
    if old == new {
        return;
    }
    if old.is_empty() {
        return change.series_added.extend(new.iter().map(|series| (*series, family)));
    }
    let sorted = |series: &[Series]| {
        let mut series = SmallVec::<[Series; 16]>::from_slice(series);
        series.sort_unstable();
        series
    };
    let (sorted_old, sorted_new) = (sorted(old), sorted(new));
    let is_old = |series: &&Series| sorted_old.binary_search(series).is_ok();
    let is_new = |series: &&Series| sorted_new.binary_search(series).is_ok();
    change.series_removed.extend(old.iter().filter(|series| !is_new(series)));
    change.series_added.extend(new.iter().filter(|s| !is_old(s)).map(|series| (*series, family)));
}
