//! What a scrape takes from all shards at one moment, and what it leaves with them.

use std::sync::Arc;

use super::Shards;
use super::ask::gather;
use crate::shard::error::Unavailable;
use crate::shard::store::snapshot::{HomedPage, Selection, Snapshot};
use crate::shard::task::message::Message;

impl Shards {
    /// What all shards expose of a selection, at one moment.
    ///
    /// # Errors
    /// When a shard is dead: without its groups, a scrape would look as if they were gone.
    pub async fn snapshot(&self, selection: Selection) -> Result<Vec<Snapshot>, Unavailable> {
        self.pass().await?;
        let selection = Arc::new(selection);
        let ask = move |cut, reply| {
            let selection = Arc::clone(&selection);
            Message::Snapshot { cut, selection, reply }
        };
        gather(self.ask_all(ask).await?).await
    }

    /// Tells the shards, without waiting, that these pages have been concatenated. The shards drop the bytes that are there
    /// twice, all in one turn, so the caller sends a few pages at a time.
    pub fn adopt(&self, pages: Vec<HomedPage>) {
        let shards = self.clone();
        tokio::spawn(async move {
            for pages in pages.chunk_by(|one, other| one.shard == other.shard) {
                let queue = &shards.shared.lanes[pages[0].shard].pushes;
                if queue.send_async(Message::Adopt { pages: pages.to_vec() }).await.is_err() {
                    return;
                }
            }
        });
    }
}
