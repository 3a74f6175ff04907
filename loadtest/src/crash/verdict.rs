//! What a gateway promises, and what became of it.

use std::time::{Duration, Instant};

/// When an acknowledged operation is safe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Promise {
    /// Once it is acknowledged.
    Push,
    /// That long after it was acknowledged.
    Interval(Duration),
}

impl Promise {
    /// Whether what was answered then had to survive. Both times err on the gateway's side: an
    /// answer is read after it was given, and the signal comes after its time was taken.
    pub(super) fn covers(self, answered: Instant, killed: Instant) -> bool {
        match self {
            Self::Push => true,
            Self::Interval(interval) => killed.saturating_duration_since(answered) > interval,
        }
    }
}

/// Findings, by their kind. All but the operations themselves and what was lost within the interval
/// are failures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    /// Acknowledged pushes, each looked for once.
    pub(crate) pushes: u64,
    /// Acknowledged deletes.
    pub(crate) deletes: u64,
    /// Operations without an answer, or with one that says nothing: applied or not, either is right.
    pub(crate) in_doubt: u64,
    /// Acknowledged pushes of which neither they nor a later operation is there.
    pub(crate) lost: u64,
    /// Operations that are not there and need not be yet.
    pub(crate) within_interval: u64,
    /// Acknowledged deletes whose group is back as it was before them.
    pub(crate) resurrected: u64,
    /// Groups with a version that was never sent to them.
    pub(crate) phantom: u64,
    /// Groups in a state that they never had: parts of several pushes, or of one.
    pub(crate) half_applied: u64,
}

impl Counts {
    pub(crate) const fn failures(self) -> u64 {
        self.lost + self.resurrected + self.phantom + self.half_applied
    }

    pub(super) const fn plus(self, other: Self) -> Self {
        Self {
            pushes: self.pushes + other.pushes,
            deletes: self.deletes + other.deletes,
            in_doubt: self.in_doubt + other.in_doubt,
            lost: self.lost + other.lost,
            within_interval: self.within_interval + other.within_interval,
            resurrected: self.resurrected + other.resurrected,
            phantom: self.phantom + other.phantom,
            half_applied: self.half_applied + other.half_applied,
        }
    }
}

/// What a run found.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub(crate) profile: String,
    /// The name of the gateway.
    pub(crate) target: String,
    pub(crate) promise: Promise,
    pub(crate) seed: u64,
    pub(crate) connections: usize,
    pub(crate) groups: usize,
    /// What each check found; there is one after every kill.
    pub(crate) rounds: Vec<Counts>,
    /// From the start after each kill until the gateway was ready.
    pub(crate) ready_after: Vec<Duration>,
    /// Some failures in words.
    pub(crate) examples: Vec<String>,
}

impl Verdict {
    pub(crate) fn total(&self) -> Counts {
        self.rounds.iter().fold(Counts::default(), |sum, round| sum.plus(*round))
    }

    pub(super) fn example(&mut self, text: impl FnOnce() -> String) {
        const EXAMPLES_MAX: usize = 5;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(text());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_failures_count_and_nothing_else() {
        let one = Counts {
            pushes: 1,
            deletes: 2,
            in_doubt: 4,
            within_interval: 8,
            lost: 16,
            resurrected: 32,
            phantom: 64,
            half_applied: 128,
        };
        assert_eq!(one.failures(), 240);
        assert_eq!(one.plus(Counts::default()), one);
        let two = one.plus(one);
        assert_eq!((two.pushes, two.deletes, two.in_doubt, two.within_interval), (2, 4, 8, 16));
        assert_eq!((two.lost, two.resurrected, two.phantom, two.half_applied), (32, 64, 128, 256));
    }

    #[test]
    fn an_interval_covers_what_was_answered_longer_ago() {
        let answered = Instant::now();
        let promise = Promise::Interval(Duration::from_secs(1));
        let covers = |millis| promise.covers(answered, answered + Duration::from_millis(millis));
        assert!(!covers(0) && !covers(1000) && covers(1001));
        assert!(!promise.covers(answered + Duration::from_secs(1), answered), "after the kill");
        assert!(Promise::Push.covers(answered, answered));
    }
}
