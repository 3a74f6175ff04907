//! Why a persistence file cannot be used, and why persistence ended.

use std::fmt;
use std::io::ErrorKind;
use std::path::PathBuf;

use super::record::RecordError;

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

impl From<RecordError> for StorageError {
    fn from(error: RecordError) -> StorageError {
        match error {
            RecordError::Newer(version) => StorageError::Newer(version.into()),
            error => StorageError::Damaged(error.to_string()),
        }
    }
}

impl StorageError {
    /// What it means that the store cannot be read.
    pub(super) fn reading(error: impl Into<redb::Error>) -> StorageError {
        match error.into() {
            redb::Error::DatabaseAlreadyOpen => StorageError::Locked,
            redb::Error::Io(error) if error.kind() == ErrorKind::UnexpectedEof => {
                StorageError::Damaged("its end is missing".into())
            }
            redb::Error::Io(error) => error.into(),
            error => StorageError::Damaged(error.to_string()),
        }
    }

    /// What it means that the store cannot be written.
    pub(super) fn writing(error: impl Into<redb::Error>) -> StorageError {
        StorageError::Failed(error.into().to_string())
    }
}

/// Why persistence ended otherwise than it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub(super) file: PathBuf,
    pub(super) is_loaded: bool,
    pub(super) reason: String,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_loaded { "save the last changes to" } else { "use" };
        write!(f, "cannot {what} the persistence file {}: {}", self.file.display(), self.reason)
    }
}

impl std::error::Error for Ended {}
