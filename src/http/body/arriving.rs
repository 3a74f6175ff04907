//! Bodies that are on their way: what one source may take, and which bodies give way when others need the room.
//!
//! A body that comes in one piece, as most do, is not known here.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::http::body::chunks::BodyError;
use crate::http::body::in_flight::{InFlight, Room};

/// A body of which nothing has come for so long gives way when there is no room for others,
const STALLED_WAIT: Duration = Duration::from_secs(1);
/// and so does one that is as old and has come more slowly than this, in bytes a second.
const SLOW_BYTES_PER_SECOND: f64 = 65_536.0;
/// While less than such a part of all room is left, no source takes more than such a part for bodies on their way.
const SHARE: usize = 4;
/// Bodies give way until such a part of all room is free, so that they are looked through once for many.
const FREED_PART: usize = 16;

/// All bodies that are on their way.
#[derive(Debug, Default)]
pub(in crate::http) struct OnTheirWay {
    bodies: HashMap<u64, Body>,
    /// How much room those of each source have; a source that is not known is one.
    by_source: HashMap<Option<IpAddr>, usize>,
    begun: u64,
}

#[derive(Debug)]
struct Body {
    source: Option<IpAddr>,
    /// The room that it has.
    bytes: usize,
    /// How many bytes have come, since when, and when the last of them.
    arrived: usize,
    began: Instant,
    moved: Instant,
    gives_way: Arc<Notify>,
}

impl Body {
    /// How fast it comes, if that is so slowly that it gives way.
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

    /// Lets the slowest bodies give way until so many bytes have come together, or there is none left. Answers how many.
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

    /// Takes the room of bodies that come too slowly, since somebody needs `bytes`. Answers whether there were any.
    #[cold]
    pub(in crate::http) fn make_room(&self, bytes: usize) -> bool {
        let wanted = bytes.saturating_add(self.bytes_max / FREED_PART);
        let freed = self.on_their_way().give_way(wanted, Instant::now());
        self.left.fetch_add(freed, Relaxed);
        freed > 0
    }
}

/// A body that is on its way, with its room. Forgotten when it is dropped.
pub(in crate::http) struct Arriving<'r, 'i> {
    room: &'r mut Room<&'i InFlight>,
    id: u64,
    /// The room that it has as others know it.
    bytes: usize,
    gives_way: Arc<Notify>,
}

impl<'r, 'i> Arriving<'r, 'i> {
    /// A body of which `arrived` bytes have come, which takes room for `bytes`.
    pub(in crate::http) fn begin(
        room: &'r mut Room<&'i InFlight>,
        bytes: usize,
        arrived: usize,
    ) -> Result<Arriving<'r, 'i>, BodyError> {
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

    /// Notes that more of it has come.
    pub(in crate::http) fn moved(&mut self, bytes: usize) {
        if let Some(body) = self.room.in_flight.on_their_way().bodies.get_mut(&self.id) {
            body.arrived += bytes;
            body.moved = Instant::now();
        }
    }

    /// Takes more room.
    pub(in crate::http) fn take(&mut self, bytes: usize) -> Result<(), BodyError> {
        let in_flight = self.room.in_flight;
        let share = in_flight.bytes_max / SHARE;
        let is_tight = in_flight.left.load(Relaxed) < share;
        if is_tight {
            let all = in_flight.on_their_way();
            let of_source = all.by_source.get(&self.room.source).copied().unwrap_or_default();
            if of_source > 0 && of_source + bytes > share {
                drop(all);
                in_flight.make_room(bytes); // For the next.
                return Err(BodyError::NoRoom { is_whole: false });
            }
        }
        if !self.room.take(bytes) {
            return Err(BodyError::NoRoom { is_whole: false });
        }
        let mut all = in_flight.on_their_way();
        let Some(body) = all.bodies.get_mut(&self.id) else { return Err(BodyError::GaveWay) };
        body.bytes += bytes;
        self.bytes += bytes;
        let source = body.source;
        *all.by_source.entry(source).or_default() += bytes;
        Ok(())
    }

    /// Takes more room if no other body has any: a body that may be as large as all room must not wait for ever.
    pub(in crate::http) fn take_alone(&mut self, bytes: usize) -> Result<(), BodyError> {
        let in_flight = self.room.in_flight;
        if self.room.bytes() + in_flight.left.load(Relaxed) < in_flight.bytes_max {
            return Err(BodyError::NoRoom { is_whole: false });
        }
        self.take(bytes)
    }

    /// Gives some of its room back.
    pub(in crate::http) fn give_back(&mut self, bytes: usize) {
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
    pub(in crate::http) async fn given_way(&self) {
        self.gives_way.notified().await;
    }

    /// Takes the body off the list: all of it is there.
    pub(in crate::http) fn end(mut self) -> Result<(), BodyError> {
        if self.forget() { Ok(()) } else { Err(BodyError::GaveWay) }
    }

    /// Answers whether it was known.
    fn forget(&mut self) -> bool {
        let bytes = std::mem::take(&mut self.bytes);
        let id = std::mem::take(&mut self.id); // None begins with 0.
        if id == 0 {
            return true;
        }
        let is_known = self.room.in_flight.on_their_way().remove(id).is_some();
        if !is_known {
            self.room.bytes -= bytes; // Somebody else has given it back.
        }
        is_known
    }
}

impl Drop for Arriving<'_, '_> {
    fn drop(&mut self) {
        self.forget();
    }
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
