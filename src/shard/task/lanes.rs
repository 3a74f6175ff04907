//! The two lanes in which messages reach a shard: pushes, and commands that overtake them.
//!
//! A command is a step that all shards take at one moment (a scrape, a checkpoint, a wipe), or a step that follows from one. A
//! command waits for at most one push. The shard sleeps on the lane of pushes alone: the sender of a command leaves a knock
//! there. If the lane has no room for the knock, the shard is awake anyway. To look for a command costs the shard one load.
//!
//! **Invariants:** commands keep their order. A push that was answered as applied comes before every later command. For
//! anything else that has to come before a command, the sender of the command waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::shard::error::Unavailable;
use crate::shard::task::message::Message;

/// How many pushes may wait for one shard.
pub const QUEUE_LEN: usize = 1024;
/// How many commands may wait for one shard. The sender of another command waits until there is room.
pub const COMMANDS_LEN: usize = 64;

/// The sending ends.
#[derive(Debug)]
pub(in crate::shard) struct Lanes {
    pub(in crate::shard) pushes: flume::Sender<Message>,
    commands: flume::Sender<Message>,
    /// Whether there may be a command that the shard has not seen.
    is_called: Arc<AtomicBool>,
}

/// The shard's end.
#[derive(Debug)]
pub(in crate::shard) struct Mailbox {
    pub(in crate::shard) pushes: flume::Receiver<Message>,
    commands: flume::Receiver<Message>,
    is_called: Arc<AtomicBool>,
}

/// The lanes of one shard.
pub(in crate::shard) fn lanes() -> (Lanes, Mailbox) {
    let (send_push, pushes) = flume::bounded(QUEUE_LEN);
    let (send_command, commands) = flume::bounded(COMMANDS_LEN);
    let is_called = Arc::<AtomicBool>::default();
    let sending =
        Lanes { pushes: send_push, commands: send_command, is_called: Arc::clone(&is_called) };
    (sending, Mailbox { pushes, commands, is_called })
}

impl Lanes {
    /// Sends a command. A shard that is dead by now will not answer it.
    pub(in crate::shard) async fn command(&self, command: Message) -> Result<(), Unavailable> {
        self.commands.send_async(command).await.map_err(|_| Unavailable::Dead)?;
        if !self.is_called.swap(true, Ordering::AcqRel) {
            // If the lane is full, the shard has a push to handle, and looks for commands before the next one.
            drop(self.pushes.try_send(Message::Knock));
        }
        Ok(())
    }
}

impl Mailbox {
    /// The next command, if there is any.
    pub(in crate::shard) fn command(&self) -> Option<Message> {
        // If this load misses a new command, the knock of that command, or a queued push, leads to another look.
        if !self.is_called.load(Ordering::Relaxed) {
            return None;
        }
        self.is_called.swap(false, Ordering::AcqRel);
        let command = self.commands.try_recv().ok()?;
        self.is_called.store(true, Ordering::Release); // There may be more.
        Some(command)
    }

    /// Drops all messages until the last sender is gone.
    pub(in crate::shard) async fn discard(self) {
        let discard = async |lane: flume::Receiver<Message>| {
            while let Ok(message) = lane.recv_async().await {
                drop(message);
            }
        };
        tokio::join!(discard(self.pushes), discard(self.commands));
    }

    /// The same ends, to drop the messages that a dead shard leaves.
    pub(in crate::shard) fn left_behind(&self) -> Mailbox {
        Mailbox {
            pushes: self.pushes.clone(),
            commands: self.commands.clone(),
            is_called: Arc::clone(&self.is_called),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::{Notify, oneshot};
    use tokio::task::JoinSet;

    use super::*;
    use crate::exposition::NameRules;
    use crate::push::{GroupingKey, decode};
    use crate::shard::{
        GROUP_BYTES_MAX, Mode, Options, Placement, PushError, Saving, Selection, Shards, Timestamp,
        WriteRecord,
    };

    const WRITE: WriteRecord = |image, out| out.extend_from_slice(image.key().as_bytes());

    fn start(saving: Option<Saving>) -> (Shards, JoinSet<()>) {
        let group_bytes_max = GROUP_BYTES_MAX;
        Shards::start(&Options { shards: 2, reserved: &[], limits: None, group_bytes_max, saving })
    }

    fn key(group: usize) -> GroupingKey {
        GroupingKey::parse(format!("/job/instance/{group}").as_bytes(), NameRules::Legacy)
            .expect("a valid path")
    }

    /// Fills the queues with pushes, of which none is handled yet.
    fn fill(shards: &Shards) -> Vec<oneshot::Receiver<Result<(), PushError>>> {
        let mut answers = Vec::new();
        for group in 0.. {
            let (key, how) = (key(group), Mode::Replace.into());
            let batch = decode(&key, b"m 1\n", NameRules::Legacy).expect("a valid push");
            let hash = shards.hash(&key);
            let (reply, answer) = oneshot::channel();
            let reply = Some(reply);
            let push = Message::Push { hash, key, how, batch, owner: None, source: None, reply };
            if shards.shared.lanes[shards.shard(hash)].pushes.try_send(push).is_err() {
                break;
            }
            answers.push(answer);
        }
        answers
    }

    fn answered(answers: &mut [oneshot::Receiver<Result<(), PushError>>]) -> usize {
        answers.iter_mut().filter_map(|answer| answer.try_recv().ok()).count()
    }

    #[tokio::test]
    async fn a_scrape_and_a_checkpoint_overtake_the_pushes_that_are_queued() {
        let (shards, _tasks) = start(Some(Saving { write: WRITE, awaited: None }));
        let mut answers = fill(&shards);
        assert!(answers.len() > QUEUE_LEN);
        let snapshots = shards.snapshot(Selection::default()).await.expect("the shards live");
        let checkpoint = shards.checkpoint(std::time::Duration::ZERO).await;
        assert_eq!(snapshots.len(), 2);
        assert_eq!(checkpoint.expect("the shards live").changes.len(), 2);
        let overtaken = answers.len() - answered(&mut answers);
        assert!(overtaken > QUEUE_LEN, "{overtaken} of {}", answers.len());
    }

    #[tokio::test]
    async fn a_scrape_sees_every_push_that_was_acknowledged_before() {
        let (shards, _tasks) = start(None);
        let answers = fill(&shards);
        let filled = answers.len();
        for answer in answers {
            assert_eq!(answer.await, Ok(Ok(())));
            let groups: u64 = shards.stats().map(|(stats, _)| stats.pushes()).sum();
            let hashes = shards.scan(Vec::new()).await.expect("the shards live").len();
            assert!(hashes as u64 >= groups, "{hashes} of {groups}");
            if hashes == filled {
                return;
            }
        }
        panic!("some are never seen");
    }

    #[tokio::test]
    async fn what_is_only_handed_over_comes_before_a_scrape_a_wipe_and_the_last_checkpoint() {
        let (shards, _tasks) = start(Some(Saving { write: WRITE, awaited: None }));
        let unchecked = async |group| {
            let key = key(group);
            let batch = decode(&key, b"m 1\n", NameRules::Legacy).expect("a valid push");
            shards.push_unchecked(key, Mode::Replace, batch, None).await
        };
        for group in 0..100 {
            assert_eq!(unchecked(group).await, Ok(()));
        }
        assert_eq!(shards.scan(Vec::new()).await.expect("they live").len(), 100);
        assert_eq!(unchecked(100).await, Ok(()));
        shards.wipe().await.expect("they live");
        assert_eq!(shards.scan(Vec::new()).await.expect("they live").len(), 0);
        for group in 0..50 {
            assert_eq!(unchecked(group).await, Ok(()));
        }
        let last = shards.last_checkpoint().await.expect("they live");
        let saved: usize = last.changes.iter().map(crate::shard::Changes::len).sum();
        assert_eq!(saved, 50);
        assert_eq!(unchecked(50).await, Err(Unavailable::Stopping));
    }

    /// What there is to be asked after the last checkpoint, which is answered without a 200, whether an answer waits for the
    /// disk or not.
    #[tokio::test]
    async fn what_would_change_anything_after_the_last_checkpoint_is_refused() {
        for awaited in [None, Some(Arc::<Notify>::default())] {
            let (shards, _tasks) = start(Some(Saving { write: WRITE, awaited }));
            let mut queued = fill(&shards);
            let batch = || decode(&key(1), b"m 1\n", NameRules::Legacy).expect("a valid push");
            let last = shards.last_checkpoint().await.expect("they live");
            assert_eq!(
                last.waiters.len() + answered(&mut queued),
                queued.len(),
                "they came before"
            );
            let stopping = Unavailable::Stopping;
            let pushed = shards.push(key(1), Mode::Replace, batch(), None).await;
            assert_eq!(pushed, Err(stopping.into()));
            let (pushed, failed) = (Timestamp::now(), Timestamp::NEVER);
            let placement = Placement { pushed, failed, keeps_newer: false };
            let placed = shards.place(key(1), batch(), None, placement).await;
            assert_eq!(placed, Err(stopping.into()));
            assert_eq!(shards.delete(key(1)).await, Err(stopping));
            assert_eq!(shards.wipe().await, Err(stopping));
            let groups = shards.find(&[key(1)]).await.expect("they live");
            let groups: Vec<_> = groups.into_iter().map(|summary| summary.group).collect();
            assert_eq!(groups.len(), 1, "it is still shown");
            assert_eq!(shards.delete_listed(groups).await, Err(stopping));
            assert!(shards.snapshot(Selection::default()).await.is_ok());
        }
    }

    #[tokio::test]
    async fn commands_keep_their_order_and_none_is_lost() {
        let (lanes, mailbox) = lanes();
        let asked = |groups: usize| {
            let (reply, _) = oneshot::channel();
            Message::Summaries { hashes: vec![0; groups], reply }
        };
        for count in 1..=COMMANDS_LEN {
            lanes.command(asked(count)).await.expect("there is room");
        }
        assert_eq!(mailbox.pushes.len(), 1, "one knock is enough");
        for count in 1..=COMMANDS_LEN {
            let Some(Message::Summaries { hashes, .. }) = mailbox.command() else {
                panic!("command {count} is lost");
            };
            assert_eq!(hashes.len(), count);
        }
        assert!(mailbox.command().is_none());
        lanes.command(asked(1)).await.expect("there is room");
        assert_eq!(mailbox.pushes.len(), 2, "it knocks again");
    }
}
