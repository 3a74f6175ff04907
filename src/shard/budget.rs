//! How much may be stored, by everybody together or by one owner of groups.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The most of each; `u64::MAX` where there is no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Groups.
    pub groups: u64,
    /// Series, the push times of every group included.
    pub series: u64,
    /// Bytes of samples, as the plain text format has them.
    pub bytes: u64,
}

impl Limits {
    /// No bound at all.
    pub const NONE: Limits = Limits { groups: u64::MAX, series: u64::MAX, bytes: u64::MAX };
}

/// What may be stored and what is. Shared by the shards, each of which takes from it and gives back.
#[derive(Debug, Default)]
pub struct Budget {
    limits: [AtomicU64; 3],
    used: [AtomicU64; 3],
}

impl Budget {
    /// A budget of which nothing is used.
    pub fn new(limits: Limits) -> Budget {
        let limits = [limits.groups, limits.series, limits.bytes].map(AtomicU64::new);
        Budget { limits, used: Default::default() }
    }

    /// Changes the limits. What is stored stays, even where it is more.
    pub fn set_limits(&self, limits: Limits) {
        let limits = [limits.groups, limits.series, limits.bytes];
        for (limit, new) in self.limits.iter().zip(limits) {
            limit.store(new, Relaxed);
        }
    }
}
