//! Forgets all groups of a store in one step. What was stored is set aside, and another thread frees it.

use std::sync::Arc;

use hashbrown::HashTable;

use crate::shard::groups::families::Families;
use crate::shard::groups::group::Group;
use crate::shard::groups::jobs::Jobs;
use crate::shard::index::Cleared;
use crate::shard::saving::dirty_groups::{DirtyGroups, Gone};
use crate::shard::store::Store;
use crate::shard::store::sums::Sums;

/// What a store or the index held before a wipe. To drop it takes time in proportion to its size.
#[derive(Debug)]
pub struct Remains {
    groups: HashTable<(u64, Group)>,
    _jobs: Jobs,
    _families: Families,
    _index: Option<Cleared>,
    /// Whether the shard keeps track of dirty groups, and must be told which groups are gone.
    is_saved: bool,
    /// The sources that were not shown.
    hidden: Option<Box<Remains>>,
}

impl Remains {
    /// Together with those of the index.
    pub(in crate::shard) fn and(self, index: Cleared) -> Remains {
        Remains { _index: Some(index), ..self }
    }

    /// The groups of which the shard must be told that they are gone.
    pub(in crate::shard) fn gone(&self) -> impl Iterator<Item = Gone> {
        let hidden = self.hidden.iter().flat_map(|hidden| hidden.groups.iter());
        let groups = self.groups.iter().chain(hidden).filter(|_| self.is_saved);
        groups.map(|(hash, group)| Gone::new(*hash, group))
    }
}

impl Store {
    /// Forgets all groups in one step. Whoever wipes all stores that share an index has to clear the index, and to say
    /// before the next checkpoint which groups are gone.
    pub fn wipe(&mut self) -> Remains {
        let mut groups = std::mem::take(&mut self.groups);
        if let Some(dirty) = &mut self.dirty {
            dirty.keep_pending(groups.iter_mut().map(|(_, group)| group), &mut self.families);
        }
        self.ruling.forget_all();
        self.group_bytes = 0;
        let Sums { left_out, natives_left_out, .. } = self.sums;
        self.sums = Sums { left_out, natives_left_out, ..Sums::default() };
        let hidden = self.hidden.as_mut().map(|hidden| {
            let remains = hidden.wipe();
            hidden.index = Arc::default(); // No other store shares it.
            Box::new(remains)
        });
        let mut families = Families::new(self.budget.clone());
        families.hides_times = self.families.hides_times;
        Remains {
            groups,
            _jobs: std::mem::take(&mut self.jobs),
            _families: std::mem::replace(&mut self.families, families),
            _index: None,
            is_saved: self.dirty.is_some(),
            hidden,
        }
    }

    /// Forgets all groups in one step, and what was to be written down of them: another replica says what there is.
    pub(in crate::shard) fn reset(&mut self) -> Remains {
        if let Some(dirty) = &mut self.dirty {
            dirty.forget_all();
        }
        Remains { is_saved: false, ..self.wipe() }
    }

    /// Notes that a wipe has taken some groups.
    pub fn note_gone(&mut self, groups: &[Gone]) {
        let Store { groups: stored, dirty, hidden, .. } = self;
        for gone in groups {
            if let Some(hidden) = hidden.as_mut().filter(|_| gone.is_hidden) {
                note_gone(&hidden.groups, &mut hidden.dirty, gone);
                continue;
            }
            note_gone(stored, dirty, gone);
        }
    }
}

fn note_gone(groups: &HashTable<(u64, Group)>, dirty: &mut Option<DirtyGroups>, gone: &Gone) {
    let is_back = groups.find(gone.hash, |(_, group)| group.key == gone.key).is_some();
    if let Some(dirty) = dirty {
        dirty.gone(gone, is_back);
    }
}
