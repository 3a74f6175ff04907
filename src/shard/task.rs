//! The task that owns a shard's store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::oneshot;

use super::cut::Cut;
use super::group::{GroupView, Timestamp};
use super::plan::Mode;
use super::snapshot::{HomedPage, Selection, Snapshot};
use super::store::Store;
use crate::push::{Batch, GroupingKey, Refusal};

/// How many messages a shard handles before it lets other tasks of its thread run.
const MESSAGES_BEFORE_YIELD: usize = 64;

/// What a shard can be asked.
#[derive(Debug)]
pub(super) enum Message {
    /// Apply a push. Without a reply, nobody waits and a refusal is logged here.
    Push {
        hash: u64,
        key: GroupingKey,
        mode: Mode,
        batch: Batch,
        reply: Option<oneshot::Sender<Result<(), Refusal>>>,
    },
    /// Note a push that was refused before it came here.
    Fail { hash: u64, key: GroupingKey, reply: oneshot::Sender<()> },
    /// Forget a group.
    Delete { hash: u64, key: GroupingKey, reply: oneshot::Sender<()> },
    /// Forget all groups.
    Wipe { reply: oneshot::Sender<()> },
    /// Answer a scrape, at the same moment as all others.
    Snapshot { cut: Cut, selection: Arc<Selection>, reply: oneshot::Sender<Snapshot> },
    /// Answer the query API, likewise.
    View { cut: Cut, reply: oneshot::Sender<Vec<GroupView>> },
    /// Pages have been concatenated.
    Adopt { pages: Vec<HomedPage> },
    /// Die.
    #[cfg(test)]
    Panic,
}

/// What a shard tells about itself; read by anyone, at any time.
#[derive(Debug, Default)]
pub struct ShardStats {
    groups: AtomicU64,
    series: AtomicU64,
    samples: AtomicU64,
    pushes: AtomicU64,
    dropped: AtomicU64,
}

impl ShardStats {
    /// How many groups it holds.
    pub fn groups(&self) -> u64 {
        self.groups.load(Ordering::Relaxed)
    }

    /// How many series its groups hold.
    pub fn series(&self) -> u64 {
        self.series.load(Ordering::Relaxed)
    }

    /// How many lines a scrape of its groups has.
    pub fn samples(&self) -> u64 {
        self.samples.load(Ordering::Relaxed)
    }

    /// How many pushes it has handled.
    pub fn pushes(&self) -> u64 {
        self.pushes.load(Ordering::Relaxed)
    }

    /// How many pushes it dropped because they were inconsistent and nobody waited for an answer.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn publish(&self, store: &Store) {
        self.groups.store(store.groups(), Ordering::Relaxed);
        self.series.store(store.series(), Ordering::Relaxed);
        self.samples.store(store.samples(), Ordering::Relaxed);
    }
}

/// Answers messages until the last handle is gone.
pub(super) async fn run(
    mut store: Store,
    messages: flume::Receiver<Message>,
    stats: Arc<ShardStats>,
) {
    while let Ok(first) = messages.recv_async().await {
        // Connections that are ready send their pushes first: one turn for many costs less than many.
        tokio::task::yield_now().await;
        handle(&mut store, first, &stats).await;
        let mut handled = 1;
        while handled < MESSAGES_BEFORE_YIELD
            && let Ok(message) = messages.try_recv()
        {
            handle(&mut store, message, &stats).await;
            handled += 1;
        }
        stats.publish(&store);
    }
}

async fn handle(store: &mut Store, message: Message, stats: &ShardStats) {
    match message {
        Message::Push { hash, key, mode, batch, reply } => {
            let result = store.push(hash, &key, mode, &batch, Timestamp::now());
            stats.pushes.fetch_add(1, Ordering::Relaxed);
            match (reply, result) {
                (Some(reply), result) => answer(reply, result),
                (None, Ok(())) => {}
                (None, Err(refusal)) => {
                    stats.dropped.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(group = key.text(), err = %refusal, "inconsistent push dropped");
                }
            }
        }
        Message::Fail { hash, key, reply } => {
            store.fail(hash, &key, Timestamp::now());
            answer(reply, ());
        }
        Message::Delete { hash, key, reply } => {
            store.delete(hash, &key);
            answer(reply, ());
        }
        Message::Wipe { reply } => {
            store.wipe();
            answer(reply, ());
        }
        Message::Snapshot { cut, selection, reply } => {
            if cut.meet().await {
                answer(reply, store.snapshot(&selection));
            }
        }
        Message::View { cut, reply } => {
            if cut.meet().await {
                answer(reply, store.view());
            }
        }
        Message::Adopt { pages } => {
            pages.iter().for_each(|page| store.adopt(page));
        }
        #[cfg(test)]
        Message::Panic => panic!("asked to"),
    }
}

/// Sends an answer. That nobody waits for it any more is no concern of the shard.
fn answer<T>(reply: oneshot::Sender<T>, answer: T) {
    let _unheard = reply.send(answer);
}
