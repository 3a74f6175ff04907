//! Whether this process stood still lately: stopped by a signal, in a virtual machine that was paused, or on a machine that
//! had no time for it.
//!
//! A task of its own beats several times in a lease. A beat that comes a lease late ends a pause.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The beats of a process.
#[derive(Debug)]
pub(super) struct Pulse {
    started: Instant,
    /// How long a process stands still at least for a pause, and for how long it counts as one that was paused.
    pause: Duration,
    /// When it beat last, and when the last pause ended, in nanoseconds since `started`; 0 for never.
    beat: AtomicU64,
    woke: AtomicU64,
    /// How long that pause was.
    paused: AtomicU64,
}

impl Pulse {
    /// One that has not begun to beat, so no pause is seen.
    pub(super) fn new(started: Instant, pause: Duration) -> Pulse {
        let never = || AtomicU64::new(0);
        Pulse { started, pause, beat: never(), woke: never(), paused: never() }
    }

    /// Beats.
    pub(super) fn beat(&self, now: Instant) {
        let now = self.nanos(now);
        let last = self.beat.load(Ordering::Relaxed);
        if last != 0 && now.saturating_sub(last) >= self.pause.as_nanos() as u64 {
            self.paused.store(now - last, Ordering::Relaxed);
            self.woke.store(now, Ordering::Relaxed);
        }
        // Who sees this beat sees the pause that it has ended.
        self.beat.store(now, Ordering::Release);
    }

    /// How long the process stood still, if it goes on only since a moment ago.
    pub(super) fn paused(&self, now: Instant) -> Option<Duration> {
        let now = self.nanos(now);
        let since = |then: u64| Duration::from_nanos(now.saturating_sub(then));
        let beat = self.beat.load(Ordering::Acquire);
        if beat == 0 {
            return None;
        }
        // The process goes on, and the task that beats has not had its turn.
        if since(beat) >= self.pause {
            return Some(since(beat));
        }
        let woke = self.woke.load(Ordering::Relaxed);
        let is_late = woke != 0 && since(woke) < self.pause;
        is_late.then(|| Duration::from_nanos(self.paused.load(Ordering::Relaxed)))
    }

    /// As if a pause of this length had just ended; none if that is zero.
    #[cfg(test)]
    pub(super) fn stands_still(&self, now: Instant, paused: Duration) {
        self.paused.store(paused.as_nanos() as u64, Ordering::Relaxed);
        self.woke.store(if paused.is_zero() { 0 } else { self.nanos(now) }, Ordering::Relaxed);
        // Nobody beats in such a test.
        self.beat.store(u64::MAX, Ordering::Release);
    }

    fn nanos(&self, at: Instant) -> u64 {
        (at.saturating_duration_since(self.started).as_nanos() as u64).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_seen_before_and_after_the_beat_that_ends_it() {
        let started = Instant::now();
        let at = |milliseconds| started + Duration::from_millis(milliseconds);
        let pulse = Pulse::new(started, Duration::from_millis(1000));
        assert_eq!(pulse.paused(at(5000)), None, "it has not begun to beat");
        for beat in [5000, 5125, 6120] {
            pulse.beat(at(beat));
            assert_eq!(pulse.paused(at(beat + 999)), None, "a beat may be a little late");
        }
        assert_eq!(pulse.paused(at(9000)), Some(Duration::from_millis(2880)), "before the beat");
        pulse.beat(at(9000));
        for late in [9000, 9999] {
            pulse.beat(at(late));
            assert_eq!(pulse.paused(at(late)), Some(Duration::from_millis(2880)), "after it");
        }
        assert_eq!(
            pulse.paused(at(10_000)),
            None,
            "a lease later nothing is left of the time before"
        );
    }
}
