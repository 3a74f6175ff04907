//! What a group takes of the budgets: a push claims it, and the charge of the group holds it.

use std::borrow::Borrow;
use std::sync::Arc;

use super::{Budget, Full, Usage, Whose};

/// How many bytes come and go with a push that groups share.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::shard) struct SharedChange {
    pub(in crate::shard) added: u64,
    pub(in crate::shard) removed: u64,
}

/// The bytes that groups of a shard share. They count for the gateway and for no owner, and are given back on drop.
///
/// A claim takes and gives back what a push changes of it, so that it changes together with what the group counts for.
#[derive(Debug, Default)]
pub(in crate::shard) struct SharedCharge {
    gateway: Option<Arc<Budget>>,
    pub(in crate::shard) bytes: u64,
}

impl SharedCharge {
    /// Nothing yet, of that budget.
    pub(in crate::shard) fn new(gateway: Option<Arc<Budget>>) -> SharedCharge {
        SharedCharge { gateway, bytes: 0 }
    }

    /// Sets the budget right after the bytes have grown by so much without a claim, or have shrunk.
    pub(in crate::shard) fn settle(&self, grown: i64) {
        if let Some(gateway) = &self.gateway {
            let bytes = Usage { bytes: grown.unsigned_abs(), ..Usage::default() };
            if grown > 0 { gateway.add(bytes) } else { gateway.give_back(bytes) }
        }
    }
}

impl Drop for SharedCharge {
    fn drop(&mut self) {
        self.settle(-(self.bytes as i64));
    }
}

/// What a group counts for, and in which budgets. It is given back on drop, so together with its group.
#[derive(Debug, Default)]
pub(in crate::shard) struct Charge {
    gateway: Option<Arc<Budget>>,
    /// The user who last pushed to the group.
    owner: Option<Arc<Budget>>,
    usage: Usage,
}

impl Charge {
    pub(in crate::shard) fn usage(&self) -> Usage {
        self.usage
    }

    /// The user who last pushed to the group.
    pub(in crate::shard) fn owner(&self) -> Option<Arc<Budget>> {
        self.owner.clone()
    }

    /// Whether it counts for that owner, or for none.
    pub(in crate::shard) fn is_for(&self, owner: Option<&Arc<Budget>>) -> bool {
        is_same(self.owner.as_ref(), owner)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        for budget in [&self.gateway, &self.owner].into_iter().flatten() {
            budget.give_back(self.usage);
        }
    }
}

/// Whether a claim needs room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::shard) enum Room {
    /// In each budget.
    Needed,
    /// Only in the budget of a new owner, because the push changes nothing but values.
    NeededByNewOwner,
    /// In none, because the group was stored before.
    NotNeeded,
}

/// What a push takes for its group. It is given back on drop, unless it has been settled.
#[derive(Debug)]
pub(in crate::shard) struct Claim<B: Borrow<Arc<Budget>>> {
    gateway: Option<B>,
    owner: Option<B>,
    from_gateway: Usage,
    from_owner: Usage,
    /// What the gateway gets back after the push.
    spare: Usage,
    usage: Usage,
}

impl<B: Borrow<Arc<Budget>>> Claim<B> {
    /// Takes what a group that will come to `usage` has more than `stored`, if it is stored, together with what changes
    /// of what groups share. Where nothing is bounded this touches nothing that others use.
    pub(in crate::shard) fn new(
        gateway: Option<B>,
        owner: Option<B>,
        stored: Option<&Charge>,
        usage: Usage,
        shared: SharedChange,
        room: Room,
    ) -> Result<Claim<B>, Full> {
        let nothing = Usage::default();
        let before = stored.map_or(nothing, |charge| charge.usage);
        let is_owners = stored
            .is_some_and(|charge| is_same(charge.owner.as_ref(), owner.as_ref().map(B::borrow)));
        let (from_gateway, from_owner, spare) = (nothing, nothing, nothing);
        let mut claim = Claim { gateway, owner, from_gateway, from_owner, spare, usage };
        if let Some(budget) = &claim.gateway {
            let budget = budget.borrow();
            let had = before.with_bytes(shared.removed);
            let will_have = usage.with_bytes(shared.added);
            let wanted = will_have.beyond(had);
            let taken = budget.take_if(room == Room::Needed, wanted);
            taken.map_err(|bound| Full { whose: Whose::Gateway, bound })?;
            claim.from_gateway = wanted;
            claim.spare = had.beyond(will_have);
        }
        if let Some(budget) = &claim.owner {
            let budget = budget.borrow();
            let wanted = if is_owners { usage.beyond(before) } else { usage };
            let is_new = room == Room::NeededByNewOwner && !is_owners;
            let taken = budget.take_if(room == Room::Needed || is_new, wanted);
            taken.map_err(|bound| Full { whose: Whose::Owner, bound })?;
            claim.from_owner = wanted;
        }
        Ok(claim)
    }

    /// Makes what was claimed the group's, and gives back what the group no longer needs.
    pub(in crate::shard) fn settle(mut self, charge: &mut Charge) {
        let before = std::mem::replace(&mut charge.usage, self.usage);
        (self.from_gateway, self.from_owner) = Default::default();
        if let Some(gateway) = self.gateway.as_ref().map(B::borrow) {
            gateway.give_back(self.spare);
            charge.gateway.get_or_insert_with(|| Arc::clone(gateway));
        }
        let owner = self.owner.as_ref().map(B::borrow);
        if is_same(charge.owner.as_ref(), owner) {
            if let Some(owner) = owner {
                owner.give_back(before.beyond(self.usage));
            }
        } else if let Some(owner) = std::mem::replace(&mut charge.owner, owner.cloned()) {
            owner.give_back(before);
        }
    }
}

impl<B: Borrow<Arc<Budget>>> Drop for Claim<B> {
    fn drop(&mut self) {
        for (budget, taken) in [(&self.gateway, self.from_gateway), (&self.owner, self.from_owner)]
        {
            if let Some(budget) = budget {
                budget.borrow().give_back(taken);
            }
        }
    }
}

fn is_same(one: Option<&Arc<Budget>>, other: Option<&Arc<Budget>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::budget::{Bound, Limits};

    fn budget(groups: u64, series: u64, bytes: u64) -> Arc<Budget> {
        Arc::new(Budget::new(Limits { groups, series, bytes }))
    }

    fn usage(series: u64, bytes: u64) -> Usage {
        Usage { groups: 1, series, bytes }
    }

    fn stored(gateway: &Arc<Budget>, owner: Option<&Arc<Budget>>, usage: Usage) -> Charge {
        let mut charge = Charge::default();
        let claim =
            Claim::new(Some(gateway), owner, None, usage, SharedChange::default(), Room::Needed);
        claim.expect("there is room").settle(&mut charge);
        charge
    }

    #[test]
    fn what_is_refused_takes_nothing_and_what_is_dropped_is_given_back() {
        let (gateway, owner) = (budget(2, 10, 100), budget(9, 9, 60));
        let charge = stored(&gateway, Some(&owner), usage(5, 50));
        let refused = |series, bytes| {
            let wanted = usage(series, bytes);
            let shared = SharedChange::default();
            Claim::new(Some(&gateway), Some(&owner), None, wanted, shared, Room::Needed).err()
        };
        let full = |whose, bound| Some(Full { whose, bound });
        assert_eq!(refused(6, 1), full(Whose::Gateway, Bound::Series));
        assert_eq!(refused(2, 51), full(Whose::Gateway, Bound::Bytes));
        assert_eq!(refused(5, 1), full(Whose::Owner, Bound::Series));
        assert_eq!(refused(2, 11), full(Whose::Owner, Bound::Bytes));
        assert_eq!((gateway.used(), owner.used()), (usage(5, 50), usage(5, 50)));
        assert_eq!(refused(4, 10), None, "and it is given back since nobody settles it");
        drop(charge);
        assert_eq!((gateway.used(), owner.used()), Default::default());
    }

    #[test]
    fn what_does_not_grow_is_allowed_however_little_there_may_be() {
        let gateway = budget(9, 9, 100);
        let mut charge = stored(&gateway, None, usage(5, 50));
        gateway.set_limits(Limits { groups: 0, series: 0, bytes: 0 });
        assert!(gateway.is_exceeded());
        for (series, bytes, room, is_allowed) in [
            (5, 50, Room::Needed, true),
            (5, 51, Room::Needed, false),
            (6, 10, Room::Needed, false),
            (5, 51, Room::NeededByNewOwner, true),
            (4, 40, Room::Needed, true),
        ] {
            let wanted = usage(series, bytes);
            let shared = SharedChange::default();
            let claim = Claim::new(Some(&gateway), None, Some(&charge), wanted, shared, room);
            assert_eq!(claim.is_ok(), is_allowed, "{series} {bytes}");
            if let Ok(claim) = claim {
                claim.settle(&mut charge);
                assert_eq!(gateway.used(), wanted);
            }
        }
    }

    #[test]
    fn what_groups_share_changes_together_with_what_the_group_counts_for() {
        let gateway = budget(9, 9, 100);
        let mut charge = stored(&gateway, None, usage(5, 50));
        let mut shared = SharedCharge::new(Some(Arc::clone(&gateway)));
        for (bytes, added, removed, is_allowed) in [
            (50, 50, 0, true),
            (51, 0, 0, false),
            (60, 20, 30, true),
            (60, 21, 20, false),
            (60, 0, 40, true),
        ] {
            let change = SharedChange { added, removed };
            let wanted = usage(5, bytes);
            let claim =
                Claim::new(Some(&gateway), None, Some(&charge), wanted, change, Room::Needed);
            assert_eq!(claim.is_ok(), is_allowed, "{bytes} {change:?}");
            if let Ok(claim) = claim {
                claim.settle(&mut charge);
                shared.bytes = shared.bytes + added - removed;
                assert_eq!(gateway.used(), wanted.with_bytes(shared.bytes));
            }
        }
        drop((charge, shared));
        assert_eq!(gateway.used(), Usage::default());
    }

    #[test]
    fn a_group_counts_for_who_last_pushed_to_it() {
        let (gateway, one, other) = (budget(9, 9, 100), budget(9, 9, 100), budget(9, 5, 100));
        let mut charge = stored(&gateway, Some(&one), usage(5, 50));
        let claim = |owner, charge: &Charge, series| {
            let (usage, shared) = (usage(series, 40), SharedChange::default());
            Claim::new(Some(&gateway), owner, Some(charge), usage, shared, Room::Needed)
        };
        let full = claim(Some(&other), &charge, 6).expect_err("it is more than the other may have");
        assert_eq!(full, Full { whose: Whose::Owner, bound: Bound::Series });
        claim(Some(&other), &charge, 4).expect("there is room").settle(&mut charge);
        assert_eq!((one.used(), other.used()), (Usage::default(), usage(4, 40)));
        claim(None, &charge, 3).expect("it shrinks").settle(&mut charge);
        assert_eq!((other.used(), gateway.used()), (Usage::default(), usage(3, 40)));
    }
}
