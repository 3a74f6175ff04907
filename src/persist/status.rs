//! The state of persistence, for requests, probes and metrics.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::Promise;
use crate::shard::Timestamp;

/// How long a push that comes while the groups are being loaded waits for that.
pub const LOAD_WAIT: Duration = Duration::from_secs(10);
/// A commit that takes longer than this counts as one that fails.
pub const COMMIT_WAIT: Duration = Duration::from_secs(10);

/// The state of persistence. The thread that owns the file writes it, and any task may read it.
#[derive(Debug)]
pub struct Status {
    promise: Promise,
    phase: watch::Sender<Phase>,
    /// Why the last attempt to write failed; `None` when it did not.
    failure: Mutex<Option<String>>,
    /// When the commit at hand began, in milliseconds since `started`; 0 when there is none.
    busy_since: AtomicU64,
    started: Instant,
    loaded_groups: AtomicU64,
    has_quoted_names: AtomicBool,
    counts: Mutex<Counts>,
}

/// How far the store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Loading,
    Loaded,
    Stopping,
}

/// Why requests that need the store cannot be served now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// The groups are being loaded; so many are.
    #[error("loading the groups, {0} so far; try again")]
    Loading(u64),
    /// Nothing reaches the disk, for this reason.
    #[error("nothing can be written to the persistence file: {0}")]
    Failing(String),
    /// The gateway is about to end.
    #[error("the gateway is stopping")]
    Stopping,
}

/// What there is to count.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Commits made.
    pub commits: u64,
    /// How long they took, all together.
    pub commit_time: Duration,
    /// How often opening, writing or syncing failed.
    pub errors: u64,
    /// How many bytes have been written.
    pub written_bytes: u64,
    /// How large the file is.
    pub file_bytes: u64,
    /// How many groups are being written or could not be.
    pub groups_at_hand: u64,
    /// When the oldest change was made that is being written or could not be; never when there is none.
    pub oldest: Timestamp,
}

impl Status {
    pub(super) fn new(promise: Promise) -> Status {
        Status {
            promise,
            phase: watch::Sender::new(Phase::Loading),
            failure: Mutex::default(),
            busy_since: AtomicU64::new(0),
            started: Instant::now(),
            loaded_groups: AtomicU64::new(0),
            has_quoted_names: AtomicBool::new(false),
            counts: Mutex::default(),
        }
    }

    /// Whether the groups can be shown.
    ///
    /// # Errors
    /// While they are being loaded.
    pub fn loaded(&self) -> Result<(), NotReady> {
        match *self.phase.borrow() {
            Phase::Loaded => Ok(()),
            Phase::Loading => Err(NotReady::Loading(self.loaded_groups.load(Relaxed))),
            Phase::Stopping => Err(NotReady::Stopping),
        }
    }

    /// Whether the gateway is as good as it promises to be.
    ///
    /// # Errors
    /// Why it is not.
    pub fn ready(&self) -> Result<(), NotReady> {
        self.loaded()?;
        match self.failure() {
            Some(reason) => Err(NotReady::Failing(reason)),
            None => Ok(()),
        }
    }

    /// Whether groups that were loaded have names in quotes.
    pub fn has_quoted_names(&self) -> bool {
        self.has_quoted_names.load(Relaxed)
    }

    /// Waits until groups may be changed.
    ///
    /// # Errors
    /// When they are not loaded within [`LOAD_WAIT`]; and when a change would have to be on disk before it is
    /// answered, and nothing gets there.
    pub async fn writable(&self) -> Result<(), NotReady> {
        if self.loaded().is_err() {
            let mut phase = self.phase.subscribe();
            let loading = phase.wait_for(|phase| *phase != Phase::Loading);
            drop(tokio::time::timeout(LOAD_WAIT, loading).await);
            self.loaded()?;
        }
        match self.promise {
            Promise::Interval => Ok(()),
            Promise::Push => self.ready(),
        }
    }

    /// What there is to count.
    pub fn counts(&self) -> Counts {
        *self.locked_counts()
    }

    pub(super) fn loading(&self, groups: u64) {
        self.loaded_groups.store(groups, Relaxed);
    }

    pub(super) fn has_loaded(&self, has_quoted_names: bool, file_bytes: u64) {
        self.has_quoted_names.store(has_quoted_names, Relaxed);
        self.locked_counts().file_bytes = file_bytes;
        self.phase.send_replace(Phase::Loaded);
    }

    /// No more changes may come: the last are about to be saved, or none can be.
    pub(super) fn stops(&self) {
        self.phase.send_replace(Phase::Stopping);
    }

    /// So many groups have been gathered, to be written.
    pub(super) fn gathered(&self, groups: usize) {
        self.locked_counts().groups_at_hand += groups as u64;
    }

    /// A commit begins, whose oldest change was made then.
    pub(super) fn begins(&self, oldest: Timestamp) {
        self.locked_counts().oldest = oldest;
        self.busy_since.store(self.age_millis(), Relaxed);
    }

    /// It has ended: so many groups are on disk, after `took` and with so many bytes written.
    pub(super) fn committed(
        &self,
        groups: usize,
        took: Duration,
        written_bytes: u64,
        file_bytes: u64,
    ) {
        self.busy_since.store(0, Relaxed);
        let mut counts = self.locked_counts();
        counts.oldest = Timestamp::NEVER;
        counts.groups_at_hand -= groups as u64;
        counts.commits += 1;
        counts.commit_time += took;
        counts.written_bytes += written_bytes;
        counts.file_bytes = file_bytes;
        drop(counts);
        if let Some(reason) = self.locked_failure().take() {
            tracing::info!(last_err = reason, "the persistence file can be written again");
        }
    }

    /// It has failed. What was to be written is kept.
    pub(super) fn failed(&self, reason: String) {
        self.busy_since.store(0, Relaxed);
        self.locked_counts().errors += 1;
        let mut failure = self.locked_failure();
        if failure.as_ref() != Some(&reason) {
            tracing::error!(err = reason, "the persistence file cannot be written");
        }
        *failure = Some(reason);
    }

    /// Why nothing gets to the disk, if nothing does.
    pub(super) fn failure(&self) -> Option<String> {
        let busy_since = self.busy_since.load(Relaxed);
        let busy = Duration::from_millis(self.age_millis().saturating_sub(busy_since));
        if busy_since > 0 && busy > COMMIT_WAIT {
            return Some(format!("the disk has not answered for {} s", busy.as_secs()));
        }
        self.locked_failure().clone()
    }

    fn age_millis(&self) -> u64 {
        1 + self.started.elapsed().as_millis() as u64
    }

    fn locked_counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn locked_failure(&self) -> MutexGuard<'_, Option<String>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
