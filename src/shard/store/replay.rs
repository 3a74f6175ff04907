//! Takes over what another replica has written of a group that is stored.
//!
//! Most records that a follower reads bring new values for the series that the group has. Then the text in the record differs from the
//! stored text in its values only: [`Store::replay_values`] puts the new text in its place, and no series is hashed or looked up.
//! Any other record is restored in full.

use super::Store;
use super::restore::RestoredGroup;
use super::update::touch;
use super::weigh::{help, recount};
use crate::exposition::have_same_lines;
use crate::push::Batch;
use crate::shard::groups::families::Families;
use crate::shard::groups::group::{Group, SaveState};
use crate::shard::groups::role::{Role, SavedRole};

/// A group as another replica has written it. The fingerprints of its series are not made and its samples not counted yet.
#[derive(Debug)]
pub struct UnhashedGroup(RestoredGroup);

impl UnhashedGroup {
    /// A group whose batch may lack both.
    pub(crate) fn new(group: RestoredGroup) -> UnhashedGroup {
        UnhashedGroup(group)
    }

    /// The group, without both.
    pub(crate) fn unhashed(&self) -> &RestoredGroup {
        &self.0
    }

    /// The group with both.
    pub(in crate::shard) fn hashed(self) -> RestoredGroup {
        let UnhashedGroup(mut group) = self;
        group.batch.hash_series();
        group
    }
}

impl Store {
    /// Takes over the values of a group that is stored with the same series. Answers whether it was; if not, nothing has changed.
    pub(in crate::shard) fn replay_values(&mut self, hash: u64, written: &UnhashedGroup) -> bool {
        let RestoredGroup { key, times, batch, pushed, role } = written.unhashed();
        let Store { groups, families, budget, group_bytes, .. } = self;
        let stored = groups.find_mut(hash, |(_, group)| *group.key == *key.text());
        let Some((_, group)) = stored else { return false };
        let is_plain = matches!((&group.role, role), (Role::Plain, SavedRole::Plain))
            && group.has_empty_instance == key.has_empty_instance()
            && times.asked.is_none()
            && group.ruled.as_ref().is_none_or(|ruled| ruled.asked.is_none())
            && group.charge.is_for(None);
        if !is_plain || !differs_in_values_only(families, group, batch) {
            return false;
        }
        let bytes = batch.bytes() as u64;
        if bytes != group.bytes {
            let change = [group.bytes, bytes];
            recount(group, budget.as_ref(), group_bytes, change);
        }
        (group.bytes, group.likeness) = (bytes, None);
        for ((held, new), pushed) in group.families.iter_mut().zip(&batch.families).zip(pushed) {
            families.replace_values(held, batch, new, *pushed);
        }
        group.saving = SaveState::WRITTEN;
        group.created = times.created;
        families.set_pushed(group, times.pushed);
        if group.failed != times.failed {
            families.set_failed(group, times.failed);
        }
        self.govern(true, hash, key, false);
        true
    }
}

fn differs_in_values_only(families: &Families, group: &Group, batch: &Batch) -> bool {
    if group.families.len() != batch.families.len() {
        return false;
    }
    touch(families, group);
    group.families.iter().zip(&batch.families).all(|(held, new)| {
        let family = &families[held.family];
        let block = family.pages.block(held.place);
        family.kind == new.kind
            && *family.name == *batch.name(new)
            && help(held) == batch.help(new)
            && block.native.is_none()
            && !new.has_native()
            && have_same_lines(block.text, batch.text(new))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::exposition::NameRules;
    use crate::push::{GroupingKey, decode};
    use crate::shard::groups::families::{PUSH_FAILURE_TIME_ID, PUSH_TIME_ID};
    use crate::shard::saving::group_snapshot::GroupSnapshot;
    use crate::shard::store::counted::restored;
    use crate::shard::store::plan::Mode;
    use crate::shard::{Index, Timestamp};

    fn store() -> Store {
        Store::new(Arc::new(Index::default()), None)
    }

    fn written(store: &Store, hash: u64) -> RestoredGroup {
        let (_, group) = store.groups.find(hash, |(of, _)| *of == hash).expect("it is stored");
        restored(&GroupSnapshot::stored(group, &store.families))
    }

    fn shown(store: &mut Store) -> Vec<String> {
        let mut texts = Vec::new();
        for (_, group) in &store.groups {
            let Group { created, pushed, failed, samples, bytes, .. } = group;
            let usage = group.charge.usage();
            texts.push(format!("{:?} {samples} {bytes} {usage:?}", [created, pushed, failed]));
            for held in &group.families {
                let family = &store.families[held.family];
                let text = String::from_utf8_lossy(family.pages.block(held.place).text);
                let (pushed, series) = (held.pushed, &held.series);
                texts.push(format!("{} {} {pushed:?} {series:?} {text}", group.key, family.name));
            }
            for (id, place) in
                [(PUSH_TIME_ID, group.push_time), (PUSH_FAILURE_TIME_ID, group.failure_time)]
            {
                let text = store.families[id].pages.block(place).text;
                texts.push(String::from_utf8_lossy(text).into_owned());
            }
        }
        texts.sort_unstable();
        texts
    }

    #[test]
    fn values_that_are_replayed_are_as_if_the_group_had_been_restored() {
        let bodies = [
            ("a 1\n# HELP b Some help.\n# TYPE b counter\nb{x=\"1\"} 1\nb 2\n", false),
            ("a 2.5\n# HELP b Some help.\n# TYPE b counter\nb{x=\"1\"} 1e9\nb NaN\n", true),
            ("a 3\n# HELP b Other help.\n# TYPE b counter\nb{x=\"1\"} 1\nb 2\n", false),
            ("a 3\n# HELP b Other help.\n# TYPE b gauge\nb{x=\"1\"} 1\nb 2\n", false),
            ("a 4\n# HELP b Other help.\n# TYPE b gauge\nb{x=\"1\"} 0\nb 0\n", true),
            ("a 4\n# HELP b Other help.\n# TYPE b gauge\nb{x=\"2\"} 0\nb 0\n", false),
            ("a 4\n", false),
            ("a 5\n", true),
            ("", false),
            ("", true),
        ];
        let key = GroupingKey::parse(b"/j/instance/i", NameRules::Legacy).expect("a valid path");
        let (mut leader, mut quick, mut slow) = (store(), store(), store());
        for (at, (body, is_quick)) in bodies.iter().enumerate() {
            let batch = decode(&key, body.as_bytes(), NameRules::Legacy).expect("a valid push");
            let now = Timestamp::from_nanos(1_000_000_000 * (at as u64 + 1));
            let pushed = leader.push(7, &key, Mode::Replace, &batch, None, now);
            assert_eq!(pushed, Ok(()));
            if at % 2 == 1 {
                leader.fail(7, &key, None, now);
            }
            let group = UnhashedGroup::new(written(&leader, 7));
            assert_eq!(quick.replay_values(7, &group), *is_quick, "{body}");
            if !is_quick {
                assert_eq!(quick.restore(7, 7, &group.hashed()), Ok(()));
            }
            assert_eq!(slow.restore(7, 7, &written(&leader, 7)), Ok(()));
            assert_eq!(shown(&mut quick), shown(&mut slow));
            assert_eq!(quick.group_bytes, slow.group_bytes);
            assert_eq!(quick.families.samples, slow.families.samples);
        }
        let other = GroupingKey::parse(b"/k", NameRules::Legacy).expect("a valid path");
        let group = UnhashedGroup::new(RestoredGroup { key: other, ..written(&leader, 7) });
        assert!(!quick.replay_values(7, &group), "another group");
    }
}
