//! Epochs: the changes of all groups up to one moment, which go to the disk together.
//!
//! The next epoch is gathered while one is being written. Therefore the disk never waits for the shards, and the
//! shards never wait for the disk. A replica set takes its epochs from here too.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

use super::record;
use super::store::Change;
use crate::shard::{Changes, Checkpoint, Shards, Timestamp, Unavailable, Waiter};

/// How long to wait before shards or a store that failed are tried again.
pub(super) const RETRY_WAIT: Duration = Duration::from_secs(1);
/// And how long at most, where a try takes long.
pub(super) const LONG_RETRY_WAIT: Duration = Duration::from_secs(60);

/// The changes of one commit, and the pushes that wait for it.
#[derive(Debug)]
pub(crate) struct Epoch {
    pub(crate) changes: Vec<Changes>,
    pub(super) waiters: Vec<Waiter>,
    /// When the first of the changes was made.
    pub(crate) oldest: Timestamp,
    /// When it began to be gathered.
    pub(crate) since: Instant,
    /// Its place among the epochs that are on their way at a time, until it is dropped.
    _room: Option<OwnedSemaphorePermit>,
}

impl Epoch {
    /// How many groups have changed.
    pub(crate) fn groups(&self) -> usize {
        self.changes.iter().map(Changes::len).sum()
    }

    /// Whether pushes wait for it.
    pub(crate) fn is_awaited(&self) -> bool {
        !self.waiters.is_empty()
    }

    /// The changes, each group once.
    pub(crate) fn each_once(&self) -> Vec<Change<'_>> {
        each_once(self.changes.iter().flat_map(Changes::iter).collect())
    }

    /// Answers the pushes that wait.
    pub(crate) fn answer(&mut self, ended: Result<(), Unavailable>) {
        self.waiters.drain(..).for_each(|waiter| waiter.answer(ended));
    }
}

/// The pushes that still wait are in doubt.
impl Drop for Epoch {
    fn drop(&mut self) {
        self.answer(Err(Unavailable::InDoubt));
    }
}

/// Where epochs come from.
pub(crate) struct EpochSource {
    pub(crate) shards: Shards,
    /// Called with the number of groups of each epoch.
    pub(crate) gathered: Box<dyn Fn(usize) + Send + Sync>,
    /// Notified when a push waits for its change to be on disk.
    pub(crate) awaited: Arc<Notify>,
    pub(crate) pace: Arc<Pace>,
    /// For how long the shards hand over dirty groups at low priority.
    pub(crate) low_priority_time: Duration,
    pub(crate) stopping: watch::Receiver<bool>,
    /// How many epochs may be on their way at a time. An epoch is gathered once there is room for it, so that the pushes that come
    /// until then are in it.
    pub(crate) room: Option<Arc<Semaphore>>,
}

impl EpochSource {
    /// Gathers an epoch whenever one is due or a push waits for it, and a last one when the gateway ends.
    ///
    /// # Errors
    /// When that last one cannot be gathered.
    pub(crate) async fn run(mut self, epochs: flume::Sender<Epoch>) -> Result<(), Unavailable> {
        let mut due = Instant::now() + self.pace.wait();
        loop {
            let is_last = tokio::select! {
                biased;
                _ = self.stopping.wait_for(|stopping| *stopping) => true,
                () = self.awaited.notified() => false,
                () = tokio::time::sleep_until(due.into()) => false,
            };
            let room = match &self.room {
                Some(room) => Arc::clone(room).acquire_owned().await.ok(), // Nobody closes it.
                None => None,
            };
            let since = Instant::now();
            match self.gather(since, is_last, room).await {
                Ok(epoch) => {
                    (self.gathered)(epoch.groups());
                    if epochs.send_async(epoch).await.is_err() || is_last {
                        return Ok(());
                    }
                    due = since + self.pace.wait();
                }
                Err(unavailable) if is_last => return Err(unavailable),
                // A shard has died, which everything tells already.
                Err(_) => due = Instant::now() + RETRY_WAIT,
            }
        }
    }

    async fn gather(
        &self,
        since: Instant,
        is_last: bool,
        room: Option<OwnedSemaphorePermit>,
    ) -> Result<Epoch, Unavailable> {
        let checkpoint = match is_last {
            false => self.shards.checkpoint(self.low_priority_time).await?,
            true => self.shards.last_checkpoint().await?,
        };
        let Checkpoint { mut changes, waiters } = checkpoint;
        changes.push(self.ledger());
        changes.retain(|changes| !changes.is_empty());
        let oldest = changes.iter().map(|changes| changes.since).min();
        let oldest = oldest.unwrap_or(Timestamp::NEVER);
        Ok(Epoch { changes, waiters, oldest, since, _room: room })
    }
}

impl EpochSource {
    /// The jobs of the ledger that have changed. They may be a little newer than the groups.
    fn ledger(&self) -> Changes {
        let (jobs, gone) = self.shards.ledger().take_changes();
        let jobs =
            jobs.iter().map(|counts| (record::job_key(&counts.job), Some(record::of_job(counts))));
        Changes::of_records(jobs.chain(gone.iter().map(|job| (record::job_key(job), None))))
    }
}

/// How often there has to be an epoch, so that a change is on disk before the interval has passed.
#[derive(Debug)]
pub(crate) struct Pace {
    interval: Duration,
    /// How long an epoch may be expected to take until it is on disk: as long as the slowest of the last
    /// ones. In nanoseconds.
    expected: AtomicU64,
}

impl Pace {
    pub(crate) fn new(interval: Duration) -> Pace {
        Pace { interval, expected: AtomicU64::new((interval / 4).as_nanos() as u64) }
    }

    /// An epoch took so long, from when it began to be gathered.
    pub(crate) fn took(&self, took: Duration) {
        let expected = self.expected.load(Relaxed);
        self.expected.store((took.as_nanos() as u64).max(expected / 10 * 9), Relaxed);
    }

    /// How long after the last epoch the next is due: in time for one that takes twice as long as
    /// expected, and a quarter of the interval early at least.
    fn wait(&self) -> Duration {
        let expected = Duration::from_nanos(self.expected.load(Relaxed));
        let early = (2 * expected).max(self.interval / 4);
        self.interval.saturating_sub(early).max(self.interval / 4)
    }
}

/// The changes, each group once. A group that has moved to another shard is gone from one and stored on the other.
fn each_once(mut changes: Vec<Change<'_>>) -> Vec<Change<'_>> {
    let gone = changes.iter().filter(|change| change.1.is_none());
    let gone: HashSet<&str> = gone.map(|change| &**change.0).collect();
    if gone.is_empty() {
        return changes;
    }
    let stored = changes.iter().filter(|change| change.1.is_some() && gone.contains(&**change.0));
    let moved: HashSet<&str> = stored.map(|change| &**change.0).collect();
    changes.retain(|change| change.1.is_some() || !moved.contains(&**change.0));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::NameRules;
    use crate::push::{GroupingKey, decode};
    use crate::shard::{GROUP_BYTES_MAX, Mode, Options, Saving};

    #[test]
    fn epochs_are_early_enough_for_a_slow_disk_but_not_all_the_time() {
        let pace = Pace::new(Duration::from_secs(1));
        assert_eq!(pace.wait().as_millis(), 500, "nothing is known yet");
        (0..50).for_each(|_| pace.took(Duration::from_millis(10)));
        assert_eq!(pace.wait().as_millis(), 750);
        pace.took(Duration::from_millis(300));
        assert_eq!(pace.wait().as_millis(), 400);
        pace.took(Duration::from_millis(10));
        assert_eq!(pace.wait().as_millis(), 460, "it may be slow again");
        pace.took(Duration::from_secs(10));
        assert_eq!(pace.wait().as_millis(), 250);
    }

    #[test]
    fn a_group_that_has_moved_is_not_gone_whichever_shard_says_so_first() {
        let [stays, goes, moves] = ["a", "b", "c"].map(Arc::<str>::from);
        let record: Option<&[u8]> = Some(b"record");
        for turned in [false, true] {
            let mut changes =
                vec![(&moves, None), (&stays, record), (&goes, None), (&moves, record)];
            if turned {
                changes.reverse();
            }
            let mut left = each_once(changes);
            left.sort_unstable();
            assert_eq!(left, [(&stays, record), (&goes, None), (&moves, record)]);
        }
    }

    #[tokio::test]
    async fn what_is_pushed_while_there_is_no_room_is_in_one_epoch() {
        let awaited = Arc::<Notify>::default();
        let saving = Saving { write: record::write, awaited: Some(Arc::clone(&awaited)) };
        let (shards, _tasks) = Shards::start(&Options {
            shards: 2,
            reserved: &[],
            limits: None,
            group_bytes_max: GROUP_BYTES_MAX,
            saving: Some(saving),
        });
        let (_stop, stopping) = watch::channel(false);
        let source = EpochSource {
            shards: shards.clone(),
            gathered: Box::new(|_| {}),
            awaited,
            pace: Arc::new(Pace::new(Duration::from_secs(100))),
            low_priority_time: Duration::ZERO,
            stopping,
            room: Some(Arc::new(Semaphore::new(1))),
        };
        let (send, epochs) = flume::bounded(0);
        tokio::spawn(source.run(send));
        let push = |job: &'static [u8]| {
            let shards = shards.clone();
            let key = GroupingKey::parse(job, NameRules::Legacy).expect("a valid path");
            let batch = decode(&key, b"m 1\n", NameRules::Legacy).expect("a valid push");
            tokio::spawn(async move { shards.push(key, Mode::Replace, batch, None).await })
        };
        let first = push(b"/a");
        let mut epoch = epochs.recv_async().await.expect("an epoch");
        let others = [push(b"/b"), push(b"/c")];
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(epochs.try_recv().is_err(), "the first one is still on its way");
        epoch.answer(Ok(()));
        drop(epoch);
        assert_eq!(first.await.expect("it does not panic"), Ok(()));
        let mut epoch = epochs.recv_async().await.expect("an epoch");
        assert_eq!(epoch.waiters.len(), 2);
        epoch.answer(Ok(()));
        for other in others {
            assert_eq!(other.await.expect("it does not panic"), Ok(()));
        }
    }
}
