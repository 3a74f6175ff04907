//! What the clients of each entry of the policy have used of their quota.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::rights::{PushRate, Quota};
use crate::rate::Bucket;
use crate::shard::{Budget, Limits};

/// A quota that has rejected a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Exhausted {
    Groups,
    Series,
    Bytes,
    BodyBytes,
    PushRate,
}

impl Exhausted {
    /// Each with its key in the policy file.
    const ALL: [(Exhausted, &'static str); 5] = [
        (Exhausted::Groups, "groups"),
        (Exhausted::Series, "series"),
        (Exhausted::Bytes, "bytes"),
        (Exhausted::BodyBytes, "body_bytes"),
        (Exhausted::PushRate, "pushes_per_second"),
    ];
}

/// The owner of groups: all clients of one entry of the policy together.
#[derive(Debug, Default)]
pub(super) struct Owner {
    budget: Arc<Budget>,
    pushes: Bucket,
    refusals: [AtomicU64; Exhausted::ALL.len()],
}

impl Owner {
    /// What the owner has stored, and its bounds.
    pub(super) fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Takes a push from the rate limit.
    pub(super) fn take_push(&self) -> Result<(), Duration> {
        self.pushes.take()
    }

    /// Counts a refusal.
    pub(super) fn refused(&self, quota: Exhausted) {
        self.refusals[quota as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How often each quota has rejected a push, by its key in the policy file.
    pub(super) fn refusals(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.refusals.iter().map(|count| count.load(Ordering::Relaxed));
        Exhausted::ALL.iter().map(|(_, key)| *key).zip(counts)
    }

    fn bound(&self, quota: &Quota) {
        self.budget.set_limits(Limits {
            groups: quota.groups.unwrap_or(u64::MAX),
            series: quota.series.unwrap_or(u64::MAX),
            bytes: quota.bytes.unwrap_or(u64::MAX),
        });
        self.pushes.set(quota.pushes_per_second.map(PushRate::limit));
    }
}

/// All owners since the start. An entry that leaves the policy and comes back finds its groups still counted.
#[derive(Debug, Default)]
pub(super) struct Owners {
    by_name: BTreeMap<String, Arc<Owner>>,
}

impl Owners {
    /// The owner of this name, bounded by `quota` from now on.
    pub(super) fn bounded(&mut self, name: &str, quota: &Quota) -> Arc<Owner> {
        let owner = self.by_name.entry(name.to_owned()).or_default();
        owner.bound(quota);
        Arc::clone(owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_in_the_order_of_their_enum() {
        assert!(Exhausted::ALL.iter().enumerate().all(|(at, (quota, _))| *quota as usize == at));
    }

    #[test]
    fn a_changed_quota_keeps_what_is_counted() {
        let mut owners = Owners::default();
        let first = owners.bounded("a", &Quota { groups: Some(3), ..Quota::default() });
        first.refused(Exhausted::Groups);
        let second = owners.bounded("a", &Quota::default());
        assert!(Arc::ptr_eq(&first, &second));
        assert!(second.refusals().any(|refusal| refusal == ("groups", 1)));
        assert!(!Arc::ptr_eq(&first, &owners.bounded("b", &Quota::default())));
    }
}
