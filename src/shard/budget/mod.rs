//! How much may be stored, by all pushers together or by one owner of groups.
//!
//! `weight` says how many bytes each thing counts for. `claim` is what a push does with a budget: it claims the growth of its
//! group before it changes anything, and is rejected when the budget has too little left. Room that a push frees is given back
//! only after the push has been applied. Until then the push may still be rejected, and then needs that room itself.

pub(super) mod claim;
pub(super) mod weight;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The most of each; `u64::MAX` where there is no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Groups.
    pub groups: u64,
    /// Series, the push times of every group included.
    pub series: u64,
    /// Bytes of all that pushes leave behind: samples as text, protobuf forms, keys, and what the tables take.
    /// Those of the gateway include names of families and help texts, which groups share.
    pub bytes: u64,
}

impl Limits {
    /// No bound at all.
    pub const NONE: Limits = Limits { groups: u64::MAX, series: u64::MAX, bytes: u64::MAX };
}

/// How much there is of what [`Limits`] bounds.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the limits say it")]
pub struct Usage {
    pub groups: u64,
    pub series: u64,
    pub bytes: u64,
}

impl Usage {
    pub(super) fn with_bytes(self, bytes: u64) -> Usage {
        Usage { bytes: self.bytes + bytes, ..self }
    }

    /// What this has more than `other` of each.
    pub(super) fn beyond(self, other: Usage) -> Usage {
        Usage {
            groups: self.groups.saturating_sub(other.groups),
            series: self.series.saturating_sub(other.series),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }

    pub(super) fn amounts(self) -> [u64; 3] {
        [self.groups, self.series, self.bytes]
    }
}

/// Which of the limits is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the limits say it")]
pub enum Bound {
    Groups,
    Series,
    Bytes,
}

impl Bound {
    /// In the order of [`Usage::amounts`].
    const ALL: [Bound; 3] = [Bound::Groups, Bound::Series, Bound::Bytes];
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Bound::Groups => "groups",
            Bound::Series => "series",
            Bound::Bytes => "bytes",
        })
    }
}

/// Which budget is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The budget of the gateway.
    Gateway,
    /// The budget of the user who pushed.
    Owner,
}

/// Why a consistent push is not stored. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    /// Which budget is used up.
    pub whose: Whose,
    /// Which of its limits.
    pub bound: Bound,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.whose, self.bound) {
            (Whose::Gateway, Bound::Bytes) => f.write_str(
                "the gateway is full: as many bytes as --storage.max-bytes allows are stored",
            ),
            (Whose::Gateway, bound) => write!(
                f,
                "the gateway is full: as many {bound} as --storage.max-series allows are stored"
            ),
            (Whose::Owner, bound) => write!(f, "the user's quota of {bound} is used up"),
        }
    }
}

/// The limits of what may be stored, and what is stored. All shards take from it and give back.
#[derive(Debug, Default)]
pub struct Budget {
    limits: [AtomicU64; 3],
    used: [AtomicU64; 3],
}

impl Budget {
    /// A budget of which nothing is used.
    pub fn new(limits: Limits) -> Budget {
        let budget = Budget::default();
        budget.set_limits(limits);
        budget
    }

    /// Changes the limits. What is stored stays, even where it is more.
    pub fn set_limits(&self, limits: Limits) {
        let limits = [limits.groups, limits.series, limits.bytes];
        for (limit, new) in self.limits.iter().zip(limits) {
            limit.store(new, Relaxed);
        }
    }

    /// The limits.
    pub fn limits(&self) -> Limits {
        let [groups, series, bytes] = self.limits.each_ref().map(|limit| limit.load(Relaxed));
        Limits { groups, series, bytes }
    }

    /// What is stored, with what pushes have claimed that are being applied.
    pub fn used(&self) -> Usage {
        let [groups, series, bytes] = self.used.each_ref().map(|used| used.load(Relaxed));
        Usage { groups, series, bytes }
    }

    /// Whether more is stored than may be.
    pub fn is_exceeded(&self) -> bool {
        let mut both = self.used.iter().zip(&self.limits);
        both.any(|(used, limit)| used.load(Relaxed) > limit.load(Relaxed))
    }

    /// Takes all of it. Takes nothing if room is needed and there is too little.
    pub(super) fn take_if(&self, needs_room: bool, wanted: Usage) -> Result<(), Bound> {
        if needs_room {
            return self.take(wanted);
        }
        self.add(wanted);
        Ok(())
    }

    fn take(&self, wanted: Usage) -> Result<(), Bound> {
        let amounts = wanted.amounts();
        for (at, amount) in amounts.into_iter().enumerate().filter(|(_, amount)| *amount > 0) {
            let limit = self.limits[at].load(Relaxed);
            let fits = |used: u64| used.checked_add(amount).filter(|sum| *sum <= limit);
            if self.used[at].fetch_update(Relaxed, Relaxed, fits).is_err() {
                let mut taken = [0; 3];
                taken[..at].copy_from_slice(&amounts[..at]);
                self.subtract(taken);
                return Err(Bound::ALL[at]);
            }
        }
        Ok(())
    }

    pub(super) fn add(&self, wanted: Usage) {
        for (used, amount) in self.used.iter().zip(wanted.amounts()) {
            if amount > 0 {
                used.fetch_add(amount, Relaxed);
            }
        }
    }

    pub(super) fn give_back(&self, usage: Usage) {
        self.subtract(usage.amounts());
    }

    fn subtract(&self, amounts: [u64; 3]) {
        for (used, amount) in self.used.iter().zip(amounts) {
            if amount > 0 {
                used.fetch_sub(amount, Relaxed);
            }
        }
    }
}
