//! Persistence as the gateway handles it: starts the thread that owns the file, and stops it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use redb::StorageBackend;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot, watch};

use super::error::Ended;
use super::record;
use super::status::Status;
use super::thread::{OpenStore, Owner};
use super::{Options, Promise};
use crate::shard::{Saving, Shards};

/// How long a gateway that ends waits for its last changes to be saved.
pub const SAVE_WAIT: Duration = Duration::from_secs(60);

/// What is wrong when the thread is gone.
const DIED: &str = "the thread that owns it has died";

/// Persistence before it is started.
#[derive(Debug)]
pub struct Saver {
    options: Options,
    awaited: Arc<Notify>,
    status: Arc<Status>,
}

impl Saver {
    /// Persistence with these options.
    pub fn new(options: Options) -> Saver {
        let status = Arc::new(Status::new(options.promise));
        Saver { options, awaited: Arc::default(), status }
    }

    /// How the shards write groups down.
    pub fn saving(&self) -> Saving {
        let awaited = (self.options.promise == Promise::Push).then(|| Arc::clone(&self.awaited));
        Saving { write: record::write, awaited }
    }

    /// The state of persistence.
    pub fn status(&self) -> Arc<Status> {
        Arc::clone(&self.status)
    }

    /// Starts the thread, on whose behalf the current runtime talks to the shards.
    ///
    /// # Errors
    /// When there can be no more threads.
    pub fn start<B: StorageBackend>(
        self,
        shards: Shards,
        open: OpenStore<B>,
    ) -> std::io::Result<Persistence> {
        let (stop, stopping) = watch::channel(false);
        let (tell_loaded, loaded) = oneshot::channel();
        let (tell_ended, ended) = oneshot::channel();
        let Saver { options, awaited, status } = self;
        let owner = Owner {
            open,
            file: options.file.clone(),
            interval: options.interval,
            low_priority_time: match options.promise {
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

impl Persistence {
    /// Waits until the groups are loaded. Answers whether they are: when not, it has ended.
    pub async fn loaded(&mut self) -> bool {
        (&mut self.loaded).await.is_ok()
    }

    /// Saves everything that was applied, and ends. From now on changes are rejected.
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
