//! Pushes that were shed: rejected because there was no room.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How long the gateway is not ready after it has shed a push.
pub const SHED_WAIT: Duration = Duration::from_secs(1);

/// What there was no room in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shed {
    /// The series stored.
    Series,
    /// The bytes stored.
    Bytes,
    /// What one user may store.
    Quota,
    /// The queue of a shard.
    Queue,
    /// The bodies in memory.
    InFlight,
}

impl Shed {
    const ALL: [(Shed, &'static str); 5] = [
        (Shed::Series, "series"),
        (Shed::Bytes, "bytes"),
        (Shed::Quota, "quota"),
        (Shed::Queue, "queue"),
        (Shed::InFlight, "in_flight"),
    ];

    /// Whether it passes by itself, and meanwhile concerns every push. A full storage is neither.
    fn is_load(self) -> bool {
        matches!(self, Shed::Queue | Shed::InFlight)
    }
}

/// How many were shed, and when last.
#[derive(Debug, Default)]
pub(super) struct Shedding {
    counts: [AtomicU64; Shed::ALL.len()],
    /// When the gateway last shed for load, in milliseconds after its start, rounded up; 0 for never.
    last: AtomicU64,
}

impl Shedding {
    pub(super) fn count(&self, shed: Shed, started: Instant) {
        self.counts[shed as usize].fetch_add(1, Relaxed);
        if shed.is_load() {
            self.last.store(millis(started.elapsed()) + 1, Relaxed);
        }
    }

    /// Whether it was within [`SHED_WAIT`].
    pub(super) fn is_recent(&self, started: Instant) -> bool {
        let last = self.last.load(Relaxed);
        last > 0 && millis(started.elapsed()) < last + millis(SHED_WAIT)
    }

    /// Each reason with its count.
    pub(super) fn each(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Shed::ALL.iter().zip(&self.counts).map(|((_, name), count)| (*name, count.load(Relaxed)))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_in_the_order_of_their_enum() {
        assert!(Shed::ALL.iter().enumerate().all(|(at, (shed, _))| *shed as usize == at));
    }

    #[test]
    fn only_load_makes_it_recent_and_only_for_a_while() {
        let (shedding, started) = (Shedding::default(), Instant::now());
        assert!(!shedding.is_recent(started));
        for shed in [Shed::Series, Shed::Bytes, Shed::Quota] {
            shedding.count(shed, started);
        }
        assert!(!shedding.is_recent(started));
        shedding.count(Shed::Queue, started);
        assert!(shedding.is_recent(started));
        let earlier = started.checked_sub(SHED_WAIT + Duration::from_millis(2));
        assert!(!shedding.is_recent(earlier.expect("the machine has run for so long")));
        assert_eq!(shedding.each().map(|(_, count)| count).collect::<Vec<_>>(), [1, 1, 1, 1, 0]);
    }
}
