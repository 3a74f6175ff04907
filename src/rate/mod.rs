//! Rate limits: the generic cell rate algorithm, a token bucket of which one number is kept.
//!
//! That number is the moment at which the bucket is full again. Each token taken moves the moment on by the time
//! in which one token is earned. The moment may be ahead of now by the time in which an empty bucket fills.
//! `bucket` is such a bucket that several threads take tokens from.

mod bucket;

use std::time::Duration;

pub(crate) use bucket::Bucket;

/// How often something may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The time in which one token is earned.
    pub interval: Duration,
    /// How many tokens the bucket holds.
    pub burst: u32,
}

impl Rate {
    /// Takes a token at `now` from the bucket that is full at `full`, and returns when the bucket is full again.
    ///
    /// # Errors
    /// The time until there is a token, when there is none.
    pub(crate) fn take(self, full: Duration, now: Duration) -> Result<Duration, Duration> {
        let after = full.max(now).saturating_add(self.interval);
        let latest = now.saturating_add(self.interval.saturating_mul(self.burst));
        if after <= latest { Ok(after) } else { Err(after - latest) }
    }
}
