//! Which group a push goes to, and how groups come and go.

use std::collections::VecDeque;

use super::rng::Rng;
use crate::profile;

/// The groups of one worker: every `stride`-th one, so that no two workers share a group and what
/// happened to a group is known in one place.
#[derive(Clone, Debug)]
pub(crate) struct Groups {
    offset: u64,
    stride: u64,
    count: u64,
    churn: f64,
    delete_replaced: bool,
    /// The index of the oldest group; with churn it rises.
    oldest: u64,
    to_delete: VecDeque<u64>,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Choice {
    Push(u64),
    /// The group was replaced and is to be deleted.
    Delete(u64),
}

impl Groups {
    /// The part that worker `worker` of `workers` owns; there are never more workers than groups.
    pub(crate) fn of_worker(groups: &profile::Groups, worker: usize, workers: usize) -> Self {
        let total = groups.count.get();
        assert!(worker < workers && workers <= total, "each worker owns a group");
        Self {
            offset: worker as u64,
            stride: workers as u64,
            count: (total - worker).div_ceil(workers) as u64,
            churn: groups.churn.get(),
            delete_replaced: groups.delete_replaced,
            oldest: 0,
            to_delete: VecDeque::with_capacity(64),
        }
    }

    /// How many groups there are at any time.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// The number of the group at `index` of this part.
    pub(crate) const fn nth(&self, index: u64) -> u64 {
        self.offset + index * self.stride
    }

    /// A group drawn uniformly from those there are, or by chance a new one.
    pub(crate) fn choose(&mut self, rng: &mut Rng) -> Choice {
        if self.churn == 0.0 {
            return Choice::Push(self.nth(rng.below(self.count)));
        }
        if let Some(group) = self.to_delete.pop_front() {
            return Choice::Delete(group);
        }
        if rng.unit() < self.churn {
            if self.delete_replaced {
                self.to_delete.push_back(self.nth(self.oldest));
            }
            self.oldest += 1;
            return Choice::Push(self.nth(self.oldest + self.count - 1));
        }
        Choice::Push(self.nth(self.oldest + rng.below(self.count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Count, PathTemplate, Share};

    fn groups(count: u32, churn: f64) -> profile::Groups {
        profile::Groups {
            count: Count::new(count),
            path: PathTemplate::try_from("/metrics/job/{group}".to_owned()).expect("valid"),
            prefill: false,
            churn: Share::new(churn).expect("a share"),
            delete_replaced: true,
        }
    }

    #[test]
    fn workers_share_the_groups_out_completely() {
        for (total, workers) in [(10, 3), (4, 4), (1, 1), (1000, 2)] {
            let mut all: Vec<u64> = (0..workers)
                .map(|worker| Groups::of_worker(&groups(total, 0.0), worker, workers))
                .flat_map(|part| (0..part.count()).map(move |i| part.nth(i)).collect::<Vec<_>>())
                .collect();
            all.sort_unstable();
            assert_eq!(all, (0..u64::from(total)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn with_churn_the_oldest_group_is_deleted_once_and_never_pushed_again() {
        let mut part = Groups::of_worker(&groups(10, 0.2), 1, 2);
        let mut rng = Rng::new(1, 0);
        let mut deleted = Vec::new();
        for _ in 0..1000 {
            match part.choose(&mut rng) {
                Choice::Push(group) => assert!(!deleted.contains(&group) && group % 2 == 1),
                Choice::Delete(group) => deleted.push(group),
            }
        }
        assert!((100..300).contains(&deleted.len()), "{}", deleted.len());
        assert!(deleted.is_sorted());
    }
}
