//! The loop of the task of a shard: takes messages from the two lanes, and has the turn of the shard while it handles them.

use std::sync::Arc;

use super::MESSAGES_BEFORE_YIELD;
use super::lanes::Mailbox;
use super::message::Message;
use super::turn::Turns;

/// Answers messages until the last handle is gone. Before the shard sleeps it takes all commands, and between two pushes one.
pub(in crate::shard) async fn run(shard: Arc<Turns>, mailbox: Mailbox) {
    let mut turn = shard.take().await;
    loop {
        turn.ends_turn();
        if let Some(command) = mailbox.command() {
            turn.handle(command).await;
            continue;
        }
        let first = match turn.next.take() {
            Some(message) => message,
            None => {
                drop(turn);
                let Ok(message) = mailbox.pushes.recv_async().await else { return };
                if matches!(message, Message::Push { .. }) {
                    // Connections that are ready send their pushes first: one turn for many pushes costs less than many turns.
                    tokio::task::yield_now().await;
                }
                turn = shard.take().await;
                message
            }
        };
        let (mut next, mut handled) = (Some(first), 0);
        while let Some(message) = next {
            if let Some(command) = mailbox.command() {
                turn.handle(command).await;
            }
            turn.handle(message).await;
            while let Some(large) = turn.large.pop_front() {
                turn.change_in_slices(&mailbox, large).await;
                turn.handle_kept_back();
            }
            if turn.next.is_some() {
                break;
            }
            handled += 1;
            next =
                if handled < MESSAGES_BEFORE_YIELD { mailbox.pushes.try_recv().ok() } else { None };
        }
    }
}
