//! The task of a replica: does what its role says, between the stream and the shards.
//!
//! Start with [`Replica::run`]. `follow` brings what was read into the shards, `lead` brings what the shards have changed
//! into the stream, and `requests` waits for the answers of the stream. `state` holds it all. `handle` starts the task and stops it.

mod follow;
pub(super) mod handle;
mod lead;
mod requests;
mod staged;
mod state;
mod term;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use self::staged::Staged;
use self::state::{ENTRY_BYTES, Event, Replica};
use self::term::Term;
use super::books::Books;
use super::entry::{Entry, Kind};
use super::log::{AppendError, Log, Reader};
use super::membership::{Leader, Member, Role as Shown};
use super::role::{Anew, Task};
use crate::shard::{Timestamp, Unavailable};

impl<L: Log> Replica<L> {
    /// Takes part in the set until `stopping` turns true. Then appends what is left, resigns, and returns.
    async fn run(
        mut self,
        mut events: mpsc::UnboundedReceiver<Event>,
        mut stopping: watch::Receiver<bool>,
    ) -> Result<(), Unavailable> {
        let mut ticks = tokio::time::interval((self.lease / 20).max(Duration::from_millis(10)));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut announcements = self.log.announcements();
        let mut is_stopping = false;
        self.shards.close(Some(Unavailable::NotLeading)).await?;
        self.begin();
        loop {
            self.act().await?;
            self.feed();
            self.act().await?;
            self.show();
            if self.is_left {
                return Ok(());
            }
            tokio::select! {
                Some(event) = events.recv() => self.happens(event).await?,
                event = next(&mut self.reader) => self.happens(event).await?,
                Some(member) = announcements.recv() => self.happens(Event::Announced(member)).await?,
                epoch = Term::next(&mut self.term) => self.gathered(epoch).await?,
                _ = ticks.tick() => self.tick().await,
                () = requested(&mut stopping), if !is_stopping => {
                    is_stopping = true;
                    self.stop();
                }
            }
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    async fn tick(&mut self) {
        let has_more = self.term.as_ref().is_some_and(Term::has_more);
        self.role.tick(self.now(), has_more);
        if self.announced.elapsed() > self.lease / 4 {
            self.announced = Instant::now();
            let member = serde_json::json!({
                "id": self.membership.id(),
                "url": self.membership.url(),
                "leads": self.role.leads(),
                "position": self.membership.position(),
            });
            self.log.announce(member.to_string().into()).await;
        }
    }

    async fn happens(&mut self, event: Event) -> Result<(), Unavailable> {
        let now = self.now();
        match event {
            Event::Begun(ends) => {
                self.role.begin(now, ends);
                self.membership.knows_of(ends.last);
            }
            Event::Probed { sent, ends } => self.role.probed(now, sent, ends),
            Event::Looked { sequence, found } => {
                let look = self.look_of(found);
                self.role.looked(now, sequence, look);
            }
            Event::Appended { attempt, appended: Ok(()), took } => {
                self.membership.counts_append(took);
                self.role.acknowledged(now, attempt);
            }
            Event::Appended { attempt, appended: Err(error), .. } => {
                self.membership.counts_failed_append(error == AppendError::Refused);
                tracing::debug!(err = %error, "an append is in doubt");
                self.role.doubt(attempt);
            }
            Event::Purged(up_to, purged) => {
                self.is_purging = false;
                if let Err(error) = purged {
                    // What a later purge removes includes it.
                    tracing::warn!(up_to, err = %error, "old entries of the stream were not purged");
                }
            }
            Event::Announced(member) => self.meet(&member),
            Event::ReaderLost => {
                self.reader = None;
                self.role.lose_reader(now);
            }
            Event::Read(sequence, message) => self.read(sequence, message).await?,
        }
        Ok(())
    }

    /// Does what the role wants done.
    async fn act(&mut self) -> Result<(), Unavailable> {
        while let Some(task) = self.role.next() {
            match task {
                Task::Append { attempt, sequence, entry } => {
                    self.append(attempt, sequence, &entry).await;
                }
                Task::Look { sequence } => self.look(sequence),
                Task::Probe { sent } => self.probe(sent),
                Task::Read { after } => self.reader = Some(self.log.read(after)),
                Task::Restart(why) => {
                    match why {
                        Anew::Deposed => {
                            tracing::warn!(
                                "another replica has taken over; reading the stream anew"
                            );
                        }
                        Anew::Purged => tracing::info!(
                            "reading the stream anew: parts of it were purged meanwhile"
                        ),
                        Anew::Torn => tracing::error!(
                            "reading the stream anew: a NATS server has shown a takeover to others that its own copy does not \
                             have; if this comes again and again, remove that copy, and use NATS 2.10 or newer"
                        ),
                    }
                    self.restart().await?;
                }
                Task::Lead => self.lead().await?,
                Task::Acknowledged { entry, sequence, sent } => {
                    self.settle(&entry, sequence, sent).await?;
                }
                Task::Left => self.is_left = true,
                Task::StepBack(reason) => {
                    tracing::error!(reason, "this replica has stepped back");
                    self.end_term();
                    self.reader = None;
                    self.shards.close(Some(Unavailable::NotLeading)).await?;
                    self.membership.steps_back(reason);
                }
            }
        }
        Ok(())
    }

    /// Throws all groups away, and reads the stream from its beginning.
    async fn restart(&mut self) -> Result<(), Unavailable> {
        self.reader = None;
        self.end_term();
        self.membership.begins_anew();
        self.shards.reset().await?;
        self.books = Books::default();
        self.staged = Staged::default();
        self.begin();
        Ok(())
    }

    /// Shows requests and probes what this replica is.
    fn show(&mut self) {
        let leads = self.role.leads();
        let leader = self.role.leading().map(|leading| Leader {
            id: leading.author.id.clone(),
            url: leading.author.url.clone(),
            since: leading.since,
            term: leading.term,
        });
        self.membership.shows(
            if leads { Shown::Leading } else { Shown::Following },
            leader,
            self.role.is_caught_up(),
            self.books.bytes(),
        );
    }

    /// Another replica has told of itself.
    fn meet(&self, member: &[u8]) {
        let Ok(told) = serde_json::from_slice::<serde_json::Value>(member) else { return };
        let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
        self.membership.meets(
            Member {
                id: text("id"),
                url: text("url"),
                leads: told["leads"].as_bool().unwrap_or_default(),
                position: told["position"].as_u64().unwrap_or_default(),
                seen: Timestamp::now(),
            },
            3 * self.lease,
        );
    }

    /// Appends what is left, and resigns.
    fn stop(&mut self) {
        self.membership.stops();
        match &mut self.term {
            Some(term) => term.stop(),
            None => self.role.resign(self.now()),
        }
    }

    /// An entry of this replica is in the stream.
    async fn settle(
        &mut self,
        entry: &Entry,
        sequence: u64,
        sent: Duration,
    ) -> Result<(), Unavailable> {
        self.membership.has_acknowledged(self.started + sent);
        self.books.write_dead(ENTRY_BYTES);
        match entry.kind {
            Kind::Part { is_last } => self.settle_part(entry.serial, sequence, is_last).await?,
            Kind::Takeover | Kind::Resignation => self.staged = Staged::default(),
        }
        self.membership.reaches(sequence);
        Ok(())
    }
}

/// Waits until the replica is asked to stop.
async fn requested(stopping: &mut watch::Receiver<bool>) {
    let _asked = stopping.wait_for(|stopping| *stopping).await;
}

/// What the reader shows next; never, if there is none.
async fn next(reader: &mut Option<Reader>) -> Event {
    match reader {
        Some(open) => match open.recv().await {
            Some(Ok((sequence, message))) => Event::Read(sequence, message),
            Some(Err(error)) => {
                tracing::debug!(err = %error, "the reader of the stream has ended");
                Event::ReaderLost
            }
            None => Event::ReaderLost,
        },
        None => std::future::pending().await,
    }
}
