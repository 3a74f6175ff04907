//! The ledger: what is known of each job whose groups may expire, and stays when its groups are gone.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::shard::ruling::lately::ExpiredLately;
use crate::shard::timestamp::Timestamp;

/// When the ledger is full, one part in so many is forgotten at a time, so that not each new job goes through all of them.
const FORGOTTEN_PART: usize = 64;

/// The jobs whose groups may expire. All shards share it.
#[derive(Debug)]
pub struct Ledger {
    jobs: Mutex<HashMap<Arc<str>, Arc<JobEntry>, ahash::RandomState>>,
    jobs_max: AtomicUsize,
    /// How many jobs have given way to others.
    forgotten: AtomicU64,
    /// The jobs among those that may still be on disk.
    gone: Mutex<Vec<Arc<str>>>,
    /// The groups that have expired in the last hour.
    pub lately: ExpiredLately,
}

/// What is known of one job.
#[derive(Debug)]
struct JobEntry {
    job: Arc<str>,
    last_push: AtomicU64,
    pushes: AtomicU64,
    failures: AtomicU64,
    expired: AtomicU64,
    groups: AtomicU64,
    is_listed: AtomicBool,
    /// Whether it differs from what is on disk.
    is_dirty: AtomicBool,
}

/// What is known of one job, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobCounts {
    /// The job, escaped.
    pub job: Arc<str>,
    /// When one of its groups was last pushed to.
    pub last_push: Timestamp,
    /// How many pushes to its groups were accepted.
    pub pushes: u64,
    /// How many were rejected because of their content.
    pub failures: u64,
    /// How many of its groups have expired.
    pub expired: u64,
    /// How many of its groups may expire.
    pub groups: u64,
}

impl Default for Ledger {
    fn default() -> Ledger {
        Ledger {
            jobs: Mutex::default(),
            jobs_max: AtomicUsize::new(usize::MAX),
            forgotten: AtomicU64::new(0),
            gone: Mutex::default(),
            lately: ExpiredLately::default(),
        }
    }
}

impl Ledger {
    /// Says how many jobs there may be.
    pub fn bound(&self, jobs_max: usize) {
        self.jobs_max.store(jobs_max, Relaxed);
    }

    /// How many jobs have given way to others.
    pub fn forgotten(&self) -> u64 {
        self.forgotten.load(Relaxed)
    }

    /// How many jobs there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there is no job.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All jobs, sorted by name.
    pub fn jobs(&self) -> Vec<JobCounts> {
        let mut jobs: Vec<_> = self.lock().values().map(|entry| entry.counts()).collect();
        jobs.sort_unstable_by(|one, other| one.job.cmp(&other.job));
        jobs
    }

    /// One job, by its escaped name.
    pub fn job(&self, job: &str) -> Option<JobCounts> {
        self.lock().get(job).map(|entry| entry.counts())
    }

    /// The jobs that have changed since this was last called, and those that have been forgotten.
    pub fn take_changes(&self) -> (Vec<JobCounts>, Vec<Arc<str>>) {
        let gone = std::mem::take(&mut *self.gone.lock().unwrap_or_else(PoisonError::into_inner));
        let jobs = self.lock();
        let gone = gone.into_iter().filter(|job| !jobs.contains_key(job)).collect();
        let dirty = jobs.values().filter(|entry| entry.is_dirty.swap(false, Relaxed));
        (dirty.map(|entry| entry.counts()).collect(), gone)
    }

    /// Takes over what was known of a job before a restart.
    pub fn restore(&self, counts: &JobCounts) {
        let entry = self.entry(&counts.job);
        entry.last_push.fetch_max(counts.last_push.nanos(), Relaxed);
        for (count, before) in [
            (&entry.pushes, counts.pushes),
            (&entry.failures, counts.failures),
            (&entry.expired, counts.expired),
        ] {
            count.fetch_add(before, Relaxed);
        }
        entry.is_dirty.store(false, Relaxed); // It is what is on disk.
    }

    /// Takes over what the leader of a replica set knows of a job.
    pub fn replay(&self, counts: &JobCounts) {
        let entry = self.entry(&counts.job);
        let JobCounts { last_push, pushes, failures, expired, .. } = counts;
        entry.last_push.store(last_push.nanos(), Relaxed);
        for (count, now) in
            [(&entry.pushes, pushes), (&entry.failures, failures), (&entry.expired, expired)]
        {
            count.store(*now, Relaxed);
        }
        entry.is_dirty.store(false, Relaxed);
    }

    /// Forgets a job, as the leader of a replica set has.
    pub fn forget(&self, job: &str) {
        if let Some(entry) = self.lock().remove(job) {
            entry.is_listed.store(false, Relaxed);
        }
    }

    /// Has a job written down again. Answers whether it is known.
    pub fn touch(&self, job: &str) -> bool {
        self.lock().get(job).inspect(|entry| entry.is_dirty.store(true, Relaxed)).is_some()
    }

    /// Forgets all jobs, and that some have been forgotten.
    pub(in crate::shard) fn clear(&self) {
        self.lock().drain().for_each(|(_, entry)| entry.is_listed.store(false, Relaxed));
        self.gone.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Adds a group to those of its job.
    pub(super) fn join(&self, job: &str) -> Member {
        let entry = self.entry(job);
        entry.groups.fetch_add(1, Relaxed);
        Member(entry)
    }

    fn entry(&self, job: &str) -> Arc<JobEntry> {
        let mut jobs = self.lock();
        if let Some(entry) = jobs.get(job) {
            return Arc::clone(entry);
        }
        let entry = Arc::new(JobEntry {
            job: Arc::from(job),
            last_push: AtomicU64::new(0),
            pushes: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            expired: AtomicU64::new(0),
            groups: AtomicU64::new(0),
            is_listed: AtomicBool::new(true),
            is_dirty: AtomicBool::new(true),
        });
        self.insert(&mut jobs, &entry);
        entry
    }

    /// Lists a job that has given way before, and is pushed to again.
    #[cold]
    fn list_again(&self, entry: &Arc<JobEntry>) {
        let mut jobs = self.lock();
        if !jobs.contains_key(&entry.job) {
            entry.is_listed.store(true, Relaxed);
            self.insert(&mut jobs, entry);
        }
    }

    fn insert(
        &self,
        jobs: &mut HashMap<Arc<str>, Arc<JobEntry>, ahash::RandomState>,
        entry: &Arc<JobEntry>,
    ) {
        let jobs_max = self.jobs_max.load(Relaxed);
        if jobs.len() >= jobs_max {
            let last_push = |entry: &Arc<JobEntry>| entry.last_push.load(Relaxed);
            let mut oldest: Vec<_> =
                jobs.values().map(|entry| (last_push(entry), Arc::clone(&entry.job))).collect();
            let too_many = jobs.len() - jobs_max + jobs_max.div_ceil(FORGOTTEN_PART);
            let too_many = too_many.min(oldest.len());
            oldest.select_nth_unstable(too_many - 1);
            oldest.truncate(too_many);
            for (_, job) in &oldest {
                if let Some(entry) = jobs.remove(job) {
                    entry.is_listed.store(false, Relaxed);
                }
            }
            self.forgotten.fetch_add(oldest.len() as u64, Relaxed);
            let mut gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
            gone.extend(oldest.into_iter().map(|(_, job)| job));
        }
        jobs.insert(Arc::clone(&entry.job), Arc::clone(entry));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<JobEntry>, ahash::RandomState>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl JobEntry {
    fn counts(&self) -> JobCounts {
        JobCounts {
            job: Arc::clone(&self.job),
            last_push: Timestamp::from_nanos(self.last_push.load(Relaxed)),
            pushes: self.pushes.load(Relaxed),
            failures: self.failures.load(Relaxed),
            expired: self.expired.load(Relaxed),
            groups: self.groups.load(Relaxed),
        }
    }
}

/// A group that may expire, as its job counts it.
#[derive(Debug)]
pub(in crate::shard) struct Member(Arc<JobEntry>);

impl Member {
    /// Counts a push that was accepted.
    pub(in crate::shard) fn accepted(&self) {
        self.count(&self.0.pushes);
    }

    /// Counts a push that was rejected because of its content.
    pub(in crate::shard) fn rejected(&self) {
        self.count(&self.0.failures);
    }

    /// Counts that the group has expired.
    pub(in crate::shard) fn expired(&self) {
        self.count(&self.0.expired);
    }

    pub(super) fn pushed_at(&self, ledger: &Ledger, time: Timestamp) {
        self.0.last_push.fetch_max(time.nanos(), Relaxed);
        if !self.0.is_listed.load(Relaxed) {
            ledger.list_again(&self.0);
        }
    }

    fn count(&self, counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
        if !self.0.is_dirty.load(Relaxed) {
            self.0.is_dirty.store(true, Relaxed);
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.0.groups.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(ledger: &Ledger) -> Vec<String> {
        ledger.jobs().into_iter().map(|counts| counts.job.to_string()).collect()
    }

    #[test]
    fn the_least_recently_pushed_jobs_give_way_and_come_back_with_their_counts() {
        let ledger = Ledger::default();
        ledger.bound(3);
        let time = Timestamp::from_nanos;
        let members: Vec<_> = ["a", "b", "c"].map(|job| ledger.join(job)).into();
        for (at, member) in members.iter().enumerate() {
            member.pushed_at(&ledger, time(10 + at as u64));
            member.accepted();
        }
        let (dirty, gone) = ledger.take_changes();
        assert_eq!((dirty.len(), gone.len()), (3, 0));
        members[0].pushed_at(&ledger, time(20));
        let d = ledger.join("d");
        d.pushed_at(&ledger, time(21));
        assert_eq!(names(&ledger), ["a", "c", "d"]);
        assert_eq!(ledger.forgotten(), 1);
        let (dirty, gone) = ledger.take_changes();
        assert_eq!(dirty.iter().map(|counts| &*counts.job).collect::<Vec<_>>(), ["d"]);
        assert_eq!(gone, [Arc::from("b")]);
        members[1].pushed_at(&ledger, time(30));
        members[1].accepted();
        assert_eq!(names(&ledger), ["a", "b", "d"], "it is back");
        let b = ledger.job("b").expect("it is back");
        assert_eq!((b.pushes, b.groups, b.last_push), (2, 1, time(30)));
        drop(members);
        assert_eq!(ledger.job("b").map(|counts| counts.groups), Some(0), "the job stays");
    }
}
