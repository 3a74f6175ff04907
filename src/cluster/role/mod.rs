//! What a replica does next: follows, takes over, leads, gives way. Pure: what was heard and the time go in, what to do
//! comes out.
//!
//! Start with [`Role`], whose methods say what has happened; [`Role::next`] says what to do about it. `flights` are the
//! entries that the stream has not acknowledged yet. Times are durations since any one moment.
//!
//! **Invariants:** a replica leads only after its takeover is in the stream, up to which it has heard everything. An
//! entry counts as acknowledged only after all entries of its author before it. Within the lease of an acknowledged
//! append, no other replica takes over.

mod flights;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use self::flights::Flights;
use super::entry::{Author, Entry, EntryError, Kind};
use super::reading::{Heard, Leading, Reading};
use crate::shard::Timestamp;

/// For how many leases all answers must say that the stream has lost entries.
const SHRUNK_LEASES: u32 = 10;

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Task {
    /// Appends an entry, if the last message of the stream is the one before `sequence`.
    Append { attempt: u64, sequence: u64, entry: Arc<Entry> },
    /// Reads the message of this sequence.
    Look { sequence: u64 },
    /// Asks for the first and the last sequence of the stream.
    Probe,
    /// Reads the stream on from behind this entry.
    Read { after: u64 },
    /// Throws all groups away, and reads the stream from its beginning: begins with [`Role::begin`] again.
    Restart { was_leading: bool },
    /// Leads from now on: takes changes.
    Lead,
    /// An entry of this replica is in the stream. It is a part of an epoch, or its end.
    Acknowledged { entry: Arc<Entry>, sequence: u64, sent: Duration },
    /// The resignation is in the stream, or there was nothing to resign from.
    Left,
    /// Takes no part any more, for this reason.
    StepBack(String),
}

/// What a look at one message of the stream has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Look {
    /// What the message says.
    Message(Result<Entry, EntryError>),
    /// The stream ends before it.
    End,
    /// It was there and is purged.
    Purged,
    /// The stream has lost entries that were in it.
    Shrunk,
}

/// The first and the last sequence of a stream. An empty one has a last below its first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) first: u64,
    pub(super) last: u64,
}

/// How long the parts of an agreement take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// For how long after an append that was acknowledged nobody else takes over.
    pub(super) lease: Duration,
    /// How long a follower waits for a silent leader: the lease, and a little that differs between replicas.
    pub(super) patience: Duration,
    /// How long to wait before something that has failed is tried again.
    pub(super) retry: Duration,
    /// Counts the lease from when an acknowledgement is received. The simulation must notice.
    #[cfg(test)]
    pub(super) lease_from_receipt: bool,
}

impl Terms {
    /// When the lease of an append begins: when it was sent, since the others may have heard it soon after.
    fn lease_begins(&self, sent: Duration, _received: Duration) -> Duration {
        #[cfg(test)]
        if self.lease_from_receipt {
            return _received;
        }
        sent
    }
}

#[derive(Debug)]
enum State {
    /// Waits for [`Role::begin`].
    Starting,
    Following(Following),
    /// Appends a takeover, and once it leads, what has changed.
    Appending(Flights),
    /// Takes no part any more.
    Away,
}

#[derive(Debug)]
struct Following {
    /// When an entry was last heard, or the wait for one began.
    heard: Duration,
    /// The last entry that was known of when this began.
    target: u64,
    /// When the last probe was sent that has no answer.
    probing: Option<Duration>,
    /// When the next probe may be sent.
    probe_at: Duration,
    /// Whether the stream has not answered since something was heard.
    has_failed: bool,
    /// Whether the reader has ended.
    is_lost: bool,
}

/// One replica.
#[derive(Debug)]
pub(super) struct Role {
    author: Arc<Author>,
    terms: Terms,
    state: State,
    reading: Reading,
    /// The last entry that was read, or is known to be this replica's own.
    position: u64,
    /// The number of the next entry of this replica.
    serial: u64,
    /// The sequence of its last takeover.
    term: u64,
    /// When the last append was sent that was acknowledged.
    acknowledged: Duration,
    is_resigning: bool,
    /// Since when all answers say that the stream has lost entries.
    shrunk_since: Option<Duration>,
    attempts: u64,
    tasks: VecDeque<Task>,
}

impl Role {
    pub(super) fn new(author: Arc<Author>, terms: Terms) -> Role {
        Role {
            author,
            terms,
            state: State::Starting,
            reading: Reading::default(),
            position: 0,
            serial: 0,
            term: 0,
            acknowledged: Duration::ZERO,
            is_resigning: false,
            shrunk_since: None,
            attempts: 0,
            tasks: VecDeque::new(),
        }
    }

    /// What to do next.
    pub(super) fn next(&mut self) -> Option<Task> {
        self.tasks.pop_front()
    }

    /// The last entry that was read, or is known to be this replica's own.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Who leads, as far as the stream was read.
    pub(super) fn leading(&self) -> Option<&Leading> {
        self.reading.leading()
    }

    /// Whether it leads.
    pub(super) fn leads(&self) -> bool {
        matches!(&self.state, State::Appending(flights) if flights.leads)
    }

    /// Whether all that was in the stream when the reading began has been read.
    pub(super) fn is_caught_up(&self) -> bool {
        match &self.state {
            State::Following(following) => self.position >= following.target,
            State::Appending(_) => true,
            State::Starting | State::Away => false,
        }
    }

    /// Whether another part of an epoch can be appended now.
    pub(super) fn takes_entries(&self) -> bool {
        matches!(&self.state, State::Appending(flights) if flights.leads && flights.has_room())
            && !self.is_resigning
    }

    /// The stream is there, and its reading begins.
    pub(super) fn begin(&mut self, now: Duration, ends: Ends) {
        if !matches!(self.state, State::Starting) {
            return;
        }
        self.reading.begin_anew();
        self.position = ends.first.max(1) - 1;
        self.follow(now, ends.last);
    }

    /// Reads on from behind the last entry.
    fn follow(&mut self, now: Duration, target: u64) {
        self.state = State::Following(Following {
            heard: now,
            target,
            probing: None,
            probe_at: now,
            has_failed: false,
            is_lost: false,
        });
        self.tasks.push_back(Task::Read { after: self.position });
    }

    /// The reader shows a message. Answers what it is, if it is to be applied.
    pub(super) fn hear(
        &mut self,
        now: Duration,
        sequence: u64,
        entry: &Result<Entry, EntryError>,
    ) -> Option<Heard> {
        let State::Following(following) = &mut self.state else { return None };
        if sequence <= self.position {
            return None;
        }
        if sequence != self.position + 1 {
            // What was purged may have said that a group is gone, of which there was a record before. And before the first
            // message: what was purged has been written again behind the end that was known of.
            self.restart(false);
            return None;
        }
        following.heard = now;
        following.has_failed = false;
        self.shrunk_since = None;
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                self.step_back(format!("entry {sequence} of the stream {error}"));
                return None;
            }
        };
        self.position = sequence;
        Some(self.reading.hear(entry))
    }

    /// The reader has ended.
    pub(super) fn lose_reader(&mut self, now: Duration) {
        if let State::Following(following) = &mut self.state {
            following.is_lost = true;
            following.probe_at = now + self.terms.retry;
        }
    }

    /// Time has passed. A silent leader makes itself heard, unless it `has_more` parts of an epoch to append.
    pub(super) fn tick(&mut self, now: Duration, has_more: bool) {
        let is_led = self.reading.leading().is_some();
        let Terms { patience, retry, lease, .. } = self.terms;
        match &mut self.state {
            State::Following(following) => {
                let is_silent = !is_led || now >= following.heard + patience;
                let is_caught_up = self.position >= following.target;
                let is_stuck = now >= following.heard + 2 * patience;
                let is_wanted = following.is_lost || is_stuck || is_silent && is_caught_up;
                if is_wanted && following.probing.is_none() && now >= following.probe_at {
                    following.probing = Some(now);
                    following.probe_at = now + retry;
                    self.tasks.push_back(Task::Probe);
                }
            }
            State::Appending(flights) => {
                if flights.is_to_look(now) {
                    self.tasks.push_back(Task::Look { sequence: self.position + 1 });
                } else if flights.leads
                    && flights.is_empty()
                    && !self.is_resigning
                    && !has_more
                    && now >= flights.last_sent + lease / 3
                {
                    self.append(now, Bytes::new(), true);
                }
            }
            State::Starting | State::Away => {}
        }
    }

    /// The answer to a probe: the ends of the stream, or that there is no answer.
    pub(super) fn probed(&mut self, now: Duration, ends: Option<Ends>) {
        let is_led = self.reading.leading().is_some();
        let State::Following(following) = &mut self.state else { return };
        let Some(sent) = following.probing.take() else { return };
        let Some(ends) = ends else {
            following.has_failed = true;
            return;
        };
        if ends.last < self.position {
            return self.seems_shrunk(now);
        }
        self.shrunk_since = None;
        if ends.first > self.position + 1 {
            self.restart(false);
        } else if following.is_lost || ends.last > self.position {
            let is_stuck = now >= following.heard + 2 * self.terms.patience;
            if following.is_lost || is_stuck {
                self.follow(now, ends.last);
            }
        } else if std::mem::take(&mut following.has_failed) || now > sent + self.terms.lease / 2 {
            // The stream was away. The leader gets the time to be heard again.
            following.heard = now;
        } else if !is_led || now >= following.heard + self.terms.patience {
            self.take_over(now);
        }
    }

    fn take_over(&mut self, now: Duration) {
        self.state = State::Appending(Flights::new(now));
        self.term = self.position + 1;
        self.send(now, Kind::Takeover, Bytes::new());
    }

    /// Appends a part of an epoch, and answers its serial. To be called while [`Role::takes_entries`].
    pub(super) fn append(&mut self, now: Duration, records: Bytes, is_last: bool) -> u64 {
        self.send(now, Kind::Part { is_last }, records);
        self.serial - 1
    }

    /// Gives up leading, once everything is acknowledged that was appended before.
    pub(super) fn resign(&mut self, now: Duration) {
        if std::mem::replace(&mut self.is_resigning, true) {
            return;
        }
        if self.leads() {
            self.send(now, Kind::Resignation, Bytes::new());
        } else {
            self.state = State::Away;
            self.tasks.push_back(Task::Left);
        }
    }

    fn send(&mut self, now: Duration, kind: Kind, records: Bytes) {
        let State::Appending(flights) = &mut self.state else { return };
        let entry = Arc::new(Entry {
            author: Arc::clone(&self.author),
            term: self.term,
            serial: self.serial,
            time: Timestamp::now(),
            kind,
            records,
        });
        self.serial += 1;
        self.attempts += 1;
        let sequence = flights.push(now, self.position, self.attempts, Arc::clone(&entry));
        self.tasks.push_back(Task::Append { attempt: self.attempts, sequence, entry });
    }

    /// The stream has acknowledged an append.
    pub(super) fn acknowledged(&mut self, now: Duration, attempt: u64) {
        let State::Appending(flights) = &mut self.state else { return };
        flights.acknowledge(attempt);
        while let State::Appending(flights) = &mut self.state
            && flights.is_front_acknowledged()
        {
            self.settle_front(now);
        }
    }

    /// An append was refused, or it is not known what became of it.
    pub(super) fn doubt(&mut self, attempt: u64) {
        let State::Appending(flights) = &mut self.state else { return };
        if flights.doubts(attempt) {
            self.tasks.push_back(Task::Look { sequence: self.position + 1 });
        }
    }

    /// The answer to a look at the message behind the last known one; `None` if there was no answer.
    pub(super) fn looked(&mut self, now: Duration, sequence: u64, look: Option<Look>) {
        let retry_at = now + self.terms.retry;
        let State::Appending(flights) = &mut self.state else { return };
        if !flights.end_look() {
            return;
        }
        let Some(front) = flights.front() else { return };
        if sequence != self.position + 1 {
            // Acknowledgements have come meanwhile.
            return self.look_on(now);
        }
        match look {
            None => flights.look_at(retry_at),
            Some(Look::Message(Ok(entry))) if entry.is(front) => {
                self.shrunk_since = None;
                self.settle_front(now);
                self.look_on(now);
            }
            Some(Look::Message(Ok(entry))) if flights.leads && entry.kind != Kind::Takeover => {
                // An append of a deposed leader has come late. It counts for nothing.
                self.position += 1;
                flights.rebase();
                self.look_on(now);
            }
            Some(Look::Message(Err(error))) => {
                self.step_back(format!("entry {sequence} of the stream {error}"));
            }
            Some(Look::Message(Ok(_)) | Look::Purged) => self.give_way(now),
            Some(Look::Shrunk) => {
                flights.look_at(retry_at);
                self.seems_shrunk(now);
            }
            Some(Look::End) => {
                for (sequence, attempt, entry) in
                    flights.again(now, self.position, &mut self.attempts)
                {
                    self.tasks.push_back(Task::Append { attempt, sequence, entry });
                }
            }
        }
    }

    /// Looks at the next message, if anything is still in flight.
    fn look_on(&mut self, now: Duration) {
        if let State::Appending(flights) = &mut self.state {
            flights.look_at(now);
            if flights.is_to_look(now) {
                self.tasks.push_back(Task::Look { sequence: self.position + 1 });
            }
        }
    }

    /// The first entry in flight is in the stream, at the next position.
    fn settle_front(&mut self, now: Duration) {
        let State::Appending(flights) = &mut self.state else { return };
        let Some(flight) = flights.pop() else { return };
        self.position += 1;
        self.reading.hear(&flight.entry);
        let sent = self.terms.lease_begins(flight.sent, now);
        self.acknowledged = self.acknowledged.max(sent);
        let kind = flight.entry.kind;
        if kind == Kind::Takeover {
            flights.leads = true;
            self.acknowledged = sent;
        }
        let (entry, sequence) = (flight.entry, self.position);
        self.tasks.push_back(Task::Acknowledged { entry, sequence, sent });
        match kind {
            Kind::Takeover => self.tasks.push_back(Task::Lead),
            Kind::Resignation => {
                self.state = State::Away;
                self.tasks.push_back(Task::Left);
            }
            Kind::Part { .. } => {}
        }
    }

    /// Another replica has appended. A leader throws away what it holds, since some of it may be in no entry. A replica
    /// that has only tried to take over holds nothing else than what it has read.
    fn give_way(&mut self, now: Duration) {
        if self.leads() {
            self.restart(true);
        } else {
            self.follow(now, self.position + 1);
        }
    }

    fn restart(&mut self, was_leading: bool) {
        if self.is_resigning {
            self.state = State::Away;
            self.tasks.push_back(Task::Left);
            return;
        }
        self.state = State::Starting;
        self.tasks.push_back(Task::Restart { was_leading });
    }

    /// The stream ends before something that was in it, as it seems: a NATS server that was cut off may know no better.
    fn seems_shrunk(&mut self, now: Duration) {
        let since = *self.shrunk_since.get_or_insert(now);
        if now < since + SHRUNK_LEASES * self.terms.lease {
            return;
        }
        self.step_back(format!(
            "the stream ends before entry {}, which this replica has read: it was deleted, or restored from an older \
             state. This replica keeps its groups; restart it to read the stream anew",
            self.position
        ));
    }

    pub(super) fn step_back(&mut self, reason: String) {
        self.state = State::Away;
        self.tasks.push_back(Task::StepBack(reason));
    }
}

/// For the simulation.
#[cfg(test)]
impl Role {
    /// Whether it leads and may show its groups, some of which may not be in the stream yet.
    pub(super) fn may_show(&self, now: Duration) -> bool {
        self.leads() && !self.is_resigning && now < self.acknowledged + self.terms.lease
    }

    pub(super) fn lets_all_count(&mut self, lets_all_count: bool) {
        self.reading.lets_all_count = lets_all_count;
    }

    pub(super) fn id(&self) -> String {
        self.author.id.clone()
    }

    /// Overlooks what was purged.
    pub(super) fn skip_to(&mut self, position: u64) {
        self.position = position;
    }
}
