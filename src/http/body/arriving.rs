//! Arriving bodies: how much room one client may take for them, and which bodies give way when others need the room.
//!
//! A body that arrives in one piece, as most do, is not listed here.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use tokio::sync::Notify;

use crate::http::body::in_flight::{InFlight, Room};
use crate::http::failure::Failure;

/// A body of which nothing has arrived for so long gives way when there is no room for others,
const STALLED_WAIT: Duration = Duration::from_secs(1);
/// and so does a body that is as old and has arrived more slowly than this, in bytes a second.
const SLOW_BYTES_PER_SECOND: f64 = 65_536.0;
/// While less than this part of all room is left, no client takes more than this part for arriving bodies.
const SHARE: usize = 4;
/// Bodies give way until this part of all room is free, so that one look through the list serves many requests.
const FREED_PART: usize = 16;

/// All arriving bodies.
#[derive(Debug, Default)]
pub(crate) struct OnTheirWay {
    bodies: HashMap<u64, Body>,
    /// How much room the bodies of each client have. Clients without an address count as one.
    by_source: HashMap<Option<IpAddr>, usize>,
    begun: u64,
}

#[derive(Debug)]
struct Body {
    source: Option<IpAddr>,
    /// The room that the body holds.
    bytes: usize,
    /// How many bytes have come, since when, and when the last of them.
    arrived: usize,
    began: Instant,
    moved: Instant,
    gives_way: Arc<Notify>,
}

impl Body {
    /// Its rate, if that is so low that the body gives way.
    fn slowness(&self, now: Instant) -> Option<f64> {
        let age = now.duration_since(self.began);
        let rate = self.arrived as f64 / age.as_secs_f64();
        let is_stalled = now.duration_since(self.moved) >= STALLED_WAIT;
        let is_slow = age >= STALLED_WAIT && rate < SLOW_BYTES_PER_SECOND;
        (is_stalled || is_slow).then_some(rate)
    }
}

impl OnTheirWay {
    fn remove(&mut self, id: u64) -> Option<Body> {
        let body = self.bodies.remove(&id)?;
        if let Some(bytes) = self.by_source.get_mut(&body.source) {
            *bytes -= body.bytes;
            if *bytes == 0 {
                self.by_source.remove(&body.source);
            }
        }
        Some(body)
    }

    /// Makes the slowest bodies give way until they have freed `wanted` bytes, or none is left. Returns the bytes freed.
    fn give_way(&mut self, wanted: usize, now: Instant) -> usize {
        let slow = |(id, body): (&u64, &Body)| Some((body.slowness(now)?, *id));
        let mut slow: Vec<(f64, u64)> = self.bodies.iter().filter_map(slow).collect();
        slow.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
        let mut freed = 0;
        for (_, id) in slow {
            if freed >= wanted {
                break;
            }
            if let Some(body) = self.remove(id) {
                freed += body.bytes;
                body.gives_way.notify_one();
            }
        }
        freed
    }
}

impl InFlight {
    fn on_their_way(&self) -> MutexGuard<'_, OnTheirWay> {
        self.on_their_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the room of bodies that arrive too slowly, since another request needs `bytes`. Returns whether there were any.
    #[cold]
    pub(crate) fn make_room(&self, bytes: usize) -> bool {
        let wanted = bytes.saturating_add(self.bytes_max / FREED_PART);
        let freed = self.on_their_way().give_way(wanted, Instant::now());
        self.left.fetch_add(freed, Relaxed);
        freed > 0
    }
}

/// An arriving body, with its room. Dropping it takes it off the list.
pub(crate) struct Arriving<'r, 'i> {
    room: &'r mut Room<&'i InFlight>,
    id: u64,
    /// The room that the list has for it.
    bytes: usize,
    gives_way: Arc<Notify>,
}

impl<'r, 'i> Arriving<'r, 'i> {
    /// Lists a body of which `arrived` bytes have arrived, and takes room for `bytes`.
    pub(crate) fn begin(
        room: &'r mut Room<&'i InFlight>,
        bytes: usize,
        arrived: usize,
    ) -> Result<Arriving<'r, 'i>, Failure> {
        let (gives_way, now) = (Arc::new(Notify::new()), Instant::now());
        let body = Body {
            source: room.source,
            bytes: 0,
            arrived,
            began: now,
            moved: now,
            gives_way: Arc::clone(&gives_way),
        };
        let id = {
            let mut all = room.in_flight.on_their_way();
            all.begun += 1;
            let id = all.begun;
            all.bodies.insert(id, body);
            id
        };
        let mut arriving = Arriving { room, id, bytes: 0, gives_way };
        arriving.take(bytes)?;
        Ok(arriving)
    }

    /// Notes that more bytes have arrived.
    pub(crate) fn moved(&mut self, bytes: usize) {
        if let Some(body) = self.room.in_flight.on_their_way().bodies.get_mut(&self.id) {
            body.arrived += bytes;
            body.moved = Instant::now();
        }
    }

    /// Takes more room.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), Failure> {
        let in_flight = self.room.in_flight;
        let share = in_flight.bytes_max / SHARE;
        let is_tight = in_flight.left.load(Relaxed) < share;
        if is_tight {
            let all = in_flight.on_their_way();
            let of_source = all.by_source.get(&self.room.source).copied().unwrap_or_default();
            if of_source > 0 && of_source + bytes > share {
                drop(all);
                in_flight.make_room(bytes); // For the next.
                return Err(no_room());
            }
        }
        if !self.room.take(bytes) {
            return Err(no_room());
        }
        let mut all = in_flight.on_their_way();
        let Some(body) = all.bodies.get_mut(&self.id) else { return Err(gave_way()) };
        body.bytes += bytes;
        self.bytes += bytes;
        let source = body.source;
        *all.by_source.entry(source).or_default() += bytes;
        Ok(())
    }

    /// Takes more room if no other body has any. Otherwise a body as large as all room would never be read.
    pub(crate) fn take_alone(&mut self, bytes: usize) -> Result<(), Failure> {
        let in_flight = self.room.in_flight;
        if self.room.bytes() + in_flight.left.load(Relaxed) < in_flight.bytes_max {
            return Err(no_room());
        }
        self.take(bytes)
    }

    /// Gives some of its room back.
    pub(crate) fn give_back(&mut self, bytes: usize) {
        let mut all = self.room.in_flight.on_their_way();
        let Some(body) = all.bodies.get_mut(&self.id) else { return }; // All of it has been given back.
        body.bytes -= bytes;
        let source = body.source;
        if let Some(of_source) = all.by_source.get_mut(&source) {
            *of_source -= bytes;
        }
        drop(all);
        self.bytes -= bytes;
        self.room.change_to(self.room.bytes() - bytes);
    }

    /// Returns once the body has given way to others.
    pub(crate) async fn given_way(&self) {
        self.gives_way.notified().await;
    }

    /// Takes the body off the list: it is complete.
    pub(crate) fn end(mut self) -> Result<(), Failure> {
        if self.forget() { Ok(()) } else { Err(gave_way()) }
    }

    /// Returns whether it was listed.
    fn forget(&mut self) -> bool {
        let bytes = std::mem::take(&mut self.bytes);
        let id = std::mem::take(&mut self.id); // None begins with 0.
        if id == 0 {
            return true;
        }
        let is_known = self.room.in_flight.on_their_way().remove(id).is_some();
        if !is_known {
            self.room.bytes -= bytes; // The list has given it back.
        }
        is_known
    }
}

impl Drop for Arriving<'_, '_> {
    fn drop(&mut self) {
        self.forget();
    }
}

/// There is no room for the rest of a body, which is then not read.
fn no_room() -> Failure {
    Failure::no_room().closing()
}

pub(crate) fn gave_way() -> Failure {
    let reason = "the body came so slowly that its room under --push.max-bytes-in-flight went to other pushes; send it again";
    Failure::new(StatusCode::REQUEST_TIMEOUT, reason).closing()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(in_flight: &InFlight, host: u8) -> Room<&InFlight> {
        Room::of(in_flight).sent_by(Some(IpAddr::from([127, 0, 0, host])))
    }

    /// As if so much time had passed.
    fn later(in_flight: &InFlight, wait: Duration) {
        let mut all = in_flight.on_their_way();
        for body in all.bodies.values_mut() {
            body.began -= wait;
            body.moved -= wait;
        }
    }

    #[test]
    fn the_slowest_bodies_give_way_and_no_others() {
        let in_flight = InFlight::new(1000);
        let (mut first, mut second, mut third) =
            (room(&in_flight, 1), room(&in_flight, 2), room(&in_flight, 3));
        let slow = Arriving::begin(&mut first, 400, 1).expect("there is room");
        let slower = Arriving::begin(&mut second, 400, 0).expect("there is room");
        let mut other = Room::of(&in_flight);
        assert!(other.take(200) && !other.take(1), "they may still come");
        later(&in_flight, STALLED_WAIT);
        let quick = Arriving::begin(&mut third, 300, 300).expect("the slower one gives way");
        assert!(slower.end().is_err());
        assert!(other.take(100) && slow.end().is_ok(), "one was enough");
        drop((first, second));
        assert!(quick.end().is_ok());
        drop((third, other));
        assert_eq!((in_flight.taken(), in_flight.on_their_way().by_source.len()), (0, 0));
    }

    #[test]
    fn a_source_takes_a_share_while_there_is_little_room() {
        let in_flight = InFlight::new(1000);
        let mut rooms: Vec<_> = (0..9).map(|_| room(&in_flight, 1)).collect();
        let bodies: Vec<_> =
            rooms.iter_mut().map_while(|room| Arriving::begin(room, 100, 1).ok()).collect();
        assert_eq!(bodies.len(), 8, "until a quarter is left");
        let mut another = room(&in_flight, 2);
        let mut one = Arriving::begin(&mut another, 150, 1).expect("the rest is for others");
        assert!(one.take(10).is_ok());
        drop((one, bodies));
        drop((rooms, another));
        assert_eq!(in_flight.taken(), 0);
    }

    #[test]
    fn a_body_that_moves_is_not_stalled() {
        let in_flight = InFlight::new(1000);
        let mut all = room(&in_flight, 1);
        let mut body = Arriving::begin(&mut all, 900, 10).expect("there is room");
        later(&in_flight, STALLED_WAIT);
        body.moved(100_000);
        assert!(!Room::of(&in_flight).take(200));
        later(&in_flight, STALLED_WAIT);
        assert!(Room::of(&in_flight).take(200));
        assert!(body.end().is_err());
        assert_eq!(all.bytes(), 0);
    }
}
