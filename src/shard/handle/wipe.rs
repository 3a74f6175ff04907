//! Forgetting everything, on all shards at one moment.

use std::sync::Arc;

use crate::shard::error::Unavailable;
use crate::shard::handle::Shards;
use crate::shard::handle::ask::gather;
use crate::shard::task::message::Message;

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
