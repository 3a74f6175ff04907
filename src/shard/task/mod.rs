//! The task of a shard, which handles its messages.
//!
//! Start with `run`, which takes messages from the two `lanes`. A push that finds the task asleep is applied without it: see `turn`. A message that all shards must handle at one moment carries a
//! `cut`, where the shards meet. `slices` makes changes of large groups, with pushes to other groups between them.

pub(super) mod cut;
pub(super) mod lanes;
pub(super) mod message;
pub(super) mod replay;
pub(super) mod run;
mod slices;
pub(super) mod stats;
pub(super) mod turn;
pub(super) mod waiter;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{Notify, RwLock, oneshot};

use self::message::{Message, Placing};
use self::slices::Large;
use self::stats::ShardStats;
use self::waiter::Waiter;
use crate::push::GroupingKey;
use crate::shard::error::{PushError, RestoreError, Unavailable};
use crate::shard::saving::group_snapshot::WriteRecord;
use crate::shard::store::Store;
use crate::shard::store::expire::Looked;
use crate::shard::store::large::LargeChange;
use crate::shard::store::plan::How;
use crate::shard::store::restore::RestoredGroup;
use crate::shard::timestamp::Timestamp;

/// How many messages a shard handles before it lets other tasks of its thread run.
const MESSAGES_BEFORE_YIELD: usize = 64;
/// How many groups a shard tells at a time that are to be elsewhere.
const MOVED_AT_A_TIME: usize = 64;

/// How the groups of the shards reach the disk.
#[derive(Debug, Clone)]
pub struct Saving {
    /// Writes the record of a group.
    pub write: WriteRecord,
    /// Rung when a client begins to wait for the next checkpoint. `None` when the shards answer as soon as a request has been
    /// applied.
    pub awaited: Option<Arc<Notify>>,
}

/// Who applies a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Task,
    /// The thread that has decoded it: see `turn`.
    Sender,
}

/// A shard: its groups, and what its requests wait for.
pub(in crate::shard) struct Shard {
    store: Store,
    stats: Arc<ShardStats>,
    awaited: Option<Arc<Notify>>,
    /// The clients whose requests have been applied since the last checkpoint, and must be on disk before the answer.
    waiting: Vec<Waiter>,
    /// Whether the next checkpoint has been asked for.
    is_rung: bool,
    /// Why changes are rejected, if they are: after the last checkpoint, or while another replica leads. A change would be
    /// lost.
    closed: Option<Unavailable>,
    /// Locked for writing while all shards are asked for a cut, and for reading while a shard changes a large group.
    cut_order: Arc<RwLock<()>>,
    /// Changes to be made in slices, one after the other.
    large: VecDeque<Large>,
    /// Pushes to the groups of these changes, in their order. Each waits for the changes of its own group.
    kept_back: VecDeque<Message>,
    /// A message that waits for the end of all these changes, as everything behind it does.
    next: Option<Message>,
    /// Whether there was a panic, which may have left anything half changed.
    is_broken: bool,
}

impl Shard {
    pub(in crate::shard) fn new(
        store: Store,
        awaited: Option<Arc<Notify>>,
        stats: Arc<ShardStats>,
        cut_order: Arc<RwLock<()>>,
    ) -> Shard {
        Shard {
            store,
            stats,
            awaited,
            cut_order,
            waiting: Vec::new(),
            is_rung: false,
            closed: None,
            large: VecDeque::new(),
            kept_back: VecDeque::new(),
            next: None,
            is_broken: false,
        }
    }

    async fn handle(&mut self, message: Message) {
        let message = match self.closed {
            Some(reason) => refuse(message, reason),
            None => Some(message),
        };
        let Some(message) = message else { return };
        let store = &mut self.store;
        match message {
            Message::Wipe { mut cut, reply } => {
                // Between the two meetings only the elected shard touches the index.
                let Some(is_elected) = cut.elect().await else { return };
                let remains = store.wipe();
                let remains = if is_elected { remains.and(store.index.clear()) } else { remains };
                if cut.meet().await {
                    answer(reply, Ok(remains));
                }
            }
            Message::Checkpoint { mut cut, is_last, bytes_max, reply } => {
                if cut.meet().await {
                    if is_last {
                        self.closed = Some(Unavailable::Stopping);
                    }
                    self.is_rung = false;
                    store.checkpoint();
                    let changes = store.hand_over(bytes_max);
                    answer(reply, (std::mem::take(&mut self.waiting), changes));
                }
            }
            Message::Snapshot { mut cut, selection, reply } => {
                if cut.meet().await {
                    answer(reply, store.snapshot(&selection));
                }
            }
            Message::Replay { mut cut, replay, reply } => {
                if cut.meet().await
                    && let Some(replayed) = replay::replay(store, *replay, &mut cut).await
                {
                    answer(reply, replayed);
                }
            }
            Message::Reset { mut cut, reply } => {
                let Some(is_elected) = cut.elect().await else { return };
                let remains = store.reset();
                let remains = if is_elected { remains.and(store.index.clear()) } else { remains };
                self.closed = Some(Unavailable::NotLeading);
                self.is_rung = false;
                let waiting = std::mem::take(&mut self.waiting);
                waiting.into_iter().for_each(|waiter| waiter.answer(Err(Unavailable::InDoubt)));
                if cut.meet().await {
                    answer(reply, remains);
                }
            }
            Message::Hashes { mut cut, jobs, reply } => {
                if cut.meet().await {
                    answer(reply, store.hashes(&jobs));
                }
            }
            other => self.handle_alone(other),
        }
    }

    /// Handles a message that concerns no other shard.
    fn handle_alone(&mut self, message: Message) {
        let store = &mut self.store;
        match message {
            push @ Message::Push { .. } => {
                let left = self.push(push, By::Task);
                debug_assert!(left.is_none(), "the task leaves no push to others");
            }
            Message::Place(placing) => {
                let Placing { hash, key, batch, owner, placement, source, reply } = *placing;
                if let Some(target) = source {
                    let owner = owner.as_ref();
                    match store.place_source(hash, &key, batch, owner, &target, placement) {
                        Ok(()) => self.applied(Waiter::Push(reply)),
                        Err(error) => answer(reply, Err(error)),
                    }
                    return;
                }
                if store.find(hash, &key).is_ok_and(|at| store.is_large(at, Some(&batch))) {
                    let change = LargeChange::place(hash, key, batch, owner, placement);
                    self.large.push_back(Large::new(change, Some(Waiter::Push(reply))));
                    return;
                }
                match store.place(hash, &key, &batch, owner.as_ref(), placement) {
                    Ok(()) => self.applied(Waiter::Push(reply)),
                    Err(error) => answer(reply, Err(error)),
                }
            }
            Message::Check { hash, key, how, batch, source: Some(target), reply } => {
                answer(reply, store.check_source(hash, &key, how, batch, &target));
            }
            Message::Check { hash, key, how, batch, source: None, reply } => {
                let found = store.find(hash, &key);
                let merged = found.and_then(|at| store.merged(at, how, batch));
                answer(reply, merged.and_then(|batch| store.check(hash, &key, how.mode, &batch)));
            }
            Message::Fail { hash, key, owner, source, reply } => {
                let (owner, now) = (owner.as_ref(), Timestamp::now());
                match source {
                    Some(target) => store.failed_source(hash, &key, owner, &target, now),
                    None => store.fail(hash, &key, owner, now),
                }
                answer(reply, ());
            }
            Message::Delete { hash, key, reply } => {
                if store.find(hash, &key).is_ok_and(|at| store.is_large(at, None)) {
                    let change = LargeChange::delete(hash, key);
                    self.large.push_back(Large::new(change, Some(Waiter::Other(reply))));
                    return;
                }
                store.delete(hash, &key);
                self.applied(Waiter::Other(reply));
            }
            Message::DeleteListed { groups, reply } => {
                let (large, groups): (Vec<_>, Vec<_>) =
                    groups.into_iter().partition(|group| store.is_listed_large(group));
                let mut large: VecDeque<_> =
                    large.iter().filter_map(|group| store.large_deletion(group)).collect();
                let deleted = store.delete_listed(&groups) + large.len() as u64;
                let Some(last) = large.pop_back() else { return answer(reply, Ok(deleted)) };
                self.large.extend(large.into_iter().map(|change| Large::new(change, None)));
                self.large.push_back(Large::new(last, Some(Waiter::Deletes(reply, deleted))));
            }
            Message::NoteGone { groups, reply } => {
                store.note_gone(&groups);
                answer(reply, ());
            }
            Message::Misplaced { reply } => answer(reply, store.misplaced(MOVED_AT_A_TIME)),
            Message::TakeOut { group, reply } => {
                answer(reply, store.take_out(&group).map(Box::new));
            }
            Message::PutIn { hash, source, taken, reply } => {
                answer(reply, store.put_in(hash, source.as_deref(), *taken));
            }
            Message::Sources { hash, sum, after, len_max, reply } => {
                answer(reply, store.sources(hash, &sum, &after, len_max));
            }
            Message::Rules { rules, ledger } => store.set_rules(rules, ledger),
            Message::Look { now, covered, reply } => {
                let (looked, large) = store.look(now, covered);
                let large = large.map(|(hash, key)| LargeChange::delete(hash, key));
                self.large.extend(large.map(|change| Large::new(change, None)));
                answer(reply, looked);
            }
            Message::Close { closed, reply } => {
                self.closed = closed;
                answer(reply, ());
            }
            Message::ReadRoles { reply } => {
                let read = store.read_roles();
                answer(reply, read.map_err(|(key, refusal)| RestoreError::Refused(key, refusal)));
            }
            Message::Touch { groups, hidden, reply } => {
                store.touch(&groups, &hidden);
                answer(reply, ());
            }
            Message::Settle { reply } => self.applied(Waiter::Other(reply)),
            Message::Restore { groups, reply } => answer(reply, restore(store, &groups)),
            Message::HandOver { bytes_max, reply } => answer(reply, store.hand_over(bytes_max)),
            Message::Summaries { hashes, reply } => answer(reply, store.summaries(&hashes)),
            Message::Views { groups, reply } => answer(reply, store.views(&groups)),
            Message::Adopt { pages } => {
                pages.iter().for_each(|page| store.adopt(page));
            }
            Message::Pass { reply } => answer(reply, ()),
            Message::Knock => {}
            Message::Wipe { .. }
            | Message::Checkpoint { .. }
            | Message::Snapshot { .. }
            | Message::Replay { .. }
            | Message::Reset { .. }
            | Message::Hashes { .. } => unreachable!("all shards do that at one moment"),
            #[cfg(test)]
            Message::Panic => panic!("asked to"),
        }
    }

    /// Applies a push. Gives it back if it is for the task: it may be a large change, or becomes larger than it is.
    fn push(&mut self, message: Message, by: By) -> Option<Message> {
        let Message::Push { hash, key, how, batch, owner, source, reply } = message else {
            self.handle_alone(message);
            return None;
        };
        let store = &mut self.store;
        let found = store.find(hash, &key);
        if by == By::Sender
            && let Ok(at) = found
            && (store.is_large(at, Some(&batch)) || store.merges(at, how))
        {
            return Some(Message::Push { hash, key, how, batch, owner, source, reply });
        }
        let (now, waiter) = (Timestamp::now(), reply.map(Waiter::Push));
        let How { mode, asked } = how;
        if let Some(target) = source {
            let result = store.push_source(hash, &key, how, batch, owner.as_ref(), &target, now);
            self.pushed(&key, waiter, result);
            return None;
        }
        let merged = found.and_then(|at| Ok((at, store.merged(at, how, batch)?)));
        let result = match merged {
            Ok((at, batch)) if store.is_large(at, Some(&batch)) => {
                let change = LargeChange::push(hash, key, mode, batch, owner, now);
                let large = Large { expire: asked.expire, ..Large::new(change, waiter) };
                self.large.push_back(large);
                return None;
            }
            Ok((at, batch)) => store.push_at(at, hash, &key, mode, &batch, owner.as_ref(), now),
            Err(refusal) => {
                store.fail(hash, &key, owner.as_ref(), now);
                Err(refusal.into())
            }
        };
        if let (Ok(()), Some(expire)) = (&result, asked.expire) {
            store.asks(hash, &key, expire);
        }
        self.pushed(&key, waiter, result);
        None
    }

    /// Answers a push.
    fn pushed(&mut self, key: &GroupingKey, waiter: Option<Waiter>, result: Result<(), PushError>) {
        self.stats.pushes.fetch_add(1, Ordering::Relaxed);
        match (waiter, result) {
            (Some(waiter), Ok(())) => self.applied(waiter),
            (Some(Waiter::Push(reply)), Err(error)) => answer(reply, Err(error)),
            (Some(Waiter::Other(_) | Waiter::Deletes(..)), Err(_)) => {
                unreachable!("only pushes are rejected")
            }
            (None, Ok(())) => {}
            (None, Err(error)) => {
                self.stats.dropped.fetch_add(1, Ordering::Relaxed);
                let (job, group) = (key.job(), key.text());
                tracing::warn!(job, group, err = %error, "push dropped");
            }
        }
    }

    /// Answers the client of a request that has been applied: at once, or later when the request is on disk.
    fn applied(&mut self, waiter: Waiter) {
        match &self.awaited {
            None => waiter.answer(Ok(())),
            Some(_) => self.waiting.push(waiter),
        }
    }

    /// Publishes the counters, and asks for a checkpoint if a client waits for one. This happens at the end of a turn because a
    /// checkpoint overtakes the queued pushes.
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

/// Rejects a change that would be lost, and gives back any other message. After the last checkpoint the client of a push
/// without a reply is told too: the handle answers that the gateway is stopping.
fn refuse(message: Message, reason: Unavailable) -> Option<Message> {
    match message {
        Message::Push { reply, .. } => {
            if let Some(reply) = reply {
                answer(reply, Err(reason.into()));
            }
        }
        Message::Place(placing) => answer(placing.reply, Err(reason.into())),
        Message::Fail { reply, .. } => answer(reply, ()), // It was refused anyway.
        Message::Delete { reply, .. } => answer(reply, Err(reason)),
        Message::DeleteListed { reply, .. } => answer(reply, Err(reason)),
        Message::Wipe { reply, .. } => answer(reply, Err(reason)),
        Message::Look { reply, .. } => answer(reply, Looked::default()),
        Message::Misplaced { reply } => answer(reply, Vec::new()),
        // The changes it asks about came before, and no later checkpoint says whether they reached the disk.
        Message::Settle { reply } => answer(reply, Err(Unavailable::InDoubt)),
        other => return Some(other),
    }
    None
}

fn restore(store: &mut Store, groups: &[(u64, u64, RestoredGroup)]) -> Result<(), RestoreError> {
    for (hash, sum_hash, group) in groups {
        let restored = store.restore(*hash, *sum_hash, group);
        restored.map_err(|refusal| RestoreError::Refused(group.key.text().to_owned(), refusal))?;
    }
    Ok(())
}

/// Sends an answer. The client may have left.
fn answer<T>(reply: oneshot::Sender<T>, answer: T) {
    let _unheard = reply.send(answer);
}
