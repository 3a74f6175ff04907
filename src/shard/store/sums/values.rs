//! A push to a stored source that changes nothing but values, as most pushes do.
//!
//! [`Store::push_values`] looks first whether it is such a push, and changes nothing. Then the source takes it, which checks whether there is room. What is shown of the sum changes last:
//! only the values that differ are written, where they stand.

use std::sync::Arc;

use super::SourcePush;
use crate::aggregate::{Changed, Patches, SourceFamily, Sum, ValuesPush, position};
use crate::exposition::have_same_lines;
use crate::push::Batch;
use crate::rules::PushId;
use crate::shard::budget::Budget;
use crate::shard::budget::claim::Room;
use crate::shard::groups::families::Families;
use crate::shard::groups::group::{Group, Held};
use crate::shard::groups::role::Role;
use crate::shard::store::Store;
use crate::shard::store::weigh::recount;
use crate::shard::timestamp::Timestamp;

impl Store {
    /// Applies a push if it changes nothing but values and nothing is against it. Nothing otherwise, and no answer.
    pub(super) fn push_values(
        &mut self,
        hidden: &mut Store,
        push: &SourcePush<'_>,
        batch: &Batch,
    ) -> Option<()> {
        let SourcePush { hash, key, how, owner, target, now } = *push;
        let hides = target.hides(key);
        let needs_id = target.settings.needs_push_id();
        let id = if needs_id { Some(how.asked.id?) } else { None };
        let is_group = |(_, group): &(u64, Group)| *group.key == *target.sum.text();
        let sum_at = self.groups.find_bucket_index(target.hash, is_group)?;
        let is_source = |(_, group): &(u64, Group)| *group.key == *key.text();
        let source_store = if hides { &*hidden } else { &*self };
        let source_at = source_store.groups.find_bucket_index(hash, is_source)?;
        let mut sum = self.take_sum_at(target.hash, sum_at)?;
        let mut values = std::mem::take(&mut self.sums.values);
        let source_store = if hides { &*hidden } else { &*self };
        let at = (sum_at, source_at);
        let planned = self.plan_values(source_store, push, at, id, batch, &mut sum, &mut values);
        let source = if hides { &mut *hidden } else { &mut *self };
        // What the source rejects is rejected once more behind this, with all that belongs to it.
        let is_taken = planned.is_some()
            && source
                .update(hash, Some(source_at), key, how.mode, batch, owner, Room::Needed, now)
                .is_ok();
        if is_taken {
            if let Some(id) = id
                && let Some((_, group)) = source.groups.get_bucket_mut(source_at)
                && let Role::Source(of) = &mut group.role
            {
                of.ids.remember(id, now.nanos());
            }
            source.accepted(false, hash, key);
            if let Some(expire) = how.asked.expire {
                source.asks(hash, key, expire);
            }
            self.show_values(push, sum_at, &mut sum, &mut values);
            self.sums.left_out += values.left_out;
        }
        self.sums.values = values;
        if let Some((_, group)) = self.groups.get_bucket_mut(sum_at) {
            group.role = Role::Sum(sum);
        }
        if is_taken && needs_id {
            self.count_both(hidden, push); // One more push is remembered.
        }
        is_taken.then_some(())
    }

    /// Finds out what changes. `None` where the push may do more than change values, or something may be against it.
    #[expect(clippy::too_many_arguments, reason = "a push is all of these")]
    fn plan_values(
        &self,
        source_store: &Store,
        push: &SourcePush<'_>,
        (sum_at, source_at): (usize, usize),
        id: Option<PushId>,
        batch: &Batch,
        sum: &mut Sum,
        values: &mut ValuesPush,
    ) -> Option<()> {
        let SourcePush { key, owner, target, now, .. } = *push;
        let (_, source) = source_store.groups.get_bucket(source_at)?;
        let (_, shown) = self.groups.get_bucket(sum_at)?;
        let Role::Source(of) = &source.role else { return None };
        let is_known = of.sum_hash == target.hash
            && of.sum.text() == target.sum.text()
            && source.has_empty_instance == key.has_empty_instance()
            && shown.has_empty_instance == target.sum.has_empty_instance()
            && shown.charge.is_for(owner)
            && source.families.len() == batch.families.len();
        if !is_known || id.is_some_and(|id| of.ids.contains(id, now.nanos())) {
            return None;
        }
        let mut plan = sum.values_of(key.text(), &target.settings, values)?;
        // Then all but the values is the same, and what the source has need not be read.
        let is_alike = source.likeness.is_some() && source.likeness == batch.likeness;
        let mut expected = 0;
        for (held, new) in source.families.iter().zip(&batch.families) {
            let family = &source_store.families[held.family];
            let (name, help) = (batch.name(new), batch.help(new));
            let is_same = || {
                *family.name == *name
                    && family.kind == new.kind
                    && held.help.as_deref().unwrap_or_default() == help
            };
            debug_assert!(!is_alike || is_same());
            if !is_alike && !is_same() {
                return None;
            }
            let name_of = |held: &Held| &*self.families[held.family].name;
            let place = position(&shown.families, name_of, name, expected)?;
            expected = place + 1;
            let of_sum = &shown.families[place];
            let shown = || self.families[of_sum.family].pages.block(of_sum.place).text;
            let before = || family.pages.block(held.place).text;
            debug_assert!(!is_alike || have_same_lines(before(), batch.text(new)));
            let text_before = if is_alike { None } else { Some(before()) };
            let (kind, pushed) = (new.kind, now.nanos());
            let (text, native) = (batch.text(new), batch.native(new));
            let new = SourceFamily { name, kind, help, text, native, pushed };
            if !plan.add(&new, held.pushed.nanos(), text_before, place, shown) {
                return None;
            }
        }
        self.has_room_to_grow(shown, values.growth_max()).then_some(())
    }

    /// Whether a change of a sum changes nothing but values of what is shown, and nothing is against it.
    pub(super) fn can_patch(&self, push: &SourcePush<'_>, sum: &Sum, changed: &Changed) -> bool {
        let SourcePush { owner, target, .. } = *push;
        self.group(target.hash, &target.sum).is_some_and(|shown| {
            shown.has_empty_instance == target.sum.has_empty_instance()
                && shown.charge.is_for(owner)
                && sum.changes_values_alone(changed)
                && self.has_room_to_grow(shown, sum.growth_max(changed))
        })
    }

    /// Shows such a change.
    pub(super) fn patch_sum(&mut self, push: &SourcePush<'_>, sum: &mut Sum, changed: &Changed) {
        let SourcePush { target, now, .. } = *push;
        let Store { groups, families, group_bytes, budget, .. } = self;
        let is_sum = |(_, group): &(u64, Group)| *group.key == *target.sum.text();
        let Some((_, group)) = groups.find_mut(target.hash, is_sum) else { return };
        let (mut expected, mut grown) = (0, 0);
        for name in Sum::changed_names(changed) {
            let name_of = |held: &Held| &*families[held.family].name;
            let Some(at) = position(&group.families, name_of, name, expected) else { continue };
            expected = at + 1;
            let of_sum = &group.families[at];
            let text = families[of_sum.family].pages.block(of_sum.place).text;
            let patches = sum.patch(changed, name, text);
            grown += patch(families, group, at, &patches, now);
        }
        families.set_pushed(group, now);
        count_grown(group, grown, budget.as_ref(), group_bytes);
    }

    /// Whether a sum may grow by so many bytes and is no larger then than a group may become.
    fn has_room_to_grow(&self, shown: &Group, bytes: u64) -> bool {
        let bytes = shown.charge.usage().bytes + bytes;
        let help = |held: &Held| held.help.as_ref().map_or(0, |help| help.len() as u64);
        // Help texts are short. They are looked at only if they may matter.
        bytes <= self.group_bytes_max / 2
            || bytes + shown.families.iter().map(help).sum::<u64>() <= self.group_bytes_max
    }

    /// Changes the sum and what is shown of it.
    fn show_values(
        &mut self,
        push: &SourcePush<'_>,
        sum_at: usize,
        sum: &mut Sum,
        values: &mut ValuesPush,
    ) {
        let Store { groups, families, group_bytes, budget, .. } = self;
        let Some((_, group)) = groups.get_bucket_mut(sum_at) else { return };
        let mut grown = 0;
        for number in 0..values.families() {
            let at = values.shown_at(number);
            let of_sum = &group.families[at];
            let text = families[of_sum.family].pages.block(of_sum.place).text;
            let patches = sum.change_values(values, number, text, push.now.nanos());
            grown += patch(families, group, at, patches, push.now);
        }
        families.set_pushed(group, push.now);
        count_grown(group, grown, budget.as_ref(), group_bytes);
    }
}

/// Changes values of what a sum shows of a family. Answers by how many bytes that grows.
fn patch(
    families: &mut Families,
    group: &mut Group,
    at: usize,
    patches: &Patches,
    now: Timestamp,
) -> i64 {
    let held = &mut group.families[at];
    held.pushed = now;
    if !patches.is_empty() {
        families.patch(held, patches);
    }
    patches.growth()
}

/// Lets what a sum has grown by count.
fn count_grown(group: &mut Group, grown: i64, budget: Option<&Arc<Budget>>, group_bytes: &mut u64) {
    if grown != 0 {
        let before = group.bytes;
        group.bytes = before.saturating_add_signed(grown);
        recount(group, budget, group_bytes, [before, group.bytes]);
    }
}
