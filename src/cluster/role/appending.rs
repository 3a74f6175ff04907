//! A replica that appends: its takeover first, and once it leads, what has changed.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::super::entry::{Entry, Kind};
use super::{Anew, Look, Role, State, Task};
use crate::shard::Timestamp;

impl Role {
    /// Appends a part of an epoch, and answers its serial. To be called while [`Role::takes_entries`].
    pub(in crate::cluster) fn append(
        &mut self,
        now: Duration,
        records: Bytes,
        is_last: bool,
    ) -> u64 {
        self.send(now, Kind::Part { is_last }, records);
        self.serial - 1
    }

    /// Gives up leading, once everything is acknowledged that was appended before.
    pub(in crate::cluster) fn resign(&mut self, now: Duration) {
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

    pub(super) fn send(&mut self, now: Duration, kind: Kind, records: Bytes) {
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
    pub(in crate::cluster) fn acknowledged(&mut self, now: Duration, attempt: u64) {
        let State::Appending(flights) = &mut self.state else { return };
        flights.acknowledge(attempt);
        while let State::Appending(flights) = &mut self.state
            && flights.is_front_acknowledged()
        {
            self.settle_front(now);
        }
    }

    /// An append was refused, or it is not known what became of it.
    pub(in crate::cluster) fn doubt(&mut self, attempt: u64) {
        let State::Appending(flights) = &mut self.state else { return };
        if flights.doubts(attempt) {
            self.tasks.push_back(Task::Look { sequence: self.position + 1 });
        }
    }

    /// The answer to a look at the message behind the last known one; `None` if there was no answer.
    pub(in crate::cluster) fn looked(&mut self, now: Duration, sequence: u64, look: Option<Look>) {
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
            self.restart(Anew::Deposed);
        } else {
            self.follow(now, self.position + 1);
        }
    }
}
