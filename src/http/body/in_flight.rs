//! Room for bodies: how many bytes of bodies, and of what large bodies were decoded to, all requests together hold.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::http::body::arriving::OnTheirWay;

/// The room that all requests share.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) bytes_max: usize,
    pub(crate) left: AtomicUsize,
    pub(crate) on_their_way: Mutex<OnTheirWay>,
}

impl InFlight {
    /// Room for `bytes_max` bytes.
    pub(crate) fn new(bytes_max: usize) -> InFlight {
        let left = AtomicUsize::new(bytes_max);
        InFlight { bytes_max, left, on_their_way: Mutex::default() }
    }

    /// How many bytes are taken.
    pub(crate) fn taken(&self) -> usize {
        self.bytes_max - self.left.load(Relaxed)
    }
}

/// The room that one request has taken. Dropping it gives the room back.
#[derive(Debug)]
pub(crate) struct Room<F: Deref<Target = InFlight>> {
    pub(crate) in_flight: F,
    pub(crate) bytes: usize,
    pub(crate) source: Option<IpAddr>,
}

impl<F: Deref<Target = InFlight>> Room<F> {
    /// Nothing yet.
    pub(crate) fn of(in_flight: F) -> Room<F> {
        Room { in_flight, bytes: 0, source: None }
    }

    /// The same room, taken for a client at this address.
    pub(crate) fn sent_by(self, source: Option<IpAddr>) -> Room<F>
    where
        F: Copy,
    {
        Room { in_flight: self.in_flight, bytes: 0, source }
    }

    /// How many bytes this room holds.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes more, if necessary from bodies that arrive too slowly. Returns whether there was enough.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        let left = &self.in_flight.left;
        let take = || left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(bytes)).is_ok();
        let is_taken = take() || (self.in_flight.make_room(bytes) && take());
        if is_taken {
            self.bytes += bytes;
        }
        is_taken
    }

    /// Takes more or gives back until it holds so many bytes. Returns whether there was enough.
    pub(crate) fn change_to(&mut self, bytes: usize) -> bool {
        if bytes > self.bytes {
            return self.take(bytes - self.bytes);
        }
        let freed = std::mem::replace(&mut self.bytes, bytes) - bytes;
        if freed > 0 {
            self.in_flight.left.fetch_add(freed, Relaxed);
        }
        true
    }

    /// The same room, held through another pointer to the shared room.
    pub(crate) fn through<G: Deref<Target = InFlight>>(mut self, in_flight: G) -> Room<G> {
        Room { in_flight, bytes: std::mem::take(&mut self.bytes), source: self.source }
    }
}

impl<F: Deref<Target = InFlight>> Drop for Room<F> {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.in_flight.left.fetch_add(self.bytes, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_takes_nothing_and_what_is_dropped_makes_room() {
        let in_flight = InFlight::new(10);
        let (mut one, mut other) = (Room::of(&in_flight), Room::of(&in_flight));
        assert!(one.take(4) && other.take(6));
        assert!(!one.take(1), "it is full");
        drop(other);
        assert!(one.take(2) && !one.take(5) && one.take(4));
        assert!(!one.change_to(11) && one.change_to(3));
        assert_eq!((in_flight.left.load(Relaxed), in_flight.taken()), (7, 3));
        let one = one.through(&in_flight);
        assert_eq!(in_flight.left.load(Relaxed), 7);
        drop(one);
        assert_eq!(in_flight.left.load(Relaxed), 10);
    }
}
