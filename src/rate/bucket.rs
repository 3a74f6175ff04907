//! The bucket of a rate limit, shared by all who take tokens from it.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Rate;

/// A bucket without a lock: a client that takes a token never waits for another client.
#[derive(Debug)]
pub(crate) struct Bucket {
    began: Instant,
    /// Nanoseconds in which one token is earned; 0 where there is no limit.
    interval: AtomicU64,
    /// How many tokens it holds.
    burst: AtomicU32,
    /// When it is full again, in nanoseconds since `began`.
    full: AtomicU64,
}

impl Default for Bucket {
    /// A bucket without a limit.
    fn default() -> Bucket {
        Bucket {
            began: Instant::now(),
            interval: AtomicU64::new(0),
            burst: AtomicU32::new(0),
            full: AtomicU64::new(0),
        }
    }
}

impl Bucket {
    /// Sets the limit; there is none where the interval is zero. A bucket whose limit changes is full.
    pub(crate) fn set(&self, rate: Option<Rate>) {
        let Rate { interval, burst } = rate.unwrap_or(Rate { interval: Duration::ZERO, burst: 0 });
        let interval = nanos(interval);
        let was = self.interval.swap(interval, Ordering::Relaxed);
        if self.burst.swap(burst, Ordering::Relaxed) != burst || was != interval {
            self.full.store(0, Ordering::Relaxed);
        }
    }

    /// Whether there is a limit.
    pub(crate) fn is_bounded(&self) -> bool {
        self.interval.load(Ordering::Relaxed) > 0
    }

    /// Takes a token.
    ///
    /// # Errors
    /// The time until there is a token, when there is none.
    pub(crate) fn take(&self) -> Result<(), Duration> {
        if !self.is_bounded() {
            return Ok(());
        }
        self.take_at(nanos(self.began.elapsed()))
    }

    fn take_at(&self, now: u64) -> Result<(), Duration> {
        let interval = Duration::from_nanos(self.interval.load(Ordering::Relaxed));
        let rate = Rate { interval, burst: self.burst.load(Ordering::Relaxed) };
        let now = Duration::from_nanos(now);
        let mut wait = Duration::ZERO;
        let taken = self.full.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full| {
            let after = rate.take(Duration::from_nanos(full), now);
            after.map(nanos).map_err(|until| wait = until).ok()
        });
        taken.map(drop).map_err(|_| wait)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn bucket(interval_ms: u64, burst: u32) -> Bucket {
        let bucket = Bucket::default();
        bucket.set(Some(Rate { interval: Duration::from_millis(interval_ms), burst }));
        bucket
    }

    #[test]
    fn a_burst_is_taken_at_once_and_the_rest_as_it_is_earned() {
        let bucket = bucket(100, 3);
        assert!((0..3).all(|_| bucket.take_at(1000 * MS).is_ok()));
        assert_eq!(bucket.take_at(1000 * MS), Err(Duration::from_millis(100)));
        assert_eq!(bucket.take_at(1040 * MS), Err(Duration::from_millis(60)));
        assert!(bucket.take_at(1100 * MS).is_ok());
        assert!(bucket.take_at(1100 * MS).is_err(), "refusals cost nothing, and earn nothing");
        assert_eq!((0..9).filter(|_| bucket.take_at(9000 * MS).is_ok()).count(), 3);
    }

    #[test]
    fn no_interval_is_no_bound_and_no_burst_is_nothing() {
        assert!((0..1000).all(|_| Bucket::default().take().is_ok()));
        assert!(bucket(100, 0).take().is_err());
    }

    #[test]
    fn only_a_change_fills_the_bucket() {
        let bucket = bucket(60_000, 1);
        assert!(bucket.take().is_ok() && bucket.take().is_err());
        bucket.set(Some(Rate { interval: Duration::from_secs(60), burst: 1 }));
        assert!(bucket.take().is_err());
        bucket.set(Some(Rate { interval: Duration::from_secs(1), burst: 1 }));
        assert!(bucket.take().is_ok());
    }

    #[test]
    fn threads_take_no_more_than_there_is() {
        let bucket = bucket(3_600_000, 1000);
        let taken = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let took = (0..500).filter(|_| bucket.take().is_ok()).count();
                    taken.fetch_add(took as u64, Ordering::Relaxed);
                });
            }
        });
        assert_eq!(taken.into_inner(), 1000);
    }
}
