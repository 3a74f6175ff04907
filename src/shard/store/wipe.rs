//! Forgetting everything at once, whatever it is: what was stored is set aside and dropped elsewhere.

use std::sync::Arc;

use hashbrown::HashTable;

use crate::shard::groups::families::Families;
use crate::shard::groups::group::Group;
use crate::shard::groups::jobs::Jobs;
use crate::shard::handle::{Shards, gather};
use crate::shard::index::Cleared;
use crate::shard::store::Store;
use crate::shard::task::Message;
use crate::shard::task::waiter::Unavailable;

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
        if let Some(unsaved) = &mut self.unsaved {
            for (hash, group) in &mut groups {
                unsaved.goes(*hash, group, &mut self.families);
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

impl Shards {
    /// Forgets all groups, at one moment. Waits for what they leave to be dropped: the room they took is there
    /// again only then. There is never more of that than one wipe leaves.
    ///
    /// # Errors
    /// When a shard is dead, or it is not known in time that it is on disk.
    pub async fn wipe(&self) -> Result<(), Unavailable> {
        let shards = self.clone();
        // Even if nobody waits any more: what the shards cannot give away they would drop themselves.
        let wiping = tokio::spawn(async move {
            let turn = Arc::clone(&shards.shared.wiping).lock_owned().await;
            shards.pass().await?;
            let remains = shards.ask_all(|cut, reply| Message::Wipe { cut, reply }).await?;
            let remains = gather(remains).await?.into_iter().collect::<Result<Vec<_>, _>>()?;
            let dropping = tokio::task::spawn_blocking(move || drop(remains));
            dropping.await.map_err(|_| Unavailable::Dead)?;
            drop(turn);
            shards.settle().await
        });
        wiping.await.map_err(|_| Unavailable::Dead)?
    }
}
