//! Staged writes: they stay in memory until the whole file is known to be undamaged.
//!
//! redb writes to a file when it opens one that was not closed. Whether the file is damaged shows only after
//! all of it has been read, and the gateway never writes to a damaged file. Reads see the staged writes.
//! A release makes the writes in their order, with their syncs.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

/// No file is that long.
const UNKNOWN: u64 = u64::MAX;

/// Storage in front of another, with writes staged at first. Clones are the same storage.
#[derive(Debug)]
pub(super) struct Staged<B> {
    shared: Arc<Shared<B>>,
}

#[derive(Debug)]
struct Shared<B> {
    inner: B,
    /// How long that is, as far as reads have asked; or [`UNKNOWN`].
    inner_len: AtomicU64,
    /// The staged writes, in order; `None` after their release.
    staged: Mutex<Option<VecDeque<Write>>>,
    written_bytes: AtomicU64,
}

/// Something to do to the storage.
#[derive(Debug)]
enum Write {
    Bytes(u64, Vec<u8>),
    Length(u64),
    Sync,
}

impl<B> Clone for Staged<B> {
    fn clone(&self) -> Staged<B> {
        Staged { shared: Arc::clone(&self.shared) }
    }
}

impl<B: StorageBackend> Staged<B> {
    /// Holds back what is written to `inner`.
    pub(super) fn new(inner: B) -> Staged<B> {
        let (staged, written_bytes) = (Mutex::new(Some(VecDeque::new())), AtomicU64::new(0));
        let inner_len = AtomicU64::new(UNKNOWN);
        Staged { shared: Arc::new(Shared { inner, inner_len, staged, written_bytes }) }
    }

    /// Makes the staged writes, and stages no more.
    ///
    /// # Errors
    /// When a write fails. That write, the rest and all later writes stay staged: later writes make no sense
    /// without it.
    pub(super) fn release(&self) -> io::Result<()> {
        let mut staged = self.staged();
        let Some(writes) = &mut *staged else { return Ok(()) };
        while let Some(write) = writes.front() {
            match write {
                Write::Bytes(offset, bytes) => self.shared.write(*offset, bytes)?,
                Write::Length(len) => {
                    self.shared.inner_len.store(UNKNOWN, Ordering::Relaxed);
                    self.shared.inner.set_len(*len)?;
                }
                Write::Sync => self.shared.inner.sync_data()?,
            }
            writes.pop_front();
        }
        *staged = None;
        Ok(())
    }

    /// How many bytes have been written to what is behind this.
    pub(super) fn written_bytes(&self) -> u64 {
        self.shared.written_bytes.load(Ordering::Relaxed)
    }

    fn staged(&self) -> MutexGuard<'_, Option<VecDeque<Write>>> {
        self.shared.staged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds the write back, if it is to be. Answers whether it was.
    fn stage(&self, write: impl FnOnce() -> Write) -> bool {
        let mut staged = self.staged();
        if let Some(staged) = &mut *staged {
            staged.push_back(write());
        }
        staged.is_some()
    }
}

impl<B: StorageBackend> StorageBackend for Staged<B> {
    fn len(&self) -> io::Result<u64> {
        let staged = self.staged();
        let mut lengths = staged.iter().flatten().filter_map(|write| match write {
            Write::Length(len) => Some(*len),
            _ => None,
        });
        lengths.next_back().map_or_else(|| self.shared.inner.len(), Ok)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let staged = self.staged();
        let Some(writes) = staged.as_ref().filter(|writes| !writes.is_empty()) else {
            drop(staged);
            return self.shared.inner.read(offset, out);
        };
        let mut inner_len = self.shared.inner_len.load(Ordering::Relaxed);
        if inner_len == UNKNOWN {
            inner_len = self.shared.inner.len()?;
            self.shared.inner_len.store(inner_len, Ordering::Relaxed);
        }
        let stored = inner_len.saturating_sub(offset);
        let stored = usize::try_from(stored).unwrap_or(usize::MAX).min(out.len());
        if stored > 0 {
            self.shared.inner.read(offset, &mut out[..stored])?;
        }
        out[stored..].fill(0);
        for write in writes {
            match write {
                Write::Bytes(start, bytes) => overlay(out, offset, bytes, *start),
                Write::Length(len) => {
                    let kept = usize::try_from(len.saturating_sub(offset)).unwrap_or(usize::MAX);
                    let kept = kept.min(out.len());
                    out[kept..].fill(0);
                }
                Write::Sync => {}
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        if self.stage(|| Write::Length(len)) {
            return Ok(());
        }
        self.shared.inner.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.stage(|| Write::Sync) {
            return Ok(());
        }
        self.shared.inner.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if self.stage(|| Write::Bytes(offset, data.to_vec())) {
            return Ok(());
        }
        self.shared.write(offset, data)
    }
}

impl<B: StorageBackend> Shared<B> {
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.written_bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
        self.inner.write(offset, data)
    }
}

/// Puts the part of `bytes`, which begin at `start`, into `out`, which begins at `offset`.
pub(super) fn overlay(out: &mut [u8], offset: u64, bytes: &[u8], start: u64) {
    let from = start.max(offset);
    let to = (start + bytes.len() as u64).min(offset + out.len() as u64);
    if from < to {
        let len = (to - from) as usize;
        out[(from - offset) as usize..][..len]
            .copy_from_slice(&bytes[(from - start) as usize..][..len]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use redb::backends::InMemoryBackend;

    use super::*;

    const LONGEST: u64 = 64;

    /// What is done to the storage, in order; may fail at one of them.
    #[derive(Debug, Default)]
    struct Recorder {
        done: Mutex<Vec<String>>,
        fails_at: Option<usize>,
    }

    impl Recorder {
        fn note(&self, what: String) -> io::Result<()> {
            let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
            if self.fails_at == Some(done.len()) {
                return Err(io::Error::other("asked to"));
            }
            done.push(what);
            Ok(())
        }
    }

    impl StorageBackend for Recorder {
        fn len(&self) -> io::Result<u64> {
            Ok(LONGEST)
        }
        fn read(&self, _: u64, out: &mut [u8]) -> io::Result<()> {
            out.fill(b'.');
            Ok(())
        }
        fn set_len(&self, len: u64) -> io::Result<()> {
            self.note(format!("length {len}"))
        }
        fn sync_data(&self) -> io::Result<()> {
            self.note("sync".to_owned())
        }
        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.note(format!("{data:?} at {offset}"))
        }
    }

    /// Four writes in front of a recorder.
    fn four_writes(fails_at: Option<usize>) -> Staged<Recorder> {
        let staged = Staged::new(Recorder { done: Mutex::default(), fails_at });
        staged.write(1, b"a").expect("staged");
        staged.set_len(9).expect("staged");
        staged.sync_data().expect("staged");
        staged.write(2, b"b").expect("staged");
        staged
    }

    fn done(staged: &Staged<Recorder>) -> Vec<String> {
        staged.shared.inner.done.lock().expect("nobody panics").clone()
    }

    const FOUR: [&str; 4] = ["[97] at 1", "length 9", "sync", "[98] at 2"];

    #[test]
    fn released_writes_keep_their_order() {
        let staged = four_writes(None);
        assert_eq!((done(&staged).len(), staged.written_bytes()), (0, 0));
        staged.release().expect("nothing fails");
        staged.clone().write(3, b"c").expect("nothing fails");
        assert_eq!(done(&staged), [&FOUR[..], &["[99] at 3"]].concat());
        assert_eq!(staged.written_bytes(), 3);
        staged.release().expect("there is nothing left");
        assert_eq!(done(&staged).len(), 5);
    }

    #[test]
    fn nothing_overtakes_a_write_that_fails() {
        for fails_at in 0..4 {
            let staged = four_writes(Some(fails_at));
            staged.release().expect_err("one fails");
            staged.write(3, b"c").expect("staged");
            staged.sync_data().expect("staged");
            assert_eq!(done(&staged), &FOUR[..fails_at]);
            let mut read = [0; 4];
            staged.read(0, &mut read).expect("the recorder never fails to");
            let first = if fails_at == 0 { b'a' } else { b'.' };
            assert_eq!(read, [b'.', first, b'b', b'c']);
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Write(u64, Vec<u8>),
        Length(u64),
        Read(u64, u64),
        Release,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => (0..LONGEST, vec(1..=255_u8, 0..20))
                .prop_map(|(offset, bytes)| Step::Write(offset, bytes)),
            2 => (0..LONGEST).prop_map(Step::Length),
            8 => (0..LONGEST, 0..LONGEST).prop_map(|(offset, len)| Step::Read(offset, len)),
            1 => Just(Step::Release),
        ]
    }

    proptest! {
        #[test]
        fn staged_writes_read_as_if_they_had_been_made(steps in vec(step(), 1..60)) {
            let plain = InMemoryBackend::new();
            plain.set_len(LONGEST / 2)?;
            plain.write(3, b"what was there before")?;
            let inner = InMemoryBackend::new();
            inner.set_len(LONGEST / 2)?;
            inner.write(3, b"what was there before")?;
            let staged = Staged::new(inner);
            for step in steps {
                let len = plain.len()?;
                prop_assert_eq!(staged.len()?, len);
                match step {
                    Step::Write(offset, mut bytes) => {
                        let offset = offset.min(len);
                        bytes.truncate((len - offset) as usize);
                        plain.write(offset, &bytes)?;
                        staged.write(offset, &bytes)?;
                    }
                    Step::Length(len) => {
                        plain.set_len(len)?;
                        staged.set_len(len)?;
                    }
                    Step::Read(offset, bytes) => {
                        let offset = offset.min(len);
                        let mut expected = vec![0; bytes.min(len - offset) as usize];
                        plain.read(offset, &mut expected)?;
                        let mut read = vec![0xaa; expected.len()];
                        staged.read(offset, &mut read)?;
                        prop_assert_eq!(read, expected);
                    }
                    Step::Release => staged.release()?,
                }
            }
        }
    }
}
