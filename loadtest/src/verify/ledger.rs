//! What was pushed to each group, as far as it can still be there.
//!
//! Pushes to one group overlap, and which of two overlapping ones came last is the gateway's to
//! say. But a push that was answered before another one even started has been replaced.

use std::time::Instant;

use ahash::AHashMap;

use crate::client::{Answer, Failure};

/// The content of a group: a mark, or nothing after a deletion.
pub(crate) type Content = Option<u64>;

/// What one worker pushed. Workers own their groups, so nobody else pushed to them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    pushes: u64,
    groups: AHashMap<u64, Standing>,
}

/// What may be in one group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    /// Acknowledged pushes that no later acknowledged one has surely replaced.
    acknowledged: Vec<Acknowledged>,
    /// Pushes without an answer: they may have been applied, or may still be.
    in_doubt: Vec<Content>,
    /// The latest start of an acknowledged push.
    latest_start: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Acknowledged {
    content: Content,
    answered: Instant,
}

/// How a push ended, as far as the group is concerned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    Acknowledged,
    /// Refused, or never sent: it changed nothing.
    Void,
    InDoubt,
}

impl Fate {
    /// What an outcome says about the group. An error of the server's may come after it has applied
    /// the push; one of the client's is a refusal.
    pub(crate) fn of(outcome: Result<Answer, Failure>) -> Self {
        match outcome {
            Ok(answer) if answer.is_success() => Self::Acknowledged,
            Ok(answer) if answer.status / 100 == 4 => Self::Void,
            Err(failure) if !failure.in_doubt() => Self::Void,
            Ok(_) | Err(_) => Self::InDoubt,
        }
    }
}

impl Ledger {
    /// The number of the next push of this worker.
    pub(crate) const fn next_number(&mut self) -> u64 {
        self.pushes += 1;
        self.pushes - 1
    }

    /// A push is about to be sent; until it settles it is in doubt.
    pub(crate) fn begin(&mut self, group: u64, content: Content) {
        self.groups.entry(group).or_default().in_doubt.push(content);
    }

    /// A push ended.
    pub(crate) fn settle(
        &mut self,
        group: u64,
        content: Content,
        fate: Fate,
        started: Instant,
        answered: Instant,
    ) {
        if fate == Fate::InDoubt {
            return;
        }
        let standing = self.groups.entry(group).or_default();
        if let Some(at) = standing.in_doubt.iter().position(|c| *c == content) {
            standing.in_doubt.swap_remove(at);
        }
        if fate == Fate::Acknowledged {
            let latest = standing.latest_start.map_or(started, |latest| latest.max(started));
            standing.latest_start = Some(latest);
            standing.acknowledged.push(Acknowledged { content, answered });
            standing.acknowledged.retain(|push| push.answered >= latest);
        }
    }

    pub(crate) fn into_groups(self) -> impl Iterator<Item = (u64, Standing)> {
        self.groups.into_iter()
    }
}

impl Standing {
    /// Whether the group may show this.
    pub(crate) fn allows(&self, content: Content) -> bool {
        self.acknowledged.iter().any(|push| push.content == content)
            || self.in_doubt.contains(&content)
            || (content.is_none() && self.acknowledged.is_empty())
    }

    /// Whether a mark is older than everything that may be there.
    pub(crate) fn is_older(&self, mark: u64) -> bool {
        self.acknowledged.iter().all(|push| push.content.is_none_or(|newer| newer > mark))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Pushes as (mark, start, end, fate), in seconds, in the order of their ends.
    fn standing(pushes: &[(Content, u64, u64, Fate)]) -> Standing {
        let zero = Instant::now();
        let at = |seconds| zero + Duration::from_secs(seconds);
        let mut ledger = Ledger::default();
        for &(content, start, end, fate) in pushes {
            ledger.begin(1, content);
            ledger.settle(1, content, fate, at(start), at(end));
        }
        ledger.into_groups().next().expect("one group").1
    }

    #[test]
    fn a_later_acknowledged_push_replaces_an_earlier_one() {
        let after =
            standing(&[(Some(1), 0, 1, Fate::Acknowledged), (Some(2), 2, 3, Fate::Acknowledged)]);
        assert!(after.allows(Some(2)) && !after.allows(Some(1)) && !after.allows(None));
        assert!(after.is_older(1));
    }

    #[test]
    fn of_overlapping_pushes_either_may_be_last() {
        let after =
            standing(&[(Some(2), 1, 2, Fate::Acknowledged), (Some(1), 0, 3, Fate::Acknowledged)]);
        assert!(after.allows(Some(1)) && after.allows(Some(2)));
    }

    #[test]
    fn a_push_without_an_answer_may_count_or_not() {
        let after =
            standing(&[(Some(1), 0, 1, Fate::Acknowledged), (Some(2), 2, 3, Fate::InDoubt)]);
        assert!(after.allows(Some(1)) && after.allows(Some(2)) && !after.allows(None));
        let never_acknowledged = standing(&[(Some(2), 2, 3, Fate::InDoubt)]);
        assert!(never_acknowledged.allows(None));
    }

    #[test]
    fn a_refused_push_counts_for_nothing() {
        let after = standing(&[(Some(1), 0, 1, Fate::Acknowledged), (Some(2), 2, 3, Fate::Void)]);
        assert!(after.allows(Some(1)) && !after.allows(Some(2)));
    }

    #[test]
    fn a_deleted_group_is_empty() {
        let after =
            standing(&[(Some(1), 0, 1, Fate::Acknowledged), (None, 2, 3, Fate::Acknowledged)]);
        assert!(after.allows(None) && !after.allows(Some(1)));
    }
}
