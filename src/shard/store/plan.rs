//! What a push changes: which families it replaces, adds and removes, and what that changes in the index.

use std::cmp::Ordering;

use smallvec::SmallVec;

use crate::push::{Batch, BatchFamily, Refusal, Series};
use crate::rules::Asked;
use crate::shard::budget::claim::Room;
use crate::shard::groups::families::Families;
use crate::shard::groups::group::Held;
use crate::shard::index::Index;
use crate::shard::index::change::Change;

/// How large a group may be at most. A group is written to disk as a whole.
pub const GROUP_BYTES_MAX: u64 = 1 << 30;

/// What a push does with the families it does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Drops them: PUT.
    Replace,
    /// Keeps them: POST.
    Add,
}

/// How a push changes its group.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// What it does with the families that it does not name.
    pub mode: Mode,
    /// What its headers ask for.
    pub asked: Asked,
}

impl From<Mode> for How {
    fn from(mode: Mode) -> How {
        How { mode, asked: Asked::default() }
    }
}

/// What a push does to one family of its group.
#[derive(Debug, Clone, Copy)]
pub(in crate::shard) enum Step {
    Keep { held: usize },
    Remove { held: usize },
    Replace { held: usize, family: usize },
    Insert { family: usize },
}

pub(in crate::shard) type Steps = SmallVec<[Step; 12]>;

/// Walks what the group holds and what the push brings, both sorted by name, side by side.
pub(in crate::shard) fn steps(
    families: &Families,
    held: &[Held],
    mode: Mode,
    batch: &Batch,
) -> Steps {
    let mut at = Walk::default();
    std::iter::from_fn(|| at.step(families, held, mode, batch)).collect()
}

/// How far such a walk has come.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Walk {
    old: usize,
    new: usize,
}

impl Walk {
    /// The next step; `None` behind the last.
    pub(super) fn step(
        &mut self,
        families: &Families,
        held: &[Held],
        mode: Mode,
        batch: &Batch,
    ) -> Option<Step> {
        let Walk { old, new } = *self;
        let order = match (held.get(old), batch.families.get(new)) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(held), Some(family)) => (*families[held.family].name).cmp(batch.name(family)),
        };
        self.old += usize::from(order.is_le());
        self.new += usize::from(order.is_ge());
        Some(match order {
            Ordering::Less if mode == Mode::Add => Step::Keep { held: old },
            Ordering::Less => Step::Remove { held: old },
            Ordering::Equal => Step::Replace { held: old, family: new },
            Ordering::Greater => Step::Insert { family: new },
        })
    }
}

/// Rejects a push that makes a group grow beyond `bytes_max`. A group that is larger because it was stored under another bound
/// may still change and shrink.
pub(in crate::shard) fn check_size(group_bytes: [u64; 2], bytes_max: u64) -> Result<(), Refusal> {
    let [bytes_before, bytes] = group_bytes;
    if bytes > bytes_max && bytes > bytes_before {
        Err(Refusal::GroupTooLarge { bytes, bytes_max })
    } else {
        Ok(())
    }
}

/// Whether a push to a stored group needs room. A push that changes nothing but values does not: else a full gateway would take
/// the value 9 after 10, and reject 10 after 9.
pub(in crate::shard) fn room(
    held: &[Held],
    steps: &Steps,
    batch: &Batch,
    change: &Change<'_>,
) -> Room {
    let changes_values = |step: &Step| match *step {
        Step::Keep { .. } => true,
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
/// When another group of this shard holds a family with another kind: that and all else that is against the change. The index
/// knows about the other shards.
pub(in crate::shard) fn change<'a>(
    families: &'a Families,
    held: &'a [Held],
    steps: &Steps,
    batch: &'a Batch,
    index: &Index,
) -> Result<Change<'a>, Refusal> {
    let mut change = Change::default();
    for step in steps {
        let (old, new) = match *step {
            Step::Keep { .. } => continue,
            Step::Remove { held: at } => (Some(&held[at]), None),
            Step::Insert { family } => (None, Some(&batch.families[family])),
            Step::Replace { held: at, family } => (Some(&held[at]), Some(&batch.families[family])),
        };
        change_name(families, &mut change, old, new, batch);
        change_series(
            &mut change,
            old.map_or(&[], |held| &held.series),
            new.map_or(&[], |family| batch.series(family)),
            new.map_or("", |family| batch.name(family)),
        );
    }
    change.order();
    if !change.conflicts.is_empty() {
        let checked = index.check(&change);
        checked.map_err(|refusal| spelled(refusal, &change, batch, index))?;
    }
    Ok(change)
}

/// A refusal of the change that names the series which other groups have.
pub(in crate::shard) fn spelled(
    mut refusal: Refusal,
    change: &Change<'_>,
    batch: &Batch,
    index: &Index,
) -> Refusal {
    refusal.each(|conflict| {
        if let Refusal::SeriesElsewhere { family, series } = conflict {
            let of_family = change.series_added.iter().filter(|(_, name)| *name == family);
            let mut elsewhere = of_family.filter(|(one, _)| index.holds(*one));
            let spelling = elsewhere.next().and_then(|(one, _)| batch.spelling(family, *one));
            *series = spelling.unwrap_or_default();
        }
    });
    refusal
}

fn change_name<'a>(
    families: &'a Families,
    change: &mut Change<'a>,
    old: Option<&Held>,
    new: Option<&BatchFamily>,
    batch: &'a Batch,
) {
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
            let conflict = Refusal::TypeConflict { family, stored, is_own: false };
            Refusal::note(&mut change.conflicts, conflict);
        }
        (Some(_), None) if holders_left > 0 => {}
        (stored, new) => {
            change.names_removed.extend(stored.map(|family| (&*family.name, family.kind)));
            change.names_added.extend(new.map(|family| (batch.name(family), family.kind)));
        }
    }
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
        if !series.is_sorted() {
            series.sort_unstable();
        }
        series
    };
    let (sorted_old, sorted_new) = (sorted(old), sorted(new));
    // Both are walked side by side, because a search for each of many series takes long.
    let (mut old, mut new) = (&sorted_old[..], &sorted_new[..]);
    loop {
        let order = match (old.first(), new.first()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => one.cmp(other),
        };
        match order {
            Ordering::Less => change.series_removed.push(old[0]),
            Ordering::Greater => change.series_added.push((new[0], family)),
            Ordering::Equal => {}
        }
        old = &old[usize::from(order.is_le())..];
        new = &new[usize::from(order.is_ge())..];
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::exposition::NameRules;
    use crate::push::{GroupingKey, decode};
    use crate::shard::{Index, PushError, Store, Timestamp};

    #[test]
    fn many_series_come_and_go_as_few_do() {
        let mut store = Store::new(Arc::new(Index::default()), None);
        let mut push = |path: &str, body: &str| {
            let key = GroupingKey::parse(path.as_bytes(), NameRules::Legacy).expect("a valid path");
            let batch = decode(&key, body.as_bytes(), NameRules::Legacy).expect("a valid push");
            let hash = path.bytes().fold(0, |hash, byte| hash * 31 + u64::from(byte));
            store.push(hash, &key, Mode::Replace, &batch, None, Timestamp::now())
        };
        let many = |series: std::ops::Range<u32>| -> String {
            series.map(|at| format!("m{{x=\"{at}\"}} 1\n")).collect()
        };
        let is_elsewhere =
            |pushed| matches!(pushed, Err(PushError::Refused(Refusal::SeriesElsewhere { .. })));
        assert_eq!(push("/a", &many(0..10_000)), Ok(()));
        assert_eq!(push("/a", &many(0..10_000)), Ok(()), "nothing changes");
        assert!(is_elsewhere(push("/a/x/7", "m 1\n")));
        assert_eq!(push("/a", &many(5_000..15_000)), Ok(()));
        assert_eq!(push("/a/x/7", "m 1\n"), Ok(()), "it has been given up");
        for kept in ["/a/x/5000", "/a/x/9999", "/a/x/14999"] {
            assert!(is_elsewhere(push(kept, "m 1\n")), "{kept}");
        }
        assert!(is_elsewhere(push("/a", &many(0..10_000))), "one of them is another's");
        assert_eq!(push("/a", ""), Ok(()));
        for path in ["/a/x/5000", "/a/x/9999", "/a/x/14999"] {
            assert_eq!(push(path, "m 1\n"), Ok(()), "{path}");
        }
    }
}
