//! What a scrape of selected jobs gets: single blocks instead of pages.

use std::sync::Arc;

use crate::shard::groups::families::{Families, PUSH_FAILURE_TIME_ID, PUSH_TIME_ID};
use crate::shard::groups::family::{FamilyId, FamilySnapshot, Shown};
use crate::shard::groups::group::Group;
use crate::shard::pages::page::Page;

/// The blocks of these groups, family by family: of all families, or those of the given names.
pub(in crate::shard) fn snapshot<'a>(
    families: &Families,
    groups: impl Iterator<Item = &'a Group>,
    names: &[String],
) -> Vec<FamilySnapshot> {
    let wanted = families.ids(names);
    let is_wanted = |id: FamilyId| names.is_empty() || wanted.binary_search(&id).is_ok();
    // By the number of the family.
    let mut blocks: Vec<Vec<(Arc<Page>, u32)>> = Vec::new();
    for group in groups {
        let times = [(PUSH_TIME_ID, group.push_time), (PUSH_FAILURE_TIME_ID, group.failure_time)];
        let held = group.families.iter().map(|held| (held.family, held.place));
        for (id, place) in held.chain(times).filter(|(id, _)| is_wanted(*id)) {
            let at = id as usize;
            blocks.resize_with(blocks.len().max(at + 1), Vec::new);
            blocks[at].push(families[id].pages.locate(place));
        }
    }
    let by_family = (0..).zip(blocks).filter(|(_, blocks)| !blocks.is_empty());
    by_family.map(|(id, blocks)| families[id].snapshot_of(id, Shown::Blocks(blocks))).collect()
}
