//! Why a persistence file cannot be used, and why persistence ended.

use std::io::ErrorKind;
use std::path::PathBuf;

use super::record::RecordError;
use crate::shard::RestoreError;

/// Why a store cannot be opened, read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// Another process has it open.
    #[error("another process uses it")]
    Locked,
    /// It is something else, which this tells.
    #[error("it is not a store of shardgate: {0}")]
    Foreign(&'static str),
    /// It was written by a later shardgate, in this version of the format.
    #[error("it was written by a newer shardgate, in version {0} of the format")]
    Newer(u64),
    /// It is not what was written.
    #[error(
        "it is damaged ({0}); it has been left as it is, and `shardgate store export` prints what can be read"
    )]
    Damaged(String),
    /// The disk fails.
    #[error("{0}")]
    Failed(String),
    /// The reader of an export has closed its end of the pipe.
    #[error("nobody reads what is exported")]
    Unread,
    /// The gateway was asked to stop meanwhile.
    #[error("stopped while it was read")]
    Stopped,
}

impl From<std::io::Error> for StorageError {
    fn from(error: std::io::Error) -> StorageError {
        match error.kind() {
            ErrorKind::BrokenPipe => StorageError::Unread,
            _ => StorageError::Failed(error.to_string()),
        }
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

impl From<RestoreError> for StorageError {
    fn from(error: RestoreError) -> StorageError {
        match error {
            RestoreError::Refused(key, refusal) => {
                StorageError::Damaged(format!("group {key}: {refusal}"))
            }
            RestoreError::Unavailable(reason) => StorageError::Failed(reason.to_string()),
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
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {} the persistence file {}: {reason}", self.task(), .file.display())]
pub struct Ended {
    pub(super) file: PathBuf,
    pub(super) is_loaded: bool,
    pub(super) reason: String,
}

impl Ended {
    fn task(&self) -> &'static str {
        if self.is_loaded { "save the last changes to" } else { "use" }
    }
}
