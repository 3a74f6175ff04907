//! The turn of a shard: the right to touch its groups, which its task or a push has.
//!
//! Start with [`Turns::try_push`]. Most pushes come to a shard that is at rest, and are applied by the thread that has decoded
//! them. To hand them to the task would wake the task, and then the connection again: with few connections, that takes longer than all the
//! rest. A push that finds the shard busy goes into the queue of the task.
//!
//! **Invariants:** the task has the turn from before it takes a message out of a lane until it sleeps, so that no push comes between the
//! meeting of a cut and the answer of the shard. A push never waits while it has the turn. After a panic nobody gets the turn again.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use tokio::sync::{Mutex, MutexGuard};

use super::message::Message;
use super::{By, Shard, refuse};

/// A shard, and whose turn it is.
pub(in crate::shard) struct Turns(Mutex<Shard>);

impl fmt::Debug for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turns").finish_non_exhaustive()
    }
}

/// What became of a push.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a box would cost more than to move the message")]
pub(in crate::shard) enum Pushed {
    /// It has its answer, or will have it when it is on disk.
    Handled,
    /// It has panicked. The task may be asleep, and dies when it wakes.
    Panicked,
    /// Nothing yet: it is for the task.
    ForTask(Message),
}

impl Turns {
    pub(in crate::shard) fn new(shard: Shard) -> Turns {
        Turns(Mutex::new(shard))
    }

    /// Waits for the turn of the task.
    ///
    /// # Panics
    /// When a push has panicked: the shard may be half changed.
    pub(super) async fn take(&self) -> Turn<'_> {
        let turn = Turn(self.0.lock().await);
        assert!(!turn.is_broken, "a push has panicked");
        turn
    }

    /// Handles a push if the shard is at rest and the push does not take long.
    pub(in crate::shard) fn try_push(&self, push: Message) -> Pushed {
        let Ok(shard) = self.0.try_lock() else { return Pushed::ForTask(push) };
        let mut turn = Turn(shard);
        if turn.is_broken {
            return Pushed::ForTask(push);
        }
        let handle = move || {
            let push = match turn.closed {
                Some(reason) => refuse(push, reason),
                None => Some(push),
            };
            let left = push.and_then(|push| turn.push(push, By::Sender));
            turn.ends_turn();
            left
        };
        match catch_unwind(AssertUnwindSafe(handle)) {
            Ok(None) => Pushed::Handled,
            Ok(Some(push)) => Pushed::ForTask(push),
            Err(_) => Pushed::Panicked,
        }
    }
}

/// The right to touch a shard, until it is dropped.
pub(super) struct Turn<'s>(MutexGuard<'s, Shard>);

impl Deref for Turn<'_> {
    type Target = Shard;

    fn deref(&self) -> &Shard {
        &self.0
    }
}

impl DerefMut for Turn<'_> {
    fn deref_mut(&mut self) -> &mut Shard {
        &mut self.0
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.is_broken = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Future, poll_fn};
    use std::pin::{Pin, pin};
    use std::task::Poll;

    use tokio::task::JoinSet;

    use super::*;
    use crate::exposition::NameRules;
    use crate::push::{Batch, GroupingKey, decode};
    use crate::shard::{GROUP_BYTES_MAX, Mode, Options, PushError, Shards, Unavailable};

    fn start() -> (Shards, JoinSet<()>) {
        let (limits, saving, group_bytes_max) = (None, None, GROUP_BYTES_MAX);
        Shards::start(&Options { shards: 1, reserved: &[], limits, group_bytes_max, saving })
    }

    fn decoded(body: &str) -> (GroupingKey, Batch) {
        let key = GroupingKey::parse(b"/j/instance/i", NameRules::Legacy).expect("a valid path");
        let batch = decode(&key, body.as_bytes(), NameRules::Legacy).expect("a valid push");
        (key, batch)
    }

    async fn push(shards: &Shards, body: &str) -> Result<(), PushError> {
        let (key, batch) = decoded(body);
        shards.push(key, Mode::Replace, batch, None).await
    }

    /// The result, if it is there although no other task has run.
    async fn at_once<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
        let polled = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
        if let Poll::Ready(output) = polled { Some(output) } else { None }
    }

    #[tokio::test]
    async fn a_push_to_a_shard_at_rest_needs_no_task_and_to_a_busy_one_waits() {
        let (shards, _tasks) = start();
        assert_eq!(at_once(pin!(push(&shards, "a 1\n"))).await, Some(Ok(())));
        let turn = shards.shared.turns[0].take().await;
        let mut waiting = pin!(push(&shards, "a 2\n"));
        assert_eq!(at_once(waiting.as_mut()).await, None);
        drop(turn);
        assert_eq!(waiting.await, Ok(()));
    }

    #[tokio::test]
    async fn a_push_comes_after_one_that_was_acknowledged_before_it_was_applied() {
        let (shards, _tasks) = start();
        let (key, batch) = decoded("a 1\n");
        assert_eq!(shards.push_unchecked(key, Mode::Replace, batch, None).await, Ok(()));
        let mut second = pin!(push(&shards, "b 2\n"));
        assert_eq!(at_once(second.as_mut()).await, None);
        assert_eq!(second.await, Ok(()));
        let snapshots = shards.snapshot(Default::default()).await.expect("the shard lives");
        let names = snapshots.iter().flat_map(|snapshot| &snapshot.families);
        let names: Vec<_> = names.map(|family| &*family.name).collect();
        assert!(names.contains(&"b") && !names.contains(&"a"), "{names:?}");
    }

    #[tokio::test]
    async fn a_large_change_that_comes_to_a_shard_at_rest_is_made_by_the_task() {
        let (shards, _tasks) = start();
        let lines: String = (0..600).map(|at| format!("f{at} 1\n")).collect();
        let mut large = pin!(push(&shards, &lines));
        assert_eq!(at_once(large.as_mut()).await, None);
        for _ in 0..4 {
            tokio::task::yield_now().await; // The task begins.
        }
        let mut later = pin!(push(&shards, "a 1\n"));
        assert_eq!(at_once(later.as_mut()).await, None, "it must not come in between");
        assert_eq!((large.await, later.await), (Ok(()), Ok(())));
    }

    #[tokio::test]
    async fn a_panic_without_the_task_kills_the_shard_all_the_same() {
        let (shards, mut tasks) = start();
        assert!(matches!(shards.try_apply(0, Message::Panic), Err(Unavailable::Dead)));
        let dead = Err(PushError::Unavailable(Unavailable::Dead));
        assert_eq!(push(&shards, "a 1\n").await, dead);
        let mut watched = shards.shared.dead.clone();
        watched.wait_for(|is_dead| *is_dead).await.expect("the task has ended");
        assert_eq!(shards.snapshot(Default::default()).await.err(), Some(Unavailable::Dead));
        drop(shards);
        assert!(tasks.join_next().await.is_some_and(|ended| ended.is_ok()));
    }
}
