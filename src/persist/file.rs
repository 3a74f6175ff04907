//! A file that only one gateway may use at a time. It notices what other programs do to the file (`marks`).

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;
use rustix::fs::{Advice, fadvise};

use super::error::StorageError;
use super::marks::Marks;

/// A file, locked for as long as it is open.
#[derive(Debug)]
pub struct LockedFile {
    file: File,
    path: PathBuf,
    marks: Mutex<Marks>,
}

impl LockedFile {
    /// Opens the file and locks it.
    ///
    /// # Errors
    /// When it cannot be opened, or another process has locked it.
    pub fn open(path: &Path) -> Result<LockedFile, StorageError> {
        must_be_regular(path)?;
        LockedFile::lock(OpenOptions::new().read(true).write(true).open(path)?, path)
    }

    /// Opens the file as it is, making an empty one where there is none, and locks it.
    ///
    /// # Errors
    /// As [`LockedFile::open`].
    pub(super) fn open_or_create(path: &Path) -> Result<LockedFile, StorageError> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        LockedFile::lock(options.open(path)?, path)
    }

    /// Opens the file to read it only, and locks it.
    ///
    /// # Errors
    /// As [`LockedFile::open`].
    pub fn open_to_read(path: &Path) -> Result<LockedFile, StorageError> {
        must_be_regular(path)?;
        LockedFile::lock(File::open(path)?, path)
    }

    fn lock(file: File, path: &Path) -> Result<LockedFile, StorageError> {
        match file.try_lock() {
            Ok(()) => {
                // What is read is what is on disk: after a crash the kernel may still hold more than that,
                // and of a write that failed it may hold what never gets there.
                file.sync_data()?;
                fadvise(&file, 0, None, Advice::DontNeed).map_err(io::Error::from)?;
                let marks = Mutex::new(Marks::of(&file)?);
                Ok(LockedFile { file, path: path.to_owned(), marks })
            }
            Err(TryLockError::WouldBlock) => Err(StorageError::Locked),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

/// To open a pipe would wait for its writer, and a device has no end.
fn must_be_regular(path: &Path) -> Result<(), StorageError> {
    match std::fs::metadata(path)?.is_file() {
        true => Ok(()),
        false => Err(StorageError::Failed(
            "it is not a regular file, but a directory, a device or a pipe".to_owned(),
        )),
    }
}

impl LockedFile {
    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the path still names this file.
    fn is_in_place(&self) -> io::Result<bool> {
        let (ours, found) = (self.file.metadata()?, std::fs::metadata(&self.path)?);
        Ok((ours.dev(), ours.ino()) == (found.dev(), found.ino()))
    }
}

impl StorageBackend for LockedFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset).or_else(|error| {
            self.marks().check(&self.file)?; // What is missing was there before, perhaps.
            Err(error)
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut marks = self.marks();
        marks.begin(&self.file)?;
        self.file.set_len(len)?;
        marks.set_len(len);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        if !self.is_in_place()? {
            return Err(io::Error::other("the file has been moved or replaced"));
        }
        self.marks().end(&self.file)?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut marks = self.marks();
        marks.begin(&self.file)?;
        self.file.write_all_at(data, offset)?;
        marks.wrote(offset, data);
        Ok(())
    }
}
