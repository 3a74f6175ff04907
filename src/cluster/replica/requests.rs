//! Requests to the stream. A task of its own waits for each answer, so that the replica never does.

use std::time::{Duration, Instant};

use super::super::entry::Entry;
use super::super::log::{AppendError, Found, Log, LogError};
use super::super::role::{Ends, Look};
use super::state::{Event, Replica};

/// The ends of a stream that was deleted: as if it had lost everything.
const NO_STREAM: Ends = Ends { first: 1, last: 0 };

impl<L: Log> Replica<L> {
    /// How long an answer is waited for.
    fn answer_wait(&self) -> Duration {
        (self.lease / 2).max(Duration::from_millis(500))
    }

    pub(super) async fn append(&self, attempt: u64, sequence: u64, entry: &Entry) {
        let (events, wait, since) = (self.events.clone(), self.answer_wait(), Instant::now());
        let acknowledgement = self.log.append(sequence, entry.encode()).await;
        tokio::spawn(async move {
            let appended = match tokio::time::timeout(wait, acknowledgement).await {
                Ok(appended) => appended,
                Err(_) => Err(AppendError::InDoubt("no answer in time".to_owned())),
            };
            let _gone = events.send(Event::Appended { attempt, appended, took: since.elapsed() });
        });
    }

    pub(super) fn look(&self, sequence: u64) {
        let (log, events, wait) = (self.log.clone(), self.events.clone(), self.answer_wait());
        tokio::spawn(async move {
            let found = tokio::time::timeout(wait, log.look(sequence)).await;
            let found = match found {
                Ok(Err(LogError::Gone)) => Some(Found::Shrunk),
                found => found.ok().and_then(Result::ok),
            };
            let _gone = events.send(Event::Looked { sequence, found });
        });
    }

    pub(super) fn probe(&self, sent: Duration) {
        let (log, events, wait) = (self.log.clone(), self.events.clone(), self.answer_wait());
        tokio::spawn(async move {
            let ends = tokio::time::timeout(wait, log.ends()).await;
            let ends = match ends {
                Ok(Err(LogError::Gone)) => Some(NO_STREAM),
                ends => ends.ok().and_then(Result::ok),
            };
            let _gone = events.send(Event::Probed { sent, ends });
        });
    }

    /// Asks for the ends of the stream until they are known.
    pub(super) fn begin(&self) {
        let (log, events, wait) = (self.log.clone(), self.events.clone(), self.answer_wait());
        tokio::spawn(async move {
            while !events.is_closed() {
                if let Ok(Ok(ends)) = tokio::time::timeout(wait, log.ends()).await {
                    let _gone = events.send(Event::Begun(ends));
                    return;
                }
                tokio::time::sleep(wait / 4).await;
            }
        });
    }

    pub(super) fn purge(&mut self, up_to: u64) {
        self.is_purging = true;
        let (log, events, wait) = (self.log.clone(), self.events.clone(), 4 * self.answer_wait());
        tokio::spawn(async move {
            let purged = tokio::time::timeout(wait, log.purge(up_to)).await;
            let purged = purged.unwrap_or(Ok(())); // It may have been; the next purge includes it.
            let _gone = events.send(Event::Purged(up_to, purged));
        });
    }

    /// What a look has shown; `None` if there was no answer.
    pub(super) fn look_of(&self, found: Option<Found>) -> Option<Look> {
        Some(match found? {
            Found::Message(message) => Look::Message(Entry::decode(&message)),
            Found::End => Look::End,
            Found::Purged => Look::Purged,
            Found::Shrunk => Look::Shrunk,
        })
    }
}
