//! Groups on disk: one thread owns the persistence file and commits the changes of all groups together.
//!
//! Start reading at `thread`: it loads the groups at the start (`load`), and then commits one epoch after the
//! other (`epochs`). `status` is what requests, probes and metrics see of it; `inspect` reads a file without a gateway.
//! `store` is the database. It keeps one `record` for each group, in `segments` that `segment_writer` fills.
//! `staged`, `file` and `marks` are the bytes below the database.
//!
//! **Invariants:** the file holds a state that all groups had at one moment. The gateway never writes to a
//! damaged file. No shard ever waits for the disk.

pub(crate) mod epochs;
mod error;
mod file;
mod handle;
mod inspect;
mod load;
mod marks;
pub(crate) mod record;
mod segment_writer;
mod segments;
mod staged;
mod status;
mod store;
mod thread;

use std::path::PathBuf;
use std::time::Duration;

pub use error::{Ended, StorageError};
pub use file::LockedFile;
pub use handle::{Persistence, SAVE_WAIT, Saver};
pub(crate) use inspect::write_group;
pub use inspect::{Exported, Report, check, export};
pub(crate) use load::has_quoted_names_in;
pub use record::{Record, RecordError};
pub(crate) use segment_writer::records;
pub use status::{COMMIT_WAIT, Counts, LOAD_WAIT, NotReady, Status};
pub use store::{Change, Store};
pub use thread::{OpenStore, Opening};

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
