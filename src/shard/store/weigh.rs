//! What a push makes of its group, in bytes that count.

use std::sync::Arc;

use crate::push::{Batch, BatchFamily};
use crate::shard::budget::claim::{Claim, Room, SharedChange};
use crate::shard::budget::weight::{of_family, of_help, of_samples};
use crate::shard::budget::{Budget, Usage};
use crate::shard::groups::families::Families;
use crate::shard::groups::group::{Group, Held};
use crate::shard::store::plan::Step;

/// What a push makes of a group, in what counts.
#[derive(Debug, Clone, Copy)]
pub(in crate::shard) struct Weighed {
    /// What the group comes to.
    pub(in crate::shard) usage: Usage,
    /// What comes and goes that groups of the shard share.
    pub(in crate::shard) shared: SharedChange,
    /// How large the group was, its help texts included, and how large it will be.
    pub(in crate::shard) group_bytes: [u64; 2],
}

/// Weighs the steps of a push to a group that counts for `before` and has `held`.
pub(in crate::shard) fn weigh(
    families: &Families,
    before: Usage,
    held: &[Held],
    steps: &[Step],
    batch: &Batch,
) -> Weighed {
    let (mut gone, mut come) = (Total::default(), Total::default());
    let mut shared = SharedChange::default();
    for step in steps {
        if let Step::Remove { held: at } | Step::Replace { held: at, .. } = *step {
            gone.add_held(&held[at]);
        }
        if let Step::Insert { family } | Step::Replace { family, .. } = *step {
            come.add_new(batch, &batch.families[family]);
        }
        share(families, held, *step, batch, &mut shared);
    }
    let help_bytes: u64 = held.iter().map(|held| help(held).len() as u64).sum();
    let usage = Usage {
        groups: before.groups,
        series: before.series + come.series - gone.series,
        bytes: before.bytes + come.bytes - gone.bytes,
    };
    let will_be = usage.bytes + help_bytes + come.help_bytes - gone.help_bytes;
    Weighed { usage, shared, group_bytes: [before.bytes + help_bytes, will_be] }
}

/// Adds what comes and goes with a step that groups of the shard share.
pub(super) fn share(
    families: &Families,
    held: &[Held],
    step: Step,
    batch: &Batch,
    shared: &mut SharedChange,
) {
    match step {
        Step::Keep { .. } => {}
        Step::Remove { held: at } => remove(families, &held[at], shared),
        Step::Insert { family } => insert(families, batch, &batch.families[family], shared),
        Step::Replace { held: at, family } => {
            replace(families, &held[at], batch, &batch.families[family], shared);
        }
    }
}

/// What a group counts for what it holds of one family.
pub(in crate::shard) fn of_held(held: &Held) -> u64 {
    of_samples(held.bytes, held.series.len())
}

/// What some families of a group come to.
#[derive(Debug, Default)]
pub(super) struct Total {
    pub(super) series: u64,
    pub(super) bytes: u64,
    pub(super) help_bytes: u64,
}

impl Total {
    pub(super) fn add_held(&mut self, held: &Held) {
        self.series += held.series.len() as u64;
        self.bytes += of_held(held);
        self.help_bytes += help(held).len() as u64;
    }

    pub(super) fn add_new(&mut self, batch: &Batch, new: &BatchFamily) {
        let series = batch.series(new).len();
        self.series += series as u64;
        self.bytes += of_samples(new.bytes(), series);
        self.help_bytes += batch.help(new).len() as u64;
    }
}

pub(super) fn help(held: &Held) -> &str {
    held.help.as_deref().unwrap_or_default()
}

/// What the shard no longer has once a group lets go of a family.
fn remove(families: &Families, held: &Held, shared: &mut SharedChange) {
    let family = &families[held.family];
    if family.holders == 1 {
        shared.removed += of_family(&family.name, family.kind);
    }
    if family.help_holders(help(held)) == 1 {
        shared.removed += of_help(help(held));
    }
}

/// What it has more once a group holds a family.
fn insert(families: &Families, batch: &Batch, new: &BatchFamily, shared: &mut SharedChange) {
    let (name, help) = (batch.name(new), batch.help(new));
    let stored = families.by_name(name);
    if stored.is_none() {
        shared.added += of_family(name, new.kind);
    }
    if stored.is_none_or(|family| family.help_holders(help) == 0) {
        shared.added += of_help(help);
    }
}

/// What changes for it when a group holds a family anew.
fn replace(
    families: &Families,
    held: &Held,
    batch: &Batch,
    new: &BatchFamily,
    shared: &mut SharedChange,
) {
    let family = &families[held.family];
    if family.kind != new.kind {
        shared.removed += of_family(&family.name, family.kind);
        shared.added += of_family(&family.name, new.kind);
    }
    let (old_help, new_help) = (help(held), batch.help(new));
    if old_help != new_help {
        if family.help_holders(old_help) == 1 {
            shared.removed += of_help(old_help);
        }
        if family.help_holders(new_help) == 0 {
            shared.added += of_help(new_help);
        }
    }
}

/// Lets `now` bytes of a group count in place of `before`, whether there is room or not.
pub(super) fn recount(
    group: &mut Group,
    budget: Option<&Arc<Budget>>,
    group_bytes: &mut u64,
    [before, now]: [u64; 2],
) {
    let mut usage = group.charge.usage();
    usage.bytes = usage.bytes + now - before;
    let (owner, shared) = (group.charge.owner(), SharedChange::default());
    let charge = Some(&group.charge);
    let claim = Claim::new(budget, owner.as_ref(), charge, usage, shared, Room::NotNeeded);
    if let Ok(claim) = claim {
        claim.settle(&mut group.charge);
        *group_bytes = *group_bytes + now - before;
    }
}
