//! The thread that owns the persistence file: it loads the groups, and then commits epochs.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redb::StorageBackend;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot, watch};

use super::epochs::{Epoch, EpochSource, LONG_RETRY_WAIT, Pace, RETRY_WAIT};
use super::error::{Ended, StorageError};
use super::load::{Loaded, load};
use super::record;
use super::status::Status;
use super::store::Store;
use crate::shard::{Shards, Unavailable};

/// What is wrong with a store that lacks what this gateway has committed.
const ANOTHER: &str = "it is another store than the one that was loaded";

/// A file that takes so many times what is stored in it is compacted at the start,
const COMPACTED_ABOVE: u64 = 3;
/// unless it is smaller than this.
const COMPACTED_BYTES_MIN: u64 = 16 << 20;

/// Opens the store: for the first time, or again when it has failed, and must be the one it was.
pub type OpenStore<B> = Box<dyn FnMut(Opening) -> Result<Store<B>, StorageError> + Send>;

/// For which time a store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// The first: where there is none, there shall be one.
    First,
    /// Another.
    Again,
}

/// What the thread has.
pub(super) struct Owner<B> {
    pub(super) open: OpenStore<B>,
    pub(super) file: PathBuf,
    pub(super) interval: Duration,
    pub(super) low_priority_time: Duration,
    pub(super) shards: Shards,
    pub(super) awaited: Arc<Notify>,
    pub(super) status: Arc<Status>,
    pub(super) runtime: Handle,
    pub(super) stopping: watch::Receiver<bool>,
    /// The number of the last commit that is on disk.
    pub(super) committed: u64,
    /// Which store it is.
    pub(super) id: u64,
}

impl<B: StorageBackend> Owner<B> {
    pub(super) fn run(mut self, tell_loaded: oneshot::Sender<()>) -> Result<(), Ended> {
        let opened = (self.open)(Opening::First).and_then(|store| self.load(store));
        let (store, loaded) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.status.stops();
                let is_stopped = error == StorageError::Stopped;
                return if is_stopped { Ok(()) } else { Err(self.ended(false, &error)) };
            }
        };
        let _unheard = tell_loaded.send(());
        (self.committed, self.id) = (loaded.sequence, loaded.id);
        self.save(store)
    }

    /// Loads the groups, and once all of them are, lets the store be written to. Answers the store too, unless it is to
    /// be opened anew.
    fn load(&self, mut store: Store<B>) -> Result<(Option<Store<B>>, Loaded), StorageError> {
        let is_stopped = || *self.stopping.borrow();
        let mut loaded = load(&mut store, &self.shards, &self.status, &self.runtime, is_stopped)?;
        store.accept()?;
        let bytes = store.bytes();
        let mut is_to_be_opened_anew = false;
        if bytes > COMPACTED_BYTES_MIN && bytes > COMPACTED_ABOVE * loaded.bytes {
            match compact(&mut store, &mut loaded.sequence) {
                Ok(()) => {
                    tracing::info!(bytes_before = bytes, bytes = store.bytes(), "compacted");
                }
                // It shows again at the next commit, if it matters.
                Err(error) => {
                    tracing::warn!(err = %error, "the persistence file was not compacted");
                    is_to_be_opened_anew = true;
                }
            }
        }
        self.status.has_loaded(loaded.has_quoted_names, store.bytes());
        Ok(((!is_to_be_opened_anew).then_some(store), loaded))
    }

    /// Commits what changes, until asked to stop.
    fn save(mut self, mut store: Option<Store<B>>) -> Result<(), Ended> {
        let pace = Arc::new(Pace::new(self.interval));
        let source = EpochSource {
            shards: self.shards.clone(),
            gathered: {
                let status = Arc::clone(&self.status);
                Box::new(move |groups| status.gathered(groups))
            },
            awaited: Arc::clone(&self.awaited),
            pace: Arc::clone(&pace),
            low_priority_time: self.low_priority_time,
            stopping: self.stopping.clone(),
            room: None,
        };
        let (send, epochs) = flume::bounded(0);
        let source = self.runtime.spawn(source.run(send));
        while let Ok(mut epoch) = epochs.recv() {
            loop {
                // A gateway that ends tries once more.
                let is_last = *self.stopping.borrow();
                let since = Instant::now();
                let Err(error) = self.commit(&mut store, &mut epoch) else { break };
                self.status.failed(error.to_string());
                epoch.answer(Err(Unavailable::InDoubt));
                store = None; // It knows no longer where its records are.
                if is_last {
                    return Err(self.ended(true, &error));
                }
                self.rest(since.elapsed());
            }
            if !epoch.changes.is_empty() {
                pace.took(epoch.since.elapsed());
            }
            epoch.answer(Ok(()));
        }
        match self.runtime.block_on(source) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(unavailable)) => Err(self.ended(true, &unavailable)),
            Err(error) => Err(self.ended(true, &error)),
        }
    }

    /// Waits before another try: longer where the last took long, since it may have read the whole file.
    fn rest(&mut self, took: Duration) {
        let Owner { stopping, runtime, .. } = self;
        runtime.block_on(async {
            let ends = stopping.wait_for(|stopping| *stopping);
            let wait = (4 * took).clamp(RETRY_WAIT, LONG_RETRY_WAIT);
            let _rested = tokio::time::timeout(wait, ends).await;
        });
    }

    fn commit(
        &mut self,
        store: &mut Option<Store<B>>,
        epoch: &mut Epoch,
    ) -> Result<(), StorageError> {
        let is_wasteful = store.as_ref().is_none_or(Store::is_wasteful);
        if epoch.changes.is_empty() && !is_wasteful {
            return Ok(());
        }
        let since = Instant::now();
        self.status.begins(epoch.oldest);
        let sequence = self.committed + 1;
        let store = match store {
            Some(store) => store,
            None => {
                let mut opened = (self.open)(Opening::Again)?;
                // What failed may have come to be all the same.
                let found = opened.load(&mut |_| Ok(()))?;
                if ![self.committed, sequence].contains(&found) || opened.id()? != self.id {
                    return Err(StorageError::Failed(ANOTHER.to_owned()));
                }
                opened.accept()?;
                store.insert(opened)
            }
        };
        let written_before = store.written_bytes();
        for changes in &mut epoch.changes {
            changes.write_snapshots(record::write); // Only once: they stay for another try.
            for record in changes.records_mut() {
                record::seal(record, sequence)
                    .map_err(|error| StorageError::Failed(error.to_string()))?;
            }
        }
        let changes = epoch.each_once();
        store.commit(sequence, &changes)?;
        self.committed = sequence;
        let written_bytes = store.written_bytes() - written_before;
        self.status.committed(epoch.groups(), since.elapsed(), written_bytes, store.bytes());
        Ok(())
    }

    fn ended(&self, is_loaded: bool, reason: &dyn fmt::Display) -> Ended {
        Ended { file: self.file.clone(), is_loaded, reason: reason.to_string() }
    }
}

/// Gives up what is dead, and then the room it took.
fn compact<B: StorageBackend>(
    store: &mut Store<B>,
    sequence: &mut u64,
) -> Result<(), StorageError> {
    while store.is_wasteful() {
        store.commit(*sequence + 1, &[])?;
        *sequence += 1;
    }
    store.compact()
}
