//! The entries that are on their way into the stream, in order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::super::entry::Entry;

/// How many entries may be on their way at a time.
const FLIGHTS_LEN: usize = 16;

/// An entry that the stream has not acknowledged yet.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) entry: Arc<Entry>,
    /// When it was first sent. Whichever copy is taken was taken after that.
    pub(super) sent: Duration,
    /// Its last copy.
    attempt: u64,
    is_acknowledged: bool,
}

/// All of them, and the look at the stream that finds out what has become of them.
#[derive(Debug)]
pub(super) struct Flights {
    /// Whether the takeover is in the stream.
    pub(super) leads: bool,
    /// When an entry was last sent.
    pub(super) last_sent: Duration,
    flights: VecDeque<Flight>,
    is_looking: bool,
    look_at: Option<Duration>,
}

impl Flights {
    pub(super) fn new(now: Duration) -> Flights {
        let flights = VecDeque::new();
        Flights { leads: false, last_sent: now, flights, is_looking: false, look_at: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.flights.is_empty()
    }

    /// Whether another may be sent: while something is in doubt, none is.
    pub(super) fn has_room(&self) -> bool {
        self.flights.len() < FLIGHTS_LEN && !self.is_looking && self.look_at.is_none()
    }

    /// Sends one more. Answers where in the stream it shall be, if `position` is the last entry that is known to be there.
    pub(super) fn push(
        &mut self,
        now: Duration,
        position: u64,
        attempt: u64,
        entry: Arc<Entry>,
    ) -> u64 {
        self.last_sent = now;
        self.flights.push_back(Flight { entry, sent: now, attempt, is_acknowledged: false });
        position + self.flights.len() as u64
    }

    pub(super) fn front(&self) -> Option<&Entry> {
        self.flights.front().map(|flight| &*flight.entry)
    }

    pub(super) fn pop(&mut self) -> Option<Flight> {
        self.flights.pop_front()
    }

    pub(super) fn acknowledge(&mut self, attempt: u64) {
        if let Some(flight) = self.flights.iter_mut().find(|flight| flight.attempt == attempt) {
            flight.is_acknowledged = true;
        }
    }

    pub(super) fn is_front_acknowledged(&self) -> bool {
        self.flights.front().is_some_and(|flight| flight.is_acknowledged)
    }

    /// It is not known what has become of a copy. Answers whether to look now.
    pub(super) fn doubts(&mut self, attempt: u64) -> bool {
        let is_current =
            self.flights.iter().any(|flight| flight.attempt == attempt && !flight.is_acknowledged);
        let is_to_look = is_current && !self.is_looking && self.look_at.is_none();
        self.is_looking |= is_to_look;
        is_to_look
    }

    /// Looks at the stream at this time.
    pub(super) fn look_at(&mut self, at: Duration) {
        self.look_at = Some(at);
    }

    /// Whether to look now.
    pub(super) fn is_to_look(&mut self, now: Duration) -> bool {
        let is_due = !self.is_looking && self.look_at.is_some_and(|at| now >= at);
        if is_due {
            self.look_at = None;
            self.is_looking = !self.flights.is_empty();
        }
        is_due && self.is_looking
    }

    /// A look has ended. Answers whether there was one.
    pub(super) fn end_look(&mut self) -> bool {
        std::mem::take(&mut self.is_looking)
    }

    /// Something else stands where the first of them should be. Those that were acknowledged stand in the wrong order now,
    /// and count for nothing.
    pub(super) fn rebase(&mut self) {
        self.flights.iter_mut().for_each(|flight| flight.is_acknowledged = false);
        self.forget_attempts();
    }

    fn forget_attempts(&mut self) {
        self.flights.iter_mut().for_each(|flight| flight.attempt = 0);
    }

    /// Sends all of them again, behind `position`.
    pub(super) fn again(
        &mut self,
        now: Duration,
        position: u64,
        attempts: &mut u64,
    ) -> Vec<(u64, u64, Arc<Entry>)> {
        self.last_sent = now;
        let flights = self.flights.iter_mut().zip(position + 1..);
        let again = flights.map(|(flight, sequence)| {
            *attempts += 1;
            (flight.attempt, flight.is_acknowledged) = (*attempts, false);
            (sequence, *attempts, Arc::clone(&flight.entry))
        });
        again.collect()
    }
}
