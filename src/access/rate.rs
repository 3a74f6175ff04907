//! A token bucket in one word: the generic cell rate algorithm.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often something may happen. Whoever takes from it never waits for another.
///
/// Instead of tokens it keeps the moment at which the bucket is full again. Each one taken moves that
/// moment on by the time in which one is earned; it may be ahead of now by what a full bucket takes to fill.
#[derive(Debug)]
pub(super) struct Rate {
    began: Instant,
    /// Nanoseconds in which one is earned; 0 where there is no bound.
    interval: AtomicU64,
    /// Nanoseconds in which an empty bucket fills.
    filling: AtomicU64,
    /// When the bucket is full again, in nanoseconds since it began.
    full: AtomicU64,
}

impl Default for Rate {
    /// No bound.
    fn default() -> Rate {
        Rate {
            began: Instant::now(),
            interval: AtomicU64::new(0),
            filling: AtomicU64::new(0),
            full: AtomicU64::new(0),
        }
    }
}

impl Rate {
    /// From now on one is earned in each `interval`, and up to `burst` are saved up; there is no bound where
    /// the interval is zero. A bucket that changes is full.
    pub(super) fn set(&self, interval: Duration, burst: u32) {
        let interval = nanos(interval);
        let filling = interval.saturating_mul(u64::from(burst));
        let was = self.interval.swap(interval, Ordering::Relaxed);
        if self.filling.swap(filling, Ordering::Relaxed) != filling || was != interval {
            self.full.store(0, Ordering::Relaxed);
        }
    }

    /// Whether there is a bound.
    pub(super) fn is_bounded(&self) -> bool {
        self.interval.load(Ordering::Relaxed) > 0
    }

    /// Takes one.
    ///
    /// # Errors
    /// The time until there is one, where there is none.
    pub(super) fn take(&self) -> Result<(), Duration> {
        if !self.is_bounded() {
            return Ok(());
        }
        self.take_at(nanos(self.began.elapsed()))
    }

    fn take_at(&self, now: u64) -> Result<(), Duration> {
        let interval = self.interval.load(Ordering::Relaxed);
        let latest = now.saturating_add(self.filling.load(Ordering::Relaxed));
        let after = |full: u64| full.max(now).saturating_add(interval);
        let taken = self.full.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full| {
            Some(after(full)).filter(|after| *after <= latest)
        });
        taken.map(drop).map_err(|full| Duration::from_nanos(after(full) - latest))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn rate(interval_ms: u64, burst: u32) -> Rate {
        let rate = Rate::default();
        rate.set(Duration::from_millis(interval_ms), burst);
        rate
    }

    #[test]
    fn a_burst_is_taken_at_once_and_the_rest_as_it_is_earned() {
        let rate = rate(100, 3);
        assert!((0..3).all(|_| rate.take_at(1000 * MS).is_ok()));
        assert_eq!(rate.take_at(1000 * MS), Err(Duration::from_millis(100)));
        assert_eq!(rate.take_at(1040 * MS), Err(Duration::from_millis(60)));
        assert!(rate.take_at(1100 * MS).is_ok());
        assert!(rate.take_at(1100 * MS).is_err(), "refusals cost nothing, and earn nothing");
        assert_eq!((0..9).filter(|_| rate.take_at(9000 * MS).is_ok()).count(), 3);
    }

    #[test]
    fn no_interval_is_no_bound_and_no_burst_is_nothing() {
        assert!((0..1000).all(|_| Rate::default().take().is_ok()));
        assert!(rate(100, 0).take().is_err());
    }

    #[test]
    fn only_a_change_fills_the_bucket() {
        let rate = rate(60_000, 1);
        assert!(rate.take().is_ok() && rate.take().is_err());
        rate.set(Duration::from_secs(60), 1);
        assert!(rate.take().is_err());
        rate.set(Duration::from_secs(1), 1);
        assert!(rate.take().is_ok());
    }

    #[test]
    fn threads_take_no_more_than_there_is() {
        let rate = rate(3_600_000, 1000);
        let taken = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let took = (0..500).filter(|_| rate.take().is_ok()).count();
                    taken.fetch_add(took as u64, Ordering::Relaxed);
                });
            }
        });
        assert_eq!(taken.into_inner(), 1000);
    }
}
