//! The groups of each job.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The groups of one shard by their jobs, each group as the hash of its key.
#[derive(Debug, Default)]
pub(in crate::shard) struct Jobs {
    by_job: HashMap<Arc<str>, HashSet<u64, ahash::RandomState>, ahash::RandomState>,
}

impl Jobs {
    /// Notes a group, and gives back the job's name to keep.
    pub(in crate::shard) fn insert(&mut self, job: &str, hash: u64) -> Arc<str> {
        let job = match self.by_job.get_key_value(job) {
            Some((job, _)) => Arc::clone(job),
            None => Arc::from(job),
        };
        self.by_job.entry(Arc::clone(&job)).or_default().insert(hash);
        job
    }

    /// Forgets the groups of the job that have this hash.
    pub(in crate::shard) fn remove(&mut self, job: &str, hash: u64) {
        if let Some(groups) = self.by_job.get_mut(job) {
            groups.remove(&hash);
            if groups.is_empty() {
                self.by_job.remove(job);
            }
        }
    }

    /// The hashes of the job's groups.
    pub(in crate::shard) fn groups(&self, job: &str) -> impl Iterator<Item = u64> {
        self.by_job.get(job).into_iter().flatten().copied()
    }
}
