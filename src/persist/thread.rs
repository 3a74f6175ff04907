//! The thread that owns the store.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot, watch};

use super::epochs::{Epoch, Pace, RETRY_WAIT, Source};
use super::load::{Loaded, load};
use super::record;
use super::status::Status;
use super::storage::{Change, Storage, StorageError};
use super::{Options, Sync};
use crate::shard::{Changes, Saving, Shards, Unavailable};

/// What is wrong when nobody writes any more.
const DIED: &str = "the thread that owns it has died";
/// What is wrong with a store that lacks what this gateway has committed.
const ANOTHER: &str = "it is another store than the one that was loaded";

/// A file that takes so many times what is stored in it is compacted at the start,
const COMPACTED_ABOVE: u64 = 3;
/// unless it is smaller than this.
const COMPACTED_BYTES_MIN: u64 = 16 << 20;

/// Opens the store: for the first time, or again when it has failed, and must be the one it was.
pub type OpenStorage = Box<dyn FnMut(Opening) -> Result<Box<dyn Storage>, StorageError> + Send>;

/// For which time a store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// The first: where there is none, there shall be one.
    First,
    /// Another.
    Again,
}

/// Persistence before it is started: what the shards have to be told of it.
#[derive(Debug)]
pub struct Saver {
    options: Options,
    awaited: Arc<Notify>,
    status: Arc<Status>,
}

impl Saver {
    /// As the flags say.
    pub fn new(options: Options) -> Saver {
        let status = Arc::new(Status::new(options.sync));
        Saver { options, awaited: Arc::default(), status }
    }

    /// How the shards write groups down.
    pub fn saving(&self) -> Saving {
        let awaited = (self.options.sync == Sync::Push).then(|| Arc::clone(&self.awaited));
        Saving { write: record::write, awaited }
    }

    /// How it fares.
    pub fn status(&self) -> Arc<Status> {
        Arc::clone(&self.status)
    }

    /// Starts the thread, on whose behalf the current runtime talks to the shards.
    ///
    /// # Errors
    /// When there can be no more threads.
    pub fn start(self, shards: Shards, open: OpenStorage) -> std::io::Result<Persistence> {
        let (stop, stopping) = watch::channel(false);
        let (tell_loaded, loaded) = oneshot::channel();
        let (tell_ended, ended) = oneshot::channel();
        let Saver { options, awaited, status } = self;
        let runtime = Handle::current();
        let committed = 0;
        let owner = Owner { open, options, shards, awaited, status, runtime, stopping, committed };
        std::thread::Builder::new().name("persist".into()).spawn(move || {
            let _loud = Loud(Arc::clone(&owner.status));
            let _unheard = tell_ended.send(owner.run(tell_loaded));
        })?;
        Ok(Persistence { stop, loaded, ended })
    }
}

/// Persistence at work.
#[derive(Debug)]
pub struct Persistence {
    stop: watch::Sender<bool>,
    loaded: oneshot::Receiver<()>,
    ended: oneshot::Receiver<Result<(), Ended>>,
}

/// Why persistence ended otherwise than it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    file: std::path::PathBuf,
    is_loaded: bool,
    reason: String,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_loaded { "save the last changes to" } else { "use" };
        write!(f, "cannot {what} the persistence file {}: {}", self.file.display(), self.reason)
    }
}

impl std::error::Error for Ended {}

impl Persistence {
    /// Waits until the groups are loaded. Answers whether they are: when not, it has ended.
    pub async fn loaded(&mut self) -> bool {
        (&mut self.loaded).await.is_ok()
    }

    /// Has everything that was applied written down, and ends.
    ///
    /// # Errors
    /// When that cannot be done, or nothing could be loaded.
    pub async fn stop(self) -> Result<(), Ended> {
        self.stop.send_replace(true);
        self.ended.await.unwrap_or_else(|_| {
            let reason = DIED.to_owned();
            Err(Ended { file: std::path::PathBuf::new(), is_loaded: true, reason })
        })
    }
}

/// Tells when the thread dies of a panic: nothing gets to the disk any more.
struct Loud(Arc<Status>);

impl Drop for Loud {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.failed(DIED.to_owned());
        }
    }
}

/// What the thread has.
struct Owner {
    open: OpenStorage,
    options: Options,
    shards: Shards,
    awaited: Arc<Notify>,
    status: Arc<Status>,
    runtime: Handle,
    stopping: watch::Receiver<bool>,
    /// The number of the last commit that is on disk.
    committed: u64,
}

impl Owner {
    fn run(mut self, tell_loaded: oneshot::Sender<()>) -> Result<(), Ended> {
        let opened = (self.open)(Opening::First).and_then(|mut storage| {
            let loaded = self.load(&mut *storage)?;
            Ok((storage, loaded))
        });
        let (storage, loaded) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.status.gives_up();
                let is_stopped = error == StorageError::Stopped;
                return if is_stopped { Ok(()) } else { Err(self.ended(false, &error)) };
            }
        };
        self.status.has_loaded(loaded.has_quoted_names, storage.bytes());
        let _unheard = tell_loaded.send(());
        self.committed = loaded.sequence;
        self.save(storage)
    }

    /// Loads the groups, and once all of them are, lets the store be written to.
    fn load(&self, storage: &mut dyn Storage) -> Result<Loaded, StorageError> {
        let is_stopped = || *self.stopping.borrow();
        let loaded = load(storage, &self.shards, &self.status, &self.runtime, is_stopped)?;
        storage.accept()?;
        let bytes = storage.bytes();
        if bytes > COMPACTED_BYTES_MIN && bytes > COMPACTED_ABOVE * loaded.bytes {
            storage.compact()?;
            tracing::info!(bytes_before = bytes, bytes = storage.bytes(), "compacted");
        }
        Ok(loaded)
    }

    /// Commits what changes, until asked to stop.
    fn save(mut self, storage: Box<dyn Storage>) -> Result<(), Ended> {
        let pace = Arc::new(Pace::new(self.options.interval));
        let source = Source {
            shards: self.shards.clone(),
            status: Arc::clone(&self.status),
            awaited: Arc::clone(&self.awaited),
            pace: Arc::clone(&pace),
            stopping: self.stopping.clone(),
        };
        let (send, epochs) = flume::bounded(0);
        let source = self.runtime.spawn(source.run(send));
        let mut storage = Some(storage);
        while let Ok(mut epoch) = epochs.recv() {
            let mut since = Instant::now();
            while let Err(error) = self.commit(&mut storage, &mut epoch) {
                self.status.failed(error.to_string());
                for waiter in epoch.waiters.drain(..) {
                    waiter.answer(Err(Unavailable::InDoubt));
                }
                storage = None;
                if self.rest(since.elapsed()) {
                    return Err(self.ended(true, &error));
                }
                since = Instant::now();
            }
            pace.took(epoch.since.elapsed());
            epoch.waiters.drain(..).for_each(|waiter| waiter.answer(Ok(())));
        }
        match self.runtime.block_on(source) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(unavailable)) => Err(self.ended(true, &unavailable)),
            Err(error) => Err(self.ended(true, &error)),
        }
    }

    /// Waits before another try, since the last one took so long: it may have read the whole file. Answers
    /// true when everything ends.
    fn rest(&mut self, took: Duration) -> bool {
        let Owner { stopping, runtime, .. } = self;
        runtime.block_on(async {
            let ends = stopping.wait_for(|stopping| *stopping);
            tokio::time::timeout(RETRY_WAIT.max(4 * took), ends).await.is_ok()
        })
    }

    fn commit(
        &mut self,
        storage: &mut Option<Box<dyn Storage>>,
        epoch: &mut Epoch,
    ) -> Result<(), StorageError> {
        let is_wasteful = storage.as_ref().is_none_or(|storage| storage.is_wasteful());
        if epoch.changes.is_empty() && !is_wasteful {
            return Ok(());
        }
        let since = Instant::now();
        let groups = epoch.changes.iter().map(Changes::len).sum();
        self.status.begins(groups, epoch.oldest);
        let sequence = self.committed + 1;
        let storage = match storage {
            Some(storage) => storage,
            None => {
                let mut opened = (self.open)(Opening::Again)?;
                // What failed may have come to be all the same.
                let found = opened.load(&mut |_| Ok(()))?;
                if ![self.committed, sequence].contains(&found) {
                    return Err(StorageError::Failed(ANOTHER.to_owned()));
                }
                opened.accept()?;
                storage.insert(opened)
            }
        };
        let written_before = storage.written_bytes();
        for changes in &mut epoch.changes {
            for record in changes.images_mut() {
                record::seal(record, sequence)
                    .map_err(|error| StorageError::Failed(error.to_string()))?;
            }
        }
        let changes: Vec<Change<'_>> = epoch.changes.iter().flat_map(Changes::iter).collect();
        storage.commit(sequence, &changes)?;
        self.committed = sequence;
        let written_bytes = storage.written_bytes() - written_before;
        self.status.committed(since.elapsed(), written_bytes, storage.bytes());
        Ok(())
    }

    fn ended(&self, is_loaded: bool, reason: &dyn fmt::Display) -> Ended {
        Ended { file: self.options.file.clone(), is_loaded, reason: reason.to_string() }
    }
}
