//! Whether the file is still as the gateway left it: its length, its beginning, and a page of the last commit.
//!
//! redb reads from its cache. Without this check it would go on writing to a file that another program has truncated or
//! overwritten, and pushes would count as saved. The file is compared before the first write of a commit and before its sync.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::staged::overlay;

/// The header of redb, with the numbers of its last commits.
const HEADER_BYTES: u64 = 512;
/// How much of a page is compared.
const PAGE_BYTES: usize = 64;

/// Some bytes of the file.
#[derive(Debug, Default)]
struct Mark {
    offset: u64,
    bytes: Vec<u8>,
}

impl Mark {
    fn is_in(&self, file: &File) -> io::Result<bool> {
        let mut found = vec![0; self.bytes.len()];
        file.read_exact_at(&mut found, self.offset)?;
        Ok(found == self.bytes)
    }

    fn truncate(&mut self, len: u64) {
        self.bytes.truncate(usize::try_from(len.saturating_sub(self.offset)).unwrap_or(usize::MAX));
    }
}

/// What the file must hold.
#[derive(Debug)]
pub(super) struct Marks {
    len: u64,
    header: Mark,
    /// The highest page of the last commit,
    page: Mark,
    /// and of the commit that is being made.
    next_page: Mark,
    /// Whether the gateway has written nothing since the last sync.
    is_settled: bool,
}

impl Marks {
    /// The file as it is now.
    pub(super) fn of(file: &File) -> io::Result<Marks> {
        let len = file.metadata()?.len();
        let mut bytes = vec![0; len.min(HEADER_BYTES) as usize];
        file.read_exact_at(&mut bytes, 0)?;
        let header = Mark { offset: 0, bytes };
        let (page, next_page) = (Mark::default(), Mark::default());
        Ok(Marks { len, header, page, next_page, is_settled: true })
    }

    /// The gateway is about to write to the file or to change its length.
    ///
    /// # Errors
    /// If another program has changed the file. During a commit only the length is compared.
    pub(super) fn begin(&self, file: &File) -> io::Result<()> {
        if self.is_settled { self.check(file) } else { self.check_len(file) }
    }

    pub(super) fn wrote(&mut self, offset: u64, data: &[u8]) {
        self.is_settled = false;
        self.len = self.len.max(offset + data.len() as u64);
        for mark in [&mut self.header, &mut self.page, &mut self.next_page] {
            overlay(&mut mark.bytes, mark.offset, data, offset);
        }
        if offset >= HEADER_BYTES.max(self.next_page.offset) {
            self.next_page = Mark { offset, bytes: data[..data.len().min(PAGE_BYTES)].to_vec() };
        }
    }

    pub(super) fn set_len(&mut self, len: u64) {
        self.len = len;
        for mark in [&mut self.header, &mut self.page, &mut self.next_page] {
            mark.truncate(len);
        }
    }

    /// The gateway is about to sync the file.
    ///
    /// # Errors
    /// As [`Marks::begin`].
    pub(super) fn end(&mut self, file: &File) -> io::Result<()> {
        self.is_settled = true; // Even if the check fails: each later write fails too. redb changes the length after a sync.
        self.check(file)?;
        if !self.next_page.bytes.is_empty() {
            self.page = std::mem::take(&mut self.next_page);
        }
        Ok(())
    }

    /// Compares the file with what it must hold.
    ///
    /// # Errors
    /// As [`Marks::begin`].
    pub(super) fn check(&self, file: &File) -> io::Result<()> {
        self.check_len(file)?;
        if self.header.is_in(file)? && self.page.is_in(file)? {
            return Ok(());
        }
        Err(io::Error::other("another program has overwritten the file"))
    }

    fn check_len(&self, file: &File) -> io::Result<()> {
        let (len, expected) = (file.metadata()?.len(), self.len);
        if len == expected {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "another program has changed the length of the file from {expected} to {len} bytes"
        )))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use redb::StorageBackend;

    use super::*;
    use crate::persist::file::LockedFile;

    const PAGE: u64 = 4096;

    /// A file of four pages that the gateway has written, and the same file as another program has it open.
    struct Shared {
        ours: LockedFile,
        theirs: File,
        path: PathBuf,
    }

    impl Drop for Shared {
        fn drop(&mut self) {
            let _gone = std::fs::remove_file(&self.path);
        }
    }

    fn shared(name: &str) -> Shared {
        let name = format!("shardgate-marks-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, vec![1; 4 * PAGE as usize]).expect("it can be written");
        let ours = LockedFile::open(&path).expect("nobody else has it");
        let theirs = File::options().write(true).open(&path).expect("it is there");
        for page in [1, 0] {
            ours.write(page * PAGE, &[2; PAGE as usize]).expect("nobody has changed it");
        }
        ours.sync_data().expect("nobody has changed it");
        ours.set_len(4 * PAGE).expect("nobody has changed it");
        Shared { ours, theirs, path }
    }

    #[test]
    fn what_another_program_does_between_two_commits_is_noticed_before_anything_is_written() {
        type Change = fn(&File) -> io::Result<()>;
        let changes: [(&str, Change); 5] = [
            ("all-gone", |file| file.set_len(0)),
            ("half-gone", |file| file.set_len(2 * PAGE)),
            ("longer", |file| file.set_len(5 * PAGE)),
            ("beginning", |file| file.write_all_at(b"other", 20)),
            ("last-page", |file| file.write_all_at(b"other", PAGE + 5)),
        ];
        for (name, change) in changes {
            let Shared { ours, theirs, .. } = &shared(name);
            change(theirs).expect("it can be changed");
            let error = ours.write(3 * PAGE, b"x").expect_err(name).to_string();
            assert!(error.starts_with("another program has "), "{error}");
            assert!(ours.sync_data().is_err() && ours.set_len(9).is_err(), "{name}");
        }
    }

    #[test]
    fn what_another_program_does_during_a_commit_is_noticed_at_its_sync() {
        for len in [0, PAGE, 3 * PAGE] {
            let Shared { ours, theirs, .. } = &shared(&format!("during-{len}"));
            ours.write(2 * PAGE, b"begun").expect("nobody has changed it");
            theirs.set_len(len).expect("it can be truncated");
            assert!(ours.write(PAGE, &[3; PAGE as usize]).is_err(), "{len}");
            // Even if the file gets its length back.
            theirs.set_len(4 * PAGE).expect("it can be extended");
            if len < 2 * PAGE {
                assert!(ours.sync_data().is_err(), "{len}");
            }
        }
    }

    #[test]
    fn what_the_gateway_does_itself_is_no_change() {
        let Shared { ours, .. } = &shared("own");
        for (offset, bytes) in [(PAGE + 3, 9), (0, 100), (5 * PAGE, 5000), (2 * PAGE, 1)] {
            ours.write(offset, &vec![7; bytes]).expect("nobody has changed it");
            ours.sync_data().expect("nobody has changed it");
            ours.set_len(8 * PAGE).and_then(|()| ours.set_len(6 * PAGE)).expect("it is ours");
        }
        ours.set_len(100).and_then(|()| ours.sync_data()).expect("nobody has changed it");
        ours.write(100, b"more").and_then(|()| ours.sync_data()).expect("nobody has changed it");
    }
}
