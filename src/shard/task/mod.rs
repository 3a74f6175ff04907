//! The task that owns a shard's store.

pub(super) mod cut;
pub(super) mod lanes;
pub(super) mod waiter;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Notify, oneshot};

use crate::push::{Batch, GroupingKey, Refusal};
use crate::shard::budget::Budget;
use crate::shard::groups::group::Timestamp;
use crate::shard::handle::RestoreError;
use crate::shard::saving::dirty_groups::Changes;
use crate::shard::saving::group_snapshot::{RestoredGroup, WriteImage};
use crate::shard::store::Store;
use crate::shard::store::place::Placing;
use crate::shard::store::plan::Mode;
use crate::shard::store::snapshot::{HomedPage, Selection, Snapshot};
use crate::shard::store::views::{GroupRef, GroupSummary, GroupView};
use crate::shard::store::wipe::Remains;
use crate::shard::task::cut::Cut;
use crate::shard::task::lanes::Mailbox;
use crate::shard::task::waiter::{PushError, Unavailable, Waiter};

/// How many messages a shard handles before it lets other tasks of its thread run.
const MESSAGES_BEFORE_YIELD: usize = 64;

/// How groups are written down.
#[derive(Debug, Clone)]
pub struct Saving {
    /// Writes one.
    pub write: WriteImage,
    /// Rung when somebody begins to wait for the next checkpoint; `None` when requests are answered as
    /// soon as they have been applied.
    pub awaited: Option<Arc<Notify>>,
}

/// What a shard can be asked.
#[derive(Debug)]
pub(in crate::shard) enum Message {
    /// Apply a push. Without a reply, nobody waits and a refusal is logged here.
    Push {
        hash: u64,
        key: GroupingKey,
        mode: Mode,
        batch: Batch,
        owner: Option<Arc<Budget>>,
        reply: Option<oneshot::Sender<Result<(), PushError>>>,
    },
    /// Put a group in its place. In a box: a push does not carry the room for it.
    Place(Box<Placing>),
    /// Say whether a push would be applied.
    Check {
        hash: u64,
        key: GroupingKey,
        mode: Mode,
        batch: Batch,
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Note a push that was refused before it came here.
    Fail { hash: u64, key: GroupingKey, owner: Option<Arc<Budget>>, reply: oneshot::Sender<()> },
    /// Forget a group.
    Delete { hash: u64, key: GroupingKey, reply: oneshot::Sender<Result<(), Unavailable>> },
    /// Forget those of these groups that are there, and say how many they were.
    DeleteListed { groups: Vec<GroupRef>, reply: oneshot::Sender<Result<u64, Unavailable>> },
    /// Forget all groups, at the same moment as all others.
    Wipe { cut: Cut, reply: oneshot::Sender<Result<Remains, Unavailable>> },
    /// Answer once all that has been applied is on disk, where that was promised.
    Settle { reply: oneshot::Sender<Result<(), Unavailable>> },
    /// Store groups as they once were.
    Restore { groups: Vec<(u64, RestoredGroup)>, reply: oneshot::Sender<Result<(), RestoreError>> },
    /// End the epoch, at the same moment as all others, and hand over some of what has changed in it. Behind the last one
    /// nothing is changed any more.
    Checkpoint {
        cut: Cut,
        is_last: bool,
        bytes_max: usize,
        reply: oneshot::Sender<(Vec<Waiter>, Changes)>,
    },
    /// Hand over more of what was promised then.
    HandOver { bytes_max: usize, reply: oneshot::Sender<Changes> },
    /// Answer a scrape, at the same moment as all others.
    Snapshot { cut: Cut, selection: Arc<Selection>, reply: oneshot::Sender<Snapshot> },
    /// Tell the hashes of all groups, or of those of some jobs, likewise.
    Hashes { cut: Cut, jobs: Arc<Vec<String>>, reply: oneshot::Sender<Vec<u64>> },
    /// Sum up the groups that have these hashes.
    Summaries { hashes: Vec<u64>, reply: oneshot::Sender<Vec<GroupSummary>> },
    /// Show those of these groups that are there, in that order.
    Views { groups: Vec<GroupRef>, reply: oneshot::Sender<Vec<GroupView>> },
    /// Pages have been concatenated.
    Adopt { pages: Vec<HomedPage> },
    /// Say that all that came before has been handled.
    Pass { reply: oneshot::Sender<()> },
    /// Look for commands.
    Knock,
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
    bytes: AtomicU64,
    pushes: AtomicU64,
    dropped: AtomicU64,
    unsaved: AtomicU64,
    unsaved_since: AtomicU64,
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

    /// How many bytes the samples take.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How many pushes it has handled.
    pub fn pushes(&self) -> u64 {
        self.pushes.load(Ordering::Relaxed)
    }

    /// How many pushes it dropped because they were inconsistent, or there was no room for them, and nobody waited for an answer.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// How many of its groups differ from what has been written down.
    pub fn unsaved(&self) -> u64 {
        self.unsaved.load(Ordering::Relaxed)
    }

    /// Since when the first of those does that no checkpoint has promised yet.
    pub fn unsaved_since(&self) -> Timestamp {
        Timestamp::from_nanos(self.unsaved_since.load(Ordering::Relaxed))
    }

    fn publish(&self, store: &Store) {
        let (unsaved, since) = store.unsaved();
        self.unsaved.store(unsaved as u64, Ordering::Relaxed);
        self.unsaved_since.store(since.nanos(), Ordering::Relaxed);
        self.groups.store(store.groups(), Ordering::Relaxed);
        self.series.store(store.series(), Ordering::Relaxed);
        self.samples.store(store.samples(), Ordering::Relaxed);
        self.bytes.store(store.bytes(), Ordering::Relaxed);
    }
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
