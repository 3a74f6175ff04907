//! Forgets all groups of a store in one step. What was stored is set aside, and another thread frees it.

use hashbrown::HashTable;

use crate::shard::groups::families::Families;
use crate::shard::groups::group::Group;
use crate::shard::groups::jobs::Jobs;
use crate::shard::index::Cleared;
use crate::shard::saving::dirty_groups::Gone;
use crate::shard::store::Store;

/// What a store or the index held before a wipe. To drop it takes time in proportion to its size.
#[derive(Debug)]
pub struct Remains {
    groups: HashTable<(u64, Group)>,
    _jobs: Jobs,
    _families: Families,
    _index: Option<Cleared>,
    /// Whether the shard keeps track of dirty groups, and must be told which groups are gone.
    is_saved: bool,
}

impl Remains {
    /// Together with those of the index.
    pub(in crate::shard) fn and(self, index: Cleared) -> Remains {
        Remains { _index: Some(index), ..self }
    }

    /// The groups of which the shard must be told that they are gone.
    pub(in crate::shard) fn gone(&self) -> impl Iterator<Item = Gone> {
        let groups = self.groups.iter().filter(|_| self.is_saved);
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
        let families = Families::new(self.budget.clone());
        Remains {
            groups,
            _jobs: std::mem::take(&mut self.jobs),
            _families: std::mem::replace(&mut self.families, families),
            _index: None,
            is_saved: self.dirty.is_some(),
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
        let Store { groups: stored, dirty, .. } = self;
        for gone in groups {
            let is_back = stored.find(gone.hash, |(_, group)| group.key == gone.key).is_some();
            if let Some(dirty) = dirty {
                dirty.gone(gone, is_back);
            }
        }
    }
}
