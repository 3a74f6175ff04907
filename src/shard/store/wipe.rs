//! Forgetting everything at once, whatever it is: what was stored is set aside and dropped elsewhere.

use std::sync::Arc;

use hashbrown::HashTable;

use crate::shard::error::Unavailable;
use crate::shard::groups::families::Families;
use crate::shard::groups::group::Group;
use crate::shard::groups::jobs::Jobs;
use crate::shard::handle::Shards;
use crate::shard::handle::ask::gather;
use crate::shard::index::Cleared;
use crate::shard::store::Store;
use crate::shard::task::message::Message;

/// What a store or the index held. To drop it takes time in proportion to that.
#[derive(Debug)]
pub struct Remains {
    _groups: HashTable<(u64, Group)>,
    _jobs: Jobs,
    _families: Families,
    _index: Option<Cleared>,
}

impl Remains {
    /// Together with those of the index.
    pub(in crate::shard) fn and(self, index: Cleared) -> Remains {
        Remains { _index: Some(index), ..self }
    }
}

impl Store {
    /// Forgets all groups, in one step unless they are to be written down: then one by one it notes that
    /// they are gone. The index is as before: who wipes all stores that share it has to clear it.
    pub fn wipe(&mut self) -> Remains {
        let mut groups = std::mem::take(&mut self.groups);
        if let Some(dirty) = &mut self.dirty {
            for (hash, group) in &mut groups {
                dirty.goes(*hash, group, &mut self.families);
            }
        }
        self.group_bytes = 0;
        let families = Families::new(self.budget.clone());
        Remains {
            _groups: groups,
            _jobs: std::mem::take(&mut self.jobs),
            _families: std::mem::replace(&mut self.families, families),
            _index: None,
        }
    }
}
