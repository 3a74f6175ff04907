//! The clock that groups expire by.

use std::time::{Duration, Instant};

use crate::shard::timestamp::Timestamp;

/// How much faster this clock may run than time passes.
const FASTEST: u32 = 60;
/// How far the system's clock may be ahead before that is logged.
const JUMP_MIN: Duration = Duration::from_secs(60);

/// Follows the clock of the system, but runs at most 60 times as fast as time passes. A clock that jumps a day ahead and back
/// within a minute makes groups expire an hour early, and not a day.
#[derive(Debug)]
pub struct ExpiryClock {
    shown: Timestamp,
    at: Instant,
    is_behind: bool,
}

impl ExpiryClock {
    /// A clock that shows `wall` now.
    pub fn new(wall: Timestamp, at: Instant) -> ExpiryClock {
        ExpiryClock { shown: wall, at, is_behind: false }
    }

    /// What it shows at a moment when the clock of the system shows `wall`. It follows that clock back at once: groups then
    /// live longer rather than shorter.
    pub fn show(&mut self, wall: Timestamp, at: Instant) -> Timestamp {
        let fastest = self.shown.after(at.saturating_duration_since(self.at) * FASTEST);
        self.at = at;
        self.shown = wall.min(fastest);
        let behind = Duration::from_nanos(wall.nanos() - self.shown.nanos());
        if behind > JUMP_MIN && !self.is_behind {
            let seconds = behind.as_secs();
            tracing::warn!(
                seconds,
                "the system clock has jumped ahead: groups expire at a bounded pace until expiry has caught up"
            );
        }
        self.is_behind = !behind.is_zero() && (self.is_behind || behind > JUMP_MIN);
        self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_ahead_is_caught_up_with_slowly_and_one_back_is_followed_at_once() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let wall = |seconds: u64| Timestamp::from_nanos(seconds * 1_000_000_000);
        let mut clock = ExpiryClock::new(wall(1000), start);
        assert_eq!(clock.show(wall(1001), start + second), wall(1001));
        assert_eq!(clock.show(wall(90_000), start + 2 * second), wall(1061), "it jumped");
        assert!(clock.is_behind);
        assert_eq!(clock.show(wall(90_001), start + 3 * second), wall(1121));
        assert_eq!(clock.show(wall(1004), start + 4 * second), wall(1004), "and back");
        assert!(!clock.is_behind);
        assert_eq!(clock.show(wall(500), start + 5 * second), wall(500));
        assert_eq!(clock.show(wall(530), start + 6 * second), wall(530), "a small one is no jump");
        assert!(!clock.is_behind);
    }
}
