//! The thread that owns the store.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot, watch};

use super::epochs::{Epoch, LONG_RETRY_WAIT, Pace, RETRY_WAIT, Source};
use super::load::{Loaded, load};
use super::record;
use super::status::Status;
use super::storage::{Change, Storage, StorageError};
use super::{Options, Promise};
use crate::shard::{Changes, Saving, Shards, Unavailable};

/// How long a gateway that ends waits for its last changes to be saved.
pub const SAVE_WAIT: Duration = Duration::from_secs(60);

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
        let status = Arc::new(Status::new(options.promise));
        Saver { options, awaited: Arc::default(), status }
    }

    /// How the shards write groups down.
    pub fn saving(&self) -> Saving {
        let awaited = (self.options.promise == Promise::Push).then(|| Arc::clone(&self.awaited));
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
        let owner = Owner {
            open,
            file: options.file.clone(),
            interval: options.interval,
            leisure: match options.promise {
                Promise::Interval => options.interval / 4,
                Promise::Push => Duration::ZERO, // Somebody waits.
            },
            shards,
            awaited,
            status: Arc::clone(&status),
            runtime: Handle::current(),
            stopping,
            committed: 0,
            id: 0,
        };
        let file = options.file;
        std::thread::Builder::new().name("persist".into()).spawn(move || {
            let status = Loud(Arc::clone(&owner.status));
            let ended = owner.run(tell_loaded);
            if let Err(ended) = &ended {
                status.0.failed(ended.reason.clone());
            }
            let _unheard = tell_ended.send(ended);
        })?;
        Ok(Persistence { stop, status, file, loaded, ended })
    }
}

/// Persistence at work.
#[derive(Debug)]
pub struct Persistence {
    stop: watch::Sender<bool>,
    status: Arc<Status>,
    file: PathBuf,
    loaded: oneshot::Receiver<()>,
    ended: oneshot::Receiver<Result<(), Ended>>,
}

/// Why persistence ended otherwise than it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    file: PathBuf,
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

    /// Has everything that was applied written down, and ends. Who comes now is refused.
    ///
    /// # Errors
    /// When that cannot be done within [`SAVE_WAIT`], or nothing could be loaded.
    pub async fn stop(self) -> Result<(), Ended> {
        let Persistence { stop, status, file, ended, .. } = self;
        let is_loaded = status.loaded().is_ok();
        status.stops();
        stop.send_replace(true);
        let reason = match tokio::time::timeout(SAVE_WAIT, ended).await {
            Ok(Ok(ended)) => return ended,
            Ok(Err(_)) => DIED,
            Err(_) => "the disk does not answer",
        };
        Err(Ended { file, is_loaded, reason: reason.to_owned() })
    }
}

/// Tells when the thread dies of a panic: nothing gets to the disk any more.
struct Loud(Arc<Status>);

impl Drop for Loud {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stops();
            self.0.failed(DIED.to_owned());
        }
    }
}

/// What the thread has.
struct Owner {
    open: OpenStorage,
    file: PathBuf,
    interval: Duration,
    leisure: Duration,
    shards: Shards,
    awaited: Arc<Notify>,
    status: Arc<Status>,
    runtime: Handle,
    stopping: watch::Receiver<bool>,
    /// The number of the last commit that is on disk.
    committed: u64,
    /// Which store it is.
    id: u64,
}

impl Owner {
    fn run(mut self, tell_loaded: oneshot::Sender<()>) -> Result<(), Ended> {
        let opened = (self.open)(Opening::First).and_then(|storage| self.load(storage));
        let (storage, loaded) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.status.stops();
                let is_stopped = error == StorageError::Stopped;
                return if is_stopped { Ok(()) } else { Err(self.ended(false, &error)) };
            }
        };
        let _unheard = tell_loaded.send(());
        (self.committed, self.id) = (loaded.sequence, loaded.id);
        self.save(storage)
    }

    /// Loads the groups, and once all of them are, lets the store be written to. Answers the store too, unless it is to
    /// be opened anew.
    fn load(
        &self,
        storage: Box<dyn Storage>,
    ) -> Result<(Option<Box<dyn Storage>>, Loaded), StorageError> {
        let mut storage = storage;
        let is_stopped = || *self.stopping.borrow();
        let mut loaded =
            load(&mut *storage, &self.shards, &self.status, &self.runtime, is_stopped)?;
        storage.accept()?;
        let bytes = storage.bytes();
        let mut is_to_be_opened_anew = false;
        if bytes > COMPACTED_BYTES_MIN && bytes > COMPACTED_ABOVE * loaded.bytes {
            match compact(&mut *storage, &mut loaded.sequence) {
                Ok(()) => {
                    tracing::info!(bytes_before = bytes, bytes = storage.bytes(), "compacted");
                }
                // It shows again at the next commit, if it matters.
                Err(error) => {
                    tracing::warn!(err = %error, "the persistence file was not compacted");
                    is_to_be_opened_anew = true;
                }
            }
        }
        self.status.has_loaded(loaded.has_quoted_names, storage.bytes());
        Ok(((!is_to_be_opened_anew).then_some(storage), loaded))
    }

    /// Commits what changes, until asked to stop.
    fn save(mut self, mut storage: Option<Box<dyn Storage>>) -> Result<(), Ended> {
        let pace = Arc::new(Pace::new(self.interval));
        let source = Source {
            shards: self.shards.clone(),
            status: Arc::clone(&self.status),
            awaited: Arc::clone(&self.awaited),
            pace: Arc::clone(&pace),
            leisure: self.leisure,
            stopping: self.stopping.clone(),
        };
        let (send, epochs) = flume::bounded(0);
        let source = self.runtime.spawn(source.run(send));
        while let Ok(mut epoch) = epochs.recv() {
            loop {
                // Who asks for an end gets a last try.
                let is_last = *self.stopping.borrow();
                let since = Instant::now();
                let Err(error) = self.commit(&mut storage, &mut epoch) else { break };
                self.status.failed(error.to_string());
                epoch.answer(Err(Unavailable::InDoubt));
                storage = None;
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
        storage: &mut Option<Box<dyn Storage>>,
        epoch: &mut Epoch,
    ) -> Result<(), StorageError> {
        let is_wasteful = storage.as_ref().is_none_or(|storage| storage.is_wasteful());
        if epoch.changes.is_empty() && !is_wasteful {
            return Ok(());
        }
        let since = Instant::now();
        self.status.begins(epoch.oldest);
        let sequence = self.committed + 1;
        let storage = match storage {
            Some(storage) => storage,
            None => {
                let mut opened = (self.open)(Opening::Again)?;
                // What failed may have come to be all the same.
                let found = opened.load(&mut |_| Ok(()))?;
                if ![self.committed, sequence].contains(&found) || opened.id()? != self.id {
                    return Err(StorageError::Failed(ANOTHER.to_owned()));
                }
                opened.accept()?;
                storage.insert(opened)
            }
        };
        let written_before = storage.written_bytes();
        for changes in &mut epoch.changes {
            changes.write_snapshots(record::write); // Only once: they stay for another try.
            for record in changes.records_mut() {
                record::seal(record, sequence)
                    .map_err(|error| StorageError::Failed(error.to_string()))?;
            }
        }
        let changes: Vec<Change<'_>> = epoch.changes.iter().flat_map(Changes::iter).collect();
        storage.commit(sequence, &changes)?;
        self.committed = sequence;
        let written_bytes = storage.written_bytes() - written_before;
        self.status.committed(epoch.groups(), since.elapsed(), written_bytes, storage.bytes());
        Ok(())
    }

    fn ended(&self, is_loaded: bool, reason: &dyn fmt::Display) -> Ended {
        Ended { file: self.file.clone(), is_loaded, reason: reason.to_string() }
    }
}

/// Gives up what is dead, and then the room it took.
fn compact(storage: &mut dyn Storage, sequence: &mut u64) -> Result<(), StorageError> {
    while storage.is_wasteful() {
        storage.commit(*sequence + 1, &[])?;
        *sequence += 1;
    }
    storage.compact()
}
