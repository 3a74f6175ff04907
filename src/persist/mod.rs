//! Groups on disk: one thread that owns the store, and commits what has changed in groups together.
//!
//! - `thread`: loads the groups at the start, then commits epochs; tells those who wait for it.
//! - `epochs`: what has changed in all shards until one moment, gathered while the epoch before is
//!   written.
//! - `status`: how it fares, for requests, probes and metrics.
//! - `load`: from the store to the shards. `inspect`: the same file looked at without a gateway.
//! - `record`: what is stored of a group. `storage`: what is needed of a store, `store`: redb as one, and
//!   `segments`: which records in it are the last of their groups, `segment_writer`: how they are written.
//! - `staged`, `file`: the bytes below it: nothing is written to a file before it has been read to its end.
//!
//! **Invariants:** what is on disk is a state that all groups had at one moment. A file that is not whole
//! is never written to. No shard ever waits for the disk.

mod epochs;
mod file;
mod inspect;
mod load;
mod record;
mod segment_writer;
mod segments;
mod staged;
mod status;
mod storage;
mod store;
mod thread;

use std::path::PathBuf;
use std::time::Duration;

pub use file::LockedFile;
pub use inspect::{Exported, Report, check, export};
pub use record::{Record, RecordError};
pub use status::{COMMIT_WAIT, Counts, LOAD_WAIT, NotReady, Status};
pub use storage::{Change, Storage, StorageError};
pub use store::Store;
pub use thread::{Ended, OpenStorage, Opening, Persistence, SAVE_WAIT, Saver};

/// What a request that was answered is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// It reaches the disk within the interval.
    Interval,
    /// It is on disk.
    Push,
}

/// How groups are kept on disk.
#[derive(Debug, Clone)]
pub struct Options {
    /// In which file.
    pub file: PathBuf,
    /// What an answer is worth.
    pub promise: Promise,
    /// Within which time everything is on disk.
    pub interval: Duration,
}
