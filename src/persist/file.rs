//! A file that one process at a time writes to.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use redb::StorageBackend;

use super::storage::StorageError;

/// A file, locked for as long as it is open.
#[derive(Debug)]
pub struct LockedFile(File);

impl LockedFile {
    /// Opens the file and locks it.
    ///
    /// # Errors
    /// When it cannot be opened, or another process has locked it.
    pub fn open(path: &Path) -> Result<LockedFile, StorageError> {
        LockedFile::lock(OpenOptions::new().read(true).write(true).open(path)?)
    }

    /// Opens the file as it is, making an empty one where there is none, and locks it.
    ///
    /// # Errors
    /// As [`LockedFile::open`].
    pub(super) fn open_or_create(path: &Path) -> Result<LockedFile, StorageError> {
        let mut options = OpenOptions::new();
        LockedFile::lock(options.read(true).write(true).create(true).truncate(false).open(path)?)
    }

    /// Opens the file to read it only, and locks it.
    ///
    /// # Errors
    /// As [`LockedFile::open`].
    pub fn open_to_read(path: &Path) -> Result<LockedFile, StorageError> {
        LockedFile::lock(File::open(path)?)
    }

    fn lock(file: File) -> Result<LockedFile, StorageError> {
        match file.try_lock() {
            Ok(()) => Ok(LockedFile(file)),
            Err(TryLockError::WouldBlock) => Err(StorageError::Locked),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

impl StorageBackend for LockedFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.0.metadata()?.nlink() == 0 {
            return Err(io::Error::other("the file has been removed"));
        }
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_all_at(data, offset)
    }
}
