//! What a replica does next: follows, takes over, leads, gives way. Pure: what was heard and the time go in, what to do
//! comes out.
//!
//! Start with [`Role`], whose methods say what has happened; [`Role::next`] says what to do about it. `following` is what a
//! follower makes of what it hears, `appending` what a leader makes of the answers to its appends, and `flights` are the
//! entries that the stream has not acknowledged yet. Times are durations since any one moment.
//!
//! **Invariants:** a replica leads only after its takeover is in the stream, up to which it has heard everything. An
//! entry counts as acknowledged only after all entries of its author before it. Within the lease of an acknowledged
//! append, no other replica takes over.

mod appending;
mod flights;
mod following;
#[cfg(test)]
mod simulated;
mod task;
mod terms;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use self::flights::Flights;
use self::following::Following;
pub(super) use self::task::{Anew, Ends, Look, Task};
pub(super) use self::terms::Terms;
use super::entry::Author;
use super::reading::{Leading, Reading};

/// For how many leases all answers must say that the stream has lost entries.
const SHRUNK_LEASES: u32 = 10;

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

    /// Time has passed. A silent leader makes itself heard, unless it `has_more` parts of an epoch to append.
    pub(super) fn tick(&mut self, now: Duration, has_more: bool) {
        let is_led = self.reading.leading().is_some();
        let Terms { patience, retry, lease, .. } = self.terms;
        match &mut self.state {
            State::Following(following) => {
                let is_silent = !is_led || now >= following.heard + patience;
                let is_caught_up = self.position >= following.target;
                let is_stuck = now >= following.heard + 2 * patience;
                let is_wanted = following.is_lost
                    || is_stuck
                    || is_silent && is_caught_up
                    || following.aims_since.is_some();
                if is_wanted && following.probing.is_none() && now >= following.probe_at {
                    following.probing = Some(now);
                    following.probe_at = now + retry;
                    self.tasks.push_back(Task::Probe { sent: now });
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

    fn restart(&mut self, why: Anew) {
        if self.is_resigning {
            self.state = State::Away;
            self.tasks.push_back(Task::Left);
            return;
        }
        self.state = State::Starting;
        self.tasks.push_back(Task::Restart(why));
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
