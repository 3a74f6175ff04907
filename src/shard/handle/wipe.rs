//! Forgets all groups of all shards at one moment.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::shard::error::Unavailable;
use crate::shard::handle::Shards;
use crate::shard::handle::ask::gather;
use crate::shard::task::message::Message;

/// How many groups that are gone a shard notes before it goes on with pushes.
const GONE_AT_A_TIME: usize = 512;

impl Shards {
    /// Forgets all groups, at one moment. Waits for what they leave to be dropped: the room they took is there
    /// again only then. There is never more of that than one wipe leaves.
    ///
    /// # Errors
    /// When a shard is dead, or it is not known in time that it is on disk.
    pub async fn wipe(&self) -> Result<(), Unavailable> {
        let shards = self.clone();
        // This goes on even if the client has left: the shards would have to drop themselves what they cannot give away.
        let wiping = tokio::spawn(async move {
            let turn = Arc::clone(&shards.shared.wiping).lock_owned().await;
            // No group is pending meanwhile, and no checkpoint is made before the shards know which groups are gone.
            let epoch = shards.shared.epoch.lock().await;
            shards.pass().await?;
            let remains = shards.ask_all(|cut, reply| Message::Wipe { cut, reply }).await?;
            let remains = gather(remains).await?.into_iter().collect::<Result<Vec<_>, _>>()?;
            for (shard, remains) in remains.iter().enumerate() {
                let mut gone = remains.gone().peekable();
                while gone.peek().is_some() {
                    let groups = gone.by_ref().take(GONE_AT_A_TIME).collect();
                    let (reply, answer) = oneshot::channel();
                    let message = Message::NoteGone { groups, reply };
                    shards.shared.lanes[shard].command(message).await?;
                    answer.await.map_err(|_| Unavailable::Dead)?;
                }
            }
            drop(epoch);
            let dropping = tokio::task::spawn_blocking(move || drop(remains));
            dropping.await.map_err(|_| Unavailable::Dead)?;
            drop(turn);
            shards.settle().await
        });
        wiping.await.map_err(|_| Unavailable::Dead)?
    }
}
