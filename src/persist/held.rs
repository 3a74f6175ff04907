//! A file whose writes are held back until it is known to be whole.
//!
//! Opening a store that was not closed writes to it. Whether it can be trusted shows only when all of it
//! has been read, and one that cannot is to be left as it is: so until then writes are kept in memory,
//! where reads see them, and are made in their order, syncs and all, once they are let through.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use redb::StorageBackend;

/// Storage in front of another, with writes held back at first. Clones are the same storage.
#[derive(Debug)]
pub struct Held<B> {
    shared: Arc<Shared<B>>,
}

#[derive(Debug)]
struct Shared<B> {
    inner: B,
    /// How long that is while writes are held back.
    inner_len: OnceLock<u64>,
    /// What is held back, in order; `None` once all is let through.
    held: Mutex<Option<Vec<Write>>>,
    written_bytes: AtomicU64,
}

/// Something to do to the storage.
#[derive(Debug)]
enum Write {
    Bytes(u64, Vec<u8>),
    Length(u64),
    Sync,
}

impl<B> Clone for Held<B> {
    fn clone(&self) -> Held<B> {
        Held { shared: Arc::clone(&self.shared) }
    }
}

impl<B: StorageBackend> Held<B> {
    /// Holds back what is written to `inner`.
    pub fn new(inner: B) -> Held<B> {
        let (held, written_bytes) = (Mutex::new(Some(Vec::new())), AtomicU64::new(0));
        let inner_len = OnceLock::new();
        Held { shared: Arc::new(Shared { inner, inner_len, held, written_bytes }) }
    }

    /// Makes the writes held back, and holds back no more.
    ///
    /// # Errors
    /// When one of them fails; the rest have not been made then.
    pub fn let_through(&self) -> io::Result<()> {
        let writes = self.held().take();
        for write in writes.unwrap_or_default() {
            match write {
                Write::Bytes(offset, bytes) => self.write(offset, &bytes)?,
                Write::Length(len) => self.set_len(len)?,
                Write::Sync => self.sync_data()?,
            }
        }
        Ok(())
    }

    /// How many bytes have been written to what is behind this.
    pub fn written_bytes(&self) -> u64 {
        self.shared.written_bytes.load(Ordering::Relaxed)
    }

    fn held(&self) -> MutexGuard<'_, Option<Vec<Write>>> {
        self.shared.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds the write back, if it is to be. Answers whether it was.
    fn hold(&self, write: impl FnOnce() -> Write) -> bool {
        let mut held = self.held();
        if let Some(held) = &mut *held {
            held.push(write());
        }
        held.is_some()
    }
}

impl<B: StorageBackend> StorageBackend for Held<B> {
    fn len(&self) -> io::Result<u64> {
        let held = self.held();
        let mut lengths = held.iter().flatten().filter_map(|write| match write {
            Write::Length(len) => Some(*len),
            _ => None,
        });
        lengths.next_back().map_or_else(|| self.shared.inner.len(), Ok)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let held = self.held();
        let Some(writes) = held.as_ref().filter(|writes| !writes.is_empty()) else {
            drop(held);
            return self.shared.inner.read(offset, out);
        };
        let inner_len = match self.shared.inner_len.get() {
            Some(len) => *len,
            None => {
                let len = self.shared.inner.len()?;
                *self.shared.inner_len.get_or_init(|| len)
            }
        };
        let stored = inner_len.saturating_sub(offset);
        let stored = usize::try_from(stored).unwrap_or(usize::MAX).min(out.len());
        self.shared.inner.read(offset, &mut out[..stored])?;
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
        if self.hold(|| Write::Length(len)) {
            return Ok(());
        }
        self.shared.inner.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.hold(|| Write::Sync) {
            return Ok(());
        }
        self.shared.inner.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if self.hold(|| Write::Bytes(offset, data.to_vec())) {
            return Ok(());
        }
        self.shared.written_bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
        self.shared.inner.write(offset, data)
    }
}

/// Puts the part of `bytes`, which begin at `start`, into `out`, which begins at `offset`.
fn overlay(out: &mut [u8], offset: u64, bytes: &[u8], start: u64) {
    let from = start.max(offset);
    let to = (start + bytes.len() as u64).min(offset + out.len() as u64);
    if from < to {
        let len = (to - from) as usize;
        out[(from - offset) as usize..][..len]
            .copy_from_slice(&bytes[(from - start) as usize..][..len]);
    }
}
