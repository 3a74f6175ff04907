//! Changes of large groups: the task makes them in slices, and applies pushes to other groups between them.
//!
//! Start with [`Shard::change_in_slices`]. Meanwhile `push_to_others` takes messages from the queue: a push to a group that is being
//! changed is kept back for the end of that change, and any message that is not about one group for the end of all.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedRwLockReadGuard;

use super::lanes::Mailbox;
use super::message::Message;
use super::waiter::Waiter;
use super::{MESSAGES_BEFORE_YIELD, Shard, refuse};
use crate::shard::store::large::LargeChange;

/// How many changes of large groups wait for the one that is being made, before the queue waits too.
const LARGE_WAITING_LEN: usize = 64;
/// How many pushes to the groups of such changes wait beside the queue, before the queue waits too.
const KEPT_BACK_LEN: usize = 256;

/// A change to be made in slices.
pub(super) struct Large {
    pub(super) change: Box<LargeChange>,
    /// The client that waits for it.
    pub(super) waiter: Option<Waiter>,
    /// After which time the push asks its group to expire.
    pub(super) expire: Option<Duration>,
}

impl Large {
    pub(super) fn new(change: LargeChange, waiter: Option<Waiter>) -> Large {
        Large { change: Box::new(change), waiter, expire: None }
    }
}

impl Shard {
    /// Makes a change in slices, and applies pushes to other groups between them. Any other message waits, because it would see
    /// half of the change.
    pub(super) async fn change_in_slices(&mut self, mailbox: &Mailbox, large: Large) {
        let Large { mut change, waiter, expire } = large;
        let _no_cuts = self.keep_cuts_back(mailbox, change.hash()).await;
        if let Some(reason) = self.closed {
            // The last checkpoint was made while this waited.
            waiter.into_iter().for_each(|waiter| waiter.answer(Err(reason)));
            return;
        }
        let result = loop {
            if let Some(result) = change.advance(&mut self.store) {
                break result;
            }
            self.push_to_others(mailbox, change.hash());
            self.ends_turn();
            tokio::task::yield_now().await;
            while let Some(command) = mailbox.command() {
                self.handle(command).await; // It hands over more of the last checkpoint.
            }
        };
        let (hash, is_deletion) = (change.hash(), change.deletes());
        let (key, batch) = change.into_parts();
        if let (Ok(()), Some(expire)) = (&result, expire) {
            self.store.asks(hash, &key, expire);
        }
        match waiter {
            Some(waiter @ Waiter::Deletes(..)) => waiter.answer(Ok(())), // It is settled later.
            waiter if is_deletion => waiter.into_iter().for_each(|waiter| self.applied(waiter)),
            waiter => self.pushed(&key, waiter, result),
        }
        // To give memory back to the kernel takes time. No push has to wait for that.
        drop(tokio::task::spawn_blocking(move || drop(batch)));
    }

    /// Keeps new cuts back while the guard is held, and takes part in those that were asked for before. Applies pushes to
    /// groups of other hashes meanwhile.
    async fn keep_cuts_back(&mut self, mailbox: &Mailbox, hash: u64) -> OwnedRwLockReadGuard<()> {
        let guard = loop {
            if let Ok(guard) = Arc::clone(&self.cut_order).try_read_owned() {
                break guard;
            }
            self.push_to_others(mailbox, hash);
            self.ends_turn();
            // The task that holds the lock may wait for room in this shard's lane of commands.
            while let Some(command) = mailbox.command() {
                self.handle(command).await;
            }
            tokio::task::yield_now().await;
        };
        while let Some(command) = mailbox.command() {
            self.handle(command).await;
        }
        guard
    }

    /// Applies queued pushes to groups of other hashes than those that are being changed or wait for that, and keeps pushes to
    /// these groups back. Stops at a message that has to wait for all changes.
    fn push_to_others(&mut self, mailbox: &Mailbox, hash: u64) {
        for _ in 0..MESSAGES_BEFORE_YIELD {
            let is_full =
                self.large.len() >= LARGE_WAITING_LEN || self.kept_back.len() >= KEPT_BACK_LEN;
            // After the last checkpoint all of them are rejected, once the change has been.
            if self.next.is_some() || is_full || self.closed.is_some() {
                return;
            }
            match mailbox.pushes.try_recv() {
                Ok(Message::Knock) => {}
                Ok(message) => match group_of(&message) {
                    Some(of) if of == hash || self.changes_large(of) => {
                        self.kept_back.push_back(message);
                    }
                    Some(_) => self.handle_alone(message),
                    None => self.next = Some(message),
                },
                Err(_) => return,
            }
        }
    }

    /// Whether a large change of a group of this hash waits.
    fn changes_large(&self, hash: u64) -> bool {
        self.large.iter().any(|large| large.change.hash() == hash)
    }

    /// Handles the pushes that were kept back, up to the next large change of their group.
    pub(super) fn handle_kept_back(&mut self) {
        for message in std::mem::take(&mut self.kept_back) {
            match group_of(&message) {
                Some(hash) if self.changes_large(hash) => self.kept_back.push_back(message),
                _ => {
                    let message = match self.closed {
                        Some(reason) => refuse(message, reason),
                        None => Some(message),
                    };
                    message.into_iter().for_each(|message| self.handle_alone(message));
                }
            }
        }
    }
}

/// The hash of the group that a message changes, if the message does nothing else.
fn group_of(message: &Message) -> Option<u64> {
    match message {
        Message::Push { hash, .. } | Message::Fail { hash, .. } | Message::Delete { hash, .. } => {
            Some(*hash)
        }
        Message::Place(placing) => Some(placing.hash),
        _ => None,
    }
}
