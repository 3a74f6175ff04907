//! The task that owns a shard's store.

pub(super) mod cut;
pub(super) mod lanes;
pub(super) mod message;
pub(super) mod stats;
pub(super) mod waiter;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Notify, oneshot};

use crate::push::{Batch, GroupingKey, Refusal};
use crate::shard::budget::Budget;
use crate::shard::error::{PushError, RestoreError, Unavailable};
use crate::shard::saving::changes::Changes;
use crate::shard::saving::group_snapshot::WriteRecord;
use crate::shard::store::Store;
use crate::shard::store::place::Placing;
use crate::shard::store::plan::Mode;
use crate::shard::store::restore::RestoredGroup;
use crate::shard::store::snapshot::{HomedPage, Selection, Snapshot};
use crate::shard::store::views::{GroupRef, GroupSummary, GroupView};
use crate::shard::store::wipe::Remains;
use crate::shard::task::cut::Cut;
use crate::shard::task::lanes::Mailbox;
use crate::shard::task::waiter::Waiter;
use crate::shard::timestamp::Timestamp;

/// How many messages a shard handles before it lets other tasks of its thread run.
const MESSAGES_BEFORE_YIELD: usize = 64;

/// How groups are written down.
#[derive(Debug, Clone)]
pub struct Saving {
    /// Writes one.
    pub write: WriteRecord,
    /// Rung when somebody begins to wait for the next checkpoint; `None` when requests are answered as
    /// soon as they have been applied.
    pub awaited: Option<Arc<Notify>>,
}

/// Answers messages until the last handle is gone. All commands go before a push that has been waited for, and one of
/// them between any two pushes.
pub(in crate::shard) async fn run(
    store: Store,
    awaited: Option<Arc<Notify>>,
    mailbox: Mailbox,
    stats: Arc<ShardStats>,
) {
    let mut shard =
        Shard { store, stats, awaited, waiting: Vec::new(), is_rung: false, is_closed: false };
    loop {
        shard.ends_turn();
        if let Some(command) = mailbox.command() {
            shard.handle(command).await;
            continue;
        }
        let Ok(first) = mailbox.pushes.recv_async().await else { return };
        if matches!(first, Message::Push { .. }) {
            // Connections that are ready send theirs first: one turn for many costs less than many.
            tokio::task::yield_now().await;
        }
        let (mut next, mut handled) = (Some(first), 0);
        while let Some(message) = next {
            if let Some(command) = mailbox.command() {
                shard.handle(command).await;
            }
            shard.handle(message).await;
            handled += 1;
            next =
                if handled < MESSAGES_BEFORE_YIELD { mailbox.pushes.try_recv().ok() } else { None };
        }
    }
}

/// A batch that is larger than this is freed elsewhere.
const FREED_HERE_BYTES_MAX: usize = 1 << 20;

struct Shard {
    store: Store,
    stats: Arc<ShardStats>,
    awaited: Option<Arc<Notify>>,
    /// Whose requests have been applied since the last checkpoint, and are to be on disk before they
    /// are answered.
    waiting: Vec<Waiter>,
    /// Whether the next checkpoint has been asked for on their behalf.
    is_rung: bool,
    /// Whether the last checkpoint has been made: what comes now would be lost.
    is_closed: bool,
}

impl Shard {
    async fn handle(&mut self, message: Message) {
        let message = if self.is_closed { refuse(message) } else { Some(message) };
        let Some(message) = message else { return };
        let Shard { store, stats, .. } = self;
        match message {
            Message::Push { hash, key, mode, batch, owner, reply } => {
                let result = store.push(hash, &key, mode, &batch, owner.as_ref(), Timestamp::now());
                stats.pushes.fetch_add(1, Ordering::Relaxed);
                if batch.memory_bytes() > FREED_HERE_BYTES_MAX {
                    // Giving it back to the kernel takes time, for which nobody need wait.
                    drop(tokio::task::spawn_blocking(move || drop(batch)));
                }
                match (reply, result) {
                    (Some(reply), Ok(())) => self.applied(Waiter::Push(reply)),
                    (Some(reply), Err(error)) => answer(reply, Err(error)),
                    (None, Ok(())) => {}
                    (None, Err(error)) => {
                        stats.dropped.fetch_add(1, Ordering::Relaxed);
                        let (job, group) = (key.job(), key.text());
                        tracing::warn!(job, group, err = %error, "push dropped");
                    }
                }
            }
            Message::Place(placing) => {
                let Placing { hash, key, batch, owner, placement, reply } = *placing;
                match store.place(hash, &key, &batch, owner.as_ref(), placement) {
                    Ok(()) => self.applied(Waiter::Push(reply)),
                    Err(error) => answer(reply, Err(error)),
                }
            }
            Message::Check { hash, key, mode, batch, reply } => {
                answer(reply, store.check(hash, &key, mode, &batch));
            }
            Message::Fail { hash, key, owner, reply } => {
                store.fail(hash, &key, owner.as_ref(), Timestamp::now());
                answer(reply, ());
            }
            Message::Delete { hash, key, reply } => {
                store.delete(hash, &key);
                self.applied(Waiter::Other(reply));
            }
            Message::DeleteListed { groups, reply } => {
                answer(reply, Ok(store.delete_listed(&groups)));
            }
            Message::Wipe { mut cut, reply } => {
                // From one meeting to the other nobody comes to the index but the one that clears it.
                let Some(is_elected) = cut.elect().await else { return };
                let remains = store.wipe();
                let remains = if is_elected { remains.and(store.index.clear()) } else { remains };
                if cut.meet().await {
                    answer(reply, Ok(remains));
                }
            }
            Message::Settle { reply } => self.applied(Waiter::Other(reply)),
            Message::Restore { groups, reply } => answer(reply, restore(store, &groups)),
            Message::Checkpoint { mut cut, is_last, bytes_max, reply } => {
                if cut.meet().await {
                    self.is_closed = is_last;
                    self.is_rung = false;
                    store.checkpoint();
                    let changes = store.hand_over(bytes_max);
                    answer(reply, (std::mem::take(&mut self.waiting), changes));
                }
            }
            Message::HandOver { bytes_max, reply } => answer(reply, store.hand_over(bytes_max)),
            Message::Snapshot { mut cut, selection, reply } => {
                if cut.meet().await {
                    answer(reply, store.snapshot(&selection));
                }
            }
            Message::Hashes { mut cut, jobs, reply } => {
                if cut.meet().await {
                    answer(reply, store.hashes(&jobs));
                }
            }
            Message::Summaries { hashes, reply } => answer(reply, store.summaries(&hashes)),
            Message::Views { groups, reply } => answer(reply, store.views(&groups)),
            Message::Adopt { pages } => {
                pages.iter().for_each(|page| store.adopt(page));
            }
            Message::Pass { reply } => answer(reply, ()),
            Message::Knock => {}
            #[cfg(test)]
            Message::Panic => panic!("asked to"),
        }
    }

    /// Answers whoever sent what has just been applied: at once, or once it is on disk.
    fn applied(&mut self, waiter: Waiter) {
        match &self.awaited {
            None => waiter.answer(Ok(())),
            Some(_) => self.waiting.push(waiter),
        }
    }

    /// Tells what has been done in this turn, and asks for a checkpoint if anybody waits for it: not before the end, since a
    /// checkpoint overtakes the pushes that are queued.
    fn ends_turn(&mut self) {
        self.stats.publish(&self.store);
        if let Some(awaited) = &self.awaited
            && !self.is_rung
            && !self.waiting.is_empty()
        {
            awaited.notify_one();
            self.is_rung = true;
        }
    }
}

/// Refuses what would change something after the last checkpoint, which would be lost; gives back anything else. A push
/// that nobody waits for is not lost unnoticed: who hands it over then answers that the gateway is stopping.
fn refuse(message: Message) -> Option<Message> {
    const STOPPING: Unavailable = Unavailable::Stopping;
    match message {
        Message::Push { reply, .. } => {
            if let Some(reply) = reply {
                answer(reply, Err(STOPPING.into()));
            }
        }
        Message::Place(placing) => answer(placing.reply, Err(STOPPING.into())),
        Message::Fail { reply, .. } => answer(reply, ()), // It was refused anyway.
        Message::Delete { reply, .. } => answer(reply, Err(STOPPING)),
        Message::DeleteListed { reply, .. } => answer(reply, Err(STOPPING)),
        Message::Wipe { reply, .. } => answer(reply, Err(STOPPING)),
        // What it asks about came before, and nobody is going to say whether that got to the disk.
        Message::Settle { reply } => answer(reply, Err(Unavailable::InDoubt)),
        other => return Some(other),
    }
    None
}

fn restore(store: &mut Store, groups: &[(u64, RestoredGroup)]) -> Result<(), RestoreError> {
    for (hash, group) in groups {
        let restored = store.restore(*hash, group);
        restored.map_err(|refusal| RestoreError::Refused(group.key.text().to_owned(), refusal))?;
    }
    Ok(())
}

/// Sends an answer. That nobody waits for it any more is no concern of the shard.
fn answer<T>(reply: oneshot::Sender<T>, answer: T) {
    let _unheard = reply.send(answer);
}
