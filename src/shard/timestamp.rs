//! A moment, as it is stored and as it is shown.

use std::time::{Duration, SystemTime};

/// A moment, in nanoseconds since 1970; zero for never.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Never.
    pub const NEVER: Timestamp = Timestamp(0);

    /// This moment.
    pub fn now() -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    /// So many nanoseconds after 1970.
    pub fn from_nanos(nanos: u64) -> Timestamp {
        Timestamp(nanos)
    }

    /// So many seconds after 1970; `None` where that is no moment. What [`Timestamp::seconds`] says of a moment
    /// becomes one of which it says the same.
    pub fn from_seconds(seconds: f64) -> Option<Timestamp> {
        if !(0.0..u64::MAX as f64 / 1e9).contains(&seconds) {
            return None;
        }
        // Each by itself, since their sum has more digits than a float.
        let (whole, part) = (seconds.trunc() as u64, (seconds.fract() * 1e9).round() as u64);
        Some(Timestamp(whole * 1_000_000_000 + part))
    }

    /// So long after this moment.
    pub fn after(self, time: Duration) -> Timestamp {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Timestamp(self.0.saturating_add(nanos))
    }

    /// Nanoseconds since 1970.
    pub fn nanos(self) -> u64 {
        self.0
    }

    /// Seconds since 1970, as the push times are exposed.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_lead_to_a_moment_that_says_the_same() {
        let mut nanos = 1_700_000_000_000_000_000_u64;
        for step in 0..100_000 {
            nanos += 7_654_321_987 + step;
            let seconds = Timestamp(nanos).seconds();
            assert_eq!(Timestamp::from_seconds(seconds).map(Timestamp::seconds), Some(seconds));
        }
        assert_eq!(Timestamp::from_seconds(0.0), Some(Timestamp::NEVER));
        assert_eq!(Timestamp::from_seconds(-0.0), Some(Timestamp::NEVER));
        assert_eq!(Timestamp::from_seconds(1.5), Some(Timestamp(1_500_000_000)));
        assert_eq!(
            Timestamp::from_seconds(1.75e9 + 0.25),
            Some(Timestamp(1_750_000_000_250_000_000))
        );
        for nonsense in [-1e-9, f64::NAN, f64::INFINITY, 1e11] {
            assert_eq!(Timestamp::from_seconds(nonsense), None, "{nonsense}");
        }
    }
}
