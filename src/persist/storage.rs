//! Where records are kept: what the rest needs of a transactional store, and how it may fail.

use std::fmt;
use std::sync::Arc;

/// What a commit changes about one group: its record, or that there is none any more.
pub type Change<'a> = (&'a Arc<str>, Option<&'a [u8]>);

/// A transactional store of records by the keys of their groups. Owned by one thread.
pub trait Storage: Send + fmt::Debug {
    /// Shows the last record of every group, in any order. To be called once, before anything is committed. Answers the sequence of the last commit.
    ///
    /// # Errors
    /// When not all of them can be read, or with what `each` answers.
    fn load(
        &mut self,
        each: &mut dyn FnMut(&[u8]) -> Result<(), StorageError>,
    ) -> Result<u64, StorageError>;

    /// A number that no other store has.
    ///
    /// # Errors
    /// When it cannot be read.
    fn id(&self) -> Result<u64, StorageError>;

    /// Lets what opening the store has to write reach the disk: it has been read to its end, and is whole.
    ///
    /// # Errors
    /// When it cannot be written.
    fn accept(&mut self) -> Result<(), StorageError>;

    /// Makes all changes, or none. They are on disk once this returns; when it fails, they may be.
    ///
    /// # Errors
    /// When they are not known to be on disk. The storage must then be opened anew.
    fn commit(&mut self, sequence: u64, changes: &[Change<'_>]) -> Result<(), StorageError>;

    /// Whether a commit of nothing would make it smaller.
    fn is_wasteful(&self) -> bool;

    /// How many bytes of records are stored.
    fn stored_bytes(&self) -> u64;

    /// Gives up room that nothing is stored in. May take as long as writing everything.
    ///
    /// # Errors
    /// As [`Storage::commit`].
    fn compact(&mut self) -> Result<(), StorageError>;

    /// How many bytes of disk it takes.
    fn bytes(&self) -> u64;

    /// How many bytes it has written since it was opened.
    fn written_bytes(&self) -> u64;
}

/// Why a store cannot be opened, read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageError {
    /// Another process has it open.
    Locked,
    /// It is something else, which this tells.
    Foreign(&'static str),
    /// It was written by a later shardgate, in this version of the format.
    Newer(u64),
    /// It is not what was written.
    Damaged(String),
    /// The disk fails.
    Failed(String),
    /// The gateway was asked to stop meanwhile.
    Stopped,
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StorageError::Locked => write!(f, "another process uses it"),
            StorageError::Foreign(what) => write!(f, "it is not a store of shardgate: {what}"),
            StorageError::Newer(version) => {
                write!(f, "it was written by a newer shardgate, in version {version} of the format")
            }
            StorageError::Damaged(how) => write!(
                f,
                "it is damaged ({how}); it has been left as it is, and `shardgate store export` \
                 prints what can be read"
            ),
            StorageError::Failed(how) => write!(f, "{how}"),
            StorageError::Stopped => write!(f, "stopped while it was read"),
        }
    }
}

impl std::error::Error for StorageError {}

impl From<std::io::Error> for StorageError {
    fn from(error: std::io::Error) -> StorageError {
        StorageError::Failed(error.to_string())
    }
}
