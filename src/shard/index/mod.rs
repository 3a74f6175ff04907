//! The index: the kind of every name and the fingerprint of every series in the gateway. All shards share it.
//!
//! Start with [`Index::apply`]. The index is divided into stripes, each with a lock of its own. A change locks the stripes that
//! it needs in a fixed order, checks the state that it would leave, and is then made or rejected. So of two pushes that conflict
//! on two shards exactly one is applied. Only a large change enters slice by slice (`store::large`). A push that changes only
//! values does not come here.
//!
//! A name counts once for each shard that holds it. Each shard counts its own groups.

pub(super) mod change;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::HashTable;

use crate::exposition::Kind;
use crate::push::{Refusal, Series};
use crate::shard::index::change::{Change, series_stripe};

const STRIPES: usize = 64;

/// The index; shared by all shards.
#[derive(Debug)]
pub struct Index {
    hasher: ahash::RandomState,
    stripes: Box<[Mutex<Stripe>]>,
    /// The names that stay when everything else is forgotten.
    reserved: Mutex<Vec<(Box<str>, Kind)>>,
}

/// What was in the index before it was cleared, to be dropped.
#[derive(Debug)]
pub struct Cleared {
    _stripes: Vec<Stripe>,
}

#[derive(Debug, Default)]
struct Stripe {
    names: HashMap<Box<str>, Name, ahash::RandomState>,
    series: HashTable<Series>,
}

/// Who uses a name.
///
/// **Invariant:** of `holders` and `occupiers` at most one is not zero, and an entry where both are
/// is not kept.
#[derive(Debug)]
struct Name {
    kind: Kind,
    /// How many hold a family of this name.
    holders: u32,
    /// How many hold a histogram or summary that exposes samples under this name.
    occupiers: u32,
}

impl Default for Index {
    fn default() -> Index {
        let stripes = (0..STRIPES).map(|_| Mutex::default()).collect();
        Index { hasher: ahash::RandomState::new(), stripes, reserved: Mutex::default() }
    }
}

impl Index {
    /// Reserves a name for good, as the gateway does for its own families.
    pub fn reserve(&self, name: &str, kind: Kind) {
        self.hold_for_good(name, kind);
        lock(&self.reserved).push((name.into(), kind));
    }

    /// Forgets everything but the reserved names. All stores that share the index must be empty, and none may use the index
    /// meanwhile. To drop what was there takes time in proportion to its size.
    pub fn clear(&self) -> Cleared {
        let stripes = self.stripes.iter().map(|stripe| std::mem::take(&mut *lock(stripe)));
        let cleared = Cleared { _stripes: stripes.collect() };
        for (name, kind) in &*lock(&self.reserved) {
            self.hold_for_good(name, *kind);
        }
        cleared
    }

    fn hold_for_good(&self, name: &str, kind: Kind) {
        let mut change = Change::default();
        change.names_added.push((name, kind));
        let reserved = self.apply(&change);
        debug_assert_eq!(reserved, Ok(()), "the gateway's own families agree with each other");
    }

    /// Makes the change if the result is consistent.
    ///
    /// # Errors
    /// Why it is not; then nothing has changed.
    pub(in crate::shard) fn apply(&self, change: &Change<'_>) -> Result<(), Refusal> {
        let mut locked = self.lock(change);
        if let Err(refusal) = locked.check(change) {
            drop(locked);
            return Err(self.with_own(refusal));
        }
        for (name, kind) in &change.names_removed {
            locked.release(name, *kind);
        }
        for (name, kind) in &change.names_added {
            locked.hold(name, *kind);
        }
        for series in &change.series_removed {
            let stripe = locked.stripe(series_stripe(*series));
            if let Ok(found) = stripe.series.find_entry(series.bits(), |other| other == series) {
                found.remove();
            }
        }
        for (series, _) in &change.series_added {
            let stripe = locked.stripe(series_stripe(*series));
            stripe.series.insert_unique(series.bits(), *series, |other| other.bits());
        }
        Ok(())
    }

    /// Makes room in one of the stripes that lack it for what the change adds. Answers whether there was one. All stripes fill
    /// alike, so they lack room together, and to move the series of all of them into larger tables takes tens of milliseconds.
    pub(in crate::shard) fn grow(&self, change: &Change<'_>) -> bool {
        let mut coming = [0; STRIPES];
        for (series, _) in &change.series_added {
            coming[series_stripe(*series)] += 1;
        }
        self.stripes.iter().zip(coming).any(|(stripe, coming)| {
            let series = &mut lock(stripe).series;
            let lacks_room = series.capacity() - series.len() < coming;
            if lacks_room {
                series.reserve(coming, |series| series.bits());
            }
            lacks_room
        })
    }

    /// Whether the change could be made.
    ///
    /// # Errors
    /// Why not.
    pub(in crate::shard) fn check(&self, change: &Change<'_>) -> Result<(), Refusal> {
        let checked = self.lock(change).check(change);
        checked.map_err(|refusal| self.with_own(refusal))
    }

    /// Whether any group holds the series.
    pub(in crate::shard) fn holds(&self, series: Series) -> bool {
        let stripe = lock(&self.stripes[series_stripe(series)]);
        stripe.series.find(series.bits(), |other| *other == series).is_some()
    }

    /// A refusal that tells the gateway's own families from those of groups. No stripe is locked meanwhile.
    fn with_own(&self, mut refusal: Refusal) -> Refusal {
        let reserved = lock(&self.reserved);
        refusal.each(|conflict| {
            if let Refusal::TypeConflict { family, is_own, .. } = conflict {
                *is_own = reserved.iter().any(|(name, _)| **name == **family);
            }
        });
        refusal
    }

    /// Locks all stripes that the change is about, from the lowest to the highest.
    fn lock(&self, change: &Change<'_>) -> Locked<'_> {
        let mut wanted = 0_u64;
        let mut want = |stripe: usize| wanted |= 1 << stripe;
        for (name, kind) in change.names_removed.iter().chain(&change.names_added) {
            want(self.name_stripe(name));
            for suffix in kind.occupied_suffixes() {
                want(self.name_stripe(&[*name, *suffix].concat()));
            }
        }
        let added = change.series_added.iter().map(|(series, _)| series);
        for series in change.series_removed.iter().chain(added) {
            want(series_stripe(*series));
        }
        let mut locked = Locked { index: self, guards: [const { None }; STRIPES] };
        for (stripe, guard) in locked.guards.iter_mut().enumerate() {
            if wanted & (1 << stripe) != 0 {
                *guard = Some(lock(&self.stripes[stripe]));
            }
        }
        locked
    }

    fn name_stripe(&self, name: &str) -> usize {
        self.hasher.hash_one(name) as usize % STRIPES
    }
}

/// A shard that died while it held the lock may have left its change half made. The other shards accept nothing more then
/// (`Shards::send`), so nothing is built on what it left.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Some stripes of the index, locked.
struct Locked<'i> {
    index: &'i Index,
    guards: [Option<MutexGuard<'i, Stripe>>; STRIPES],
}

impl Locked<'_> {
    fn stripe(&mut self, stripe: usize) -> &mut Stripe {
        self.guards[stripe].as_mut().expect("everything the change touches is locked")
    }

    fn name(&mut self, name: &str) -> Option<&mut Name> {
        let stripe = self.index.name_stripe(name);
        self.stripe(stripe).names.get_mut(name)
    }

    /// Checks the state that the change would leave, and names what is against it.
    fn check(&mut self, change: &Change<'_>) -> Result<(), Refusal> {
        let mut conflicts = change.conflicts.clone();
        for (name, kind) in &change.names_added {
            if let Some(conflict) = self.conflict_of_name(change, name, *kind)
                && !Refusal::note(&mut conflicts, conflict)
            {
                break;
            }
        }
        for (series, family) in &change.series_added {
            let stripe = self.stripe(series_stripe(*series));
            if stripe.series.find(series.bits(), |other| other == series).is_some() {
                let (family, series) = ((*family).to_owned(), String::new());
                if !Refusal::note(&mut conflicts, Refusal::SeriesElsewhere { family, series }) {
                    break;
                }
            }
        }
        Refusal::all(conflicts)
    }

    /// What is against a family of that name and kind.
    fn conflict_of_name(&mut self, change: &Change<'_>, name: &str, kind: Kind) -> Option<Refusal> {
        if let Some(entry) = self.name(name) {
            let holders = entry.holders - u32::from(change.releases(name));
            if holders > 0 && entry.kind != kind {
                let (family, stored) = (name.to_owned(), entry.kind.text());
                return Some(Refusal::TypeConflict { family, stored, is_own: false });
            }
            if entry.occupiers > change.vacates(name) {
                return Some(Refusal::NameOccupied { name: name.to_owned() });
            }
        }
        kind.occupied_suffixes().iter().find_map(|suffix| {
            let occupied = [name, *suffix].concat();
            let released = u32::from(change.releases(&occupied));
            let is_held = self.name(&occupied).is_some_and(|entry| entry.holders > released);
            is_held.then_some(Refusal::NameOccupied { name: occupied })
        })
    }

    fn hold(&mut self, name: &str, kind: Kind) {
        let entry = self.entry(name, kind);
        entry.kind = kind;
        entry.holders += 1;
        for suffix in kind.occupied_suffixes() {
            self.entry(&[name, *suffix].concat(), kind).occupiers += 1;
        }
    }

    fn release(&mut self, name: &str, kind: Kind) {
        self.entry(name, kind).holders -= 1;
        self.forget_unused(name);
        for suffix in kind.occupied_suffixes() {
            let occupied = [name, *suffix].concat();
            self.entry(&occupied, kind).occupiers -= 1;
            self.forget_unused(&occupied);
        }
    }

    fn entry(&mut self, name: &str, kind: Kind) -> &mut Name {
        let stripe = self.index.name_stripe(name);
        let names = &mut self.stripe(stripe).names;
        if !names.contains_key(name) {
            names.insert(name.into(), Name { kind, holders: 0, occupiers: 0 });
        }
        names.get_mut(name).expect("it was just entered")
    }

    fn forget_unused(&mut self, name: &str) {
        let stripe = self.index.name_stripe(name);
        let names = &mut self.stripe(stripe).names;
        if names.get(name).is_some_and(|entry| entry.holders == 0 && entry.occupiers == 0) {
            names.remove(name);
        }
    }
}

#[cfg(test)]
impl Index {
    /// All names, each with who uses it, and all series.
    pub(in crate::shard) fn contents(&self) -> (Vec<(String, String)>, Vec<Series>) {
        let (mut names, mut series) = (Vec::new(), Vec::new());
        for stripe in &self.stripes {
            let stripe = lock(stripe);
            names.extend(
                stripe.names.iter().map(|(name, of)| (name.to_string(), format!("{of:?}"))),
            );
            series.extend(stripe.series.iter().copied());
        }
        names.sort_unstable();
        series.sort_unstable();
        (names, series)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::SeriesHasher;

    #[test]
    fn one_stripe_grows_at_a_time() {
        let index = Index::default();
        let capacities = || -> Vec<usize> {
            index.stripes.iter().map(|stripe| lock(stripe).series.capacity()).collect()
        };
        for slice in 0..20 {
            let mut change = Change::default();
            for at in 0..4096 {
                let series = SeriesHasher::get().part(format!("{slice} {at}").as_bytes());
                change.series_added.push((series, "m"));
            }
            loop {
                let before = capacities();
                let has_grown = index.grow(&change);
                let grown = before.iter().zip(capacities()).filter(|(one, now)| *one < now).count();
                assert_eq!(grown, usize::from(has_grown));
                if !has_grown {
                    break;
                }
            }
            let before = capacities();
            assert_eq!(index.apply(&change), Ok(()));
            assert_eq!(capacities(), before);
        }
    }
}
