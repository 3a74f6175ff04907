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
        locked.check(change)?;
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

    /// Whether the change could be made.
    ///
    /// # Errors
    /// Why not.
    pub(in crate::shard) fn check(&self, change: &Change<'_>) -> Result<(), Refusal> {
        self.lock(change).check(change)
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

    /// Checks the state that the change would leave.
    fn check(&mut self, change: &Change<'_>) -> Result<(), Refusal> {
        for (name, kind) in &change.names_added {
            if let Some(entry) = self.name(name) {
                let holders = entry.holders - u32::from(change.releases(name));
                if holders > 0 && entry.kind != *kind {
                    let (family, stored) = ((*name).to_owned(), entry.kind.text());
                    let is_own = lock(&self.index.reserved).iter().any(|(own, _)| **own == **name);
                    return Err(if is_own {
                        Refusal::OwnType { family, own: stored }
                    } else {
                        Refusal::TypeConflict { family, stored }
                    });
                }
                if entry.occupiers > change.vacates(name) {
                    return Err(Refusal::NameOccupied { name: (*name).to_owned() });
                }
            }
            for suffix in kind.occupied_suffixes() {
                let occupied = [*name, *suffix].concat();
                let released = u32::from(change.releases(&occupied));
                if self.name(&occupied).is_some_and(|entry| entry.holders > released) {
                    return Err(Refusal::NameOccupied { name: occupied });
                }
            }
        }
        for (series, family) in &change.series_added {
            let stripe = self.stripe(series_stripe(*series));
            if stripe.series.find(series.bits(), |other| other == series).is_some() {
                return Err(Refusal::SeriesElsewhere { family: (*family).to_owned() });
            }
        }
        Ok(())
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
