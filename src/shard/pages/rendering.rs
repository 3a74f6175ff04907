//! The renderings of a page: its samples as scrapes have encoded or compressed them, kept for the next scrapes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;

/// However small the renderings of a page are, each counts as many bytes as this against its bound.
const RENDERING_BYTES_MIN: usize = 1 << 10;

/// Samples as some scrape shows them: encoded, compressed, or both.
#[derive(Debug, Clone)]
pub struct Rendering {
    /// What is sent.
    pub bytes: Bytes,
    /// What it was before it was compressed, if it is.
    pub deflated: Option<Deflated>,
}

/// What decompressing a fragment gives.
#[derive(Debug, Clone, Copy)]
pub struct Deflated {
    /// How many bytes.
    pub plain_bytes: usize,
    /// Their CRC-32.
    pub crc: u32,
}

impl Rendering {
    /// One that is not compressed.
    pub fn plain(bytes: Bytes) -> Rendering {
        Rendering { bytes, deflated: None }
    }

    /// How many bytes it is without compression.
    pub fn plain_bytes(&self) -> usize {
        self.deflated.map_or(self.bytes.len(), |deflated| deflated.plain_bytes)
    }
}

/// Names a way to render. Under one key, the same page must always give the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RenderingKey(pub u64);

/// How many bytes all pages keep.
static KEPT_BYTES: AtomicUsize = AtomicUsize::new(0);

/// How many bytes of renderings all pages of the process keep.
pub fn kept_bytes() -> usize {
    KEPT_BYTES.load(Ordering::Relaxed)
}

/// A rendering that counts for as long as anybody keeps it.
#[derive(Debug)]
struct Kept(Rendering);

impl Kept {
    fn new(rendering: Rendering) -> Kept {
        KEPT_BYTES.fetch_add(rendering.bytes.len(), Ordering::Relaxed);
        Kept(rendering)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        KEPT_BYTES.fetch_sub(self.0.bytes.len(), Ordering::Relaxed);
    }
}

type Cell = Arc<OnceLock<Kept>>;

/// The renderings of one state of a page. The lock is held to look for one, never while one is made.
#[derive(Debug, Default)]
pub(in crate::shard) struct Renderings {
    /// In the order in which they were made.
    cells: Mutex<Vec<(RenderingKey, Cell)>>,
}

impl Renderings {
    pub(in crate::shard) fn get(&self, key: RenderingKey) -> Option<Rendering> {
        let cells = self.lock();
        let (_, cell) = cells.iter().find(|(known, _)| *known == key)?;
        cell.get().map(|kept| kept.0.clone())
    }

    /// The rendering of that key. The first scrape that needs it makes it, while others wait.
    /// Keeps as many bytes as `bytes_max`, and in any case the rendering made last.
    pub(in crate::shard) fn get_or_make(
        &self,
        key: RenderingKey,
        bytes_max: usize,
        make: impl FnOnce() -> Rendering,
    ) -> Rendering {
        let cell = self.cell(key);
        let mut is_new = false;
        let rendering = cell.get_or_init(|| {
            is_new = true;
            Kept::new(make())
        });
        if is_new {
            self.make_room(bytes_max);
        }
        rendering.0.clone()
    }

    fn cell(&self, key: RenderingKey) -> Cell {
        let mut cells = self.lock();
        if let Some((_, cell)) = cells.iter().find(|(known, _)| *known == key) {
            return Arc::clone(cell);
        }
        let cell = Cell::default();
        cells.reserve_exact(1);
        cells.push((key, Arc::clone(&cell)));
        cell
    }

    /// Drops the renderings that were made first, down to `bytes_max`; never the one made last.
    fn make_room(&self, bytes_max: usize) {
        let mut cells = self.lock();
        let bytes_of =
            |cell: &Cell| cell.get().map_or(0, |kept| kept.0.bytes.len()).max(RENDERING_BYTES_MIN);
        let mut bytes: usize = cells.iter().map(|(_, cell)| bytes_of(cell)).sum();
        while bytes > bytes_max && cells.len() > 1 {
            bytes -= bytes_of(&cells.remove(0).1);
        }
    }

    /// The same renderings for another owner.
    pub(in crate::shard) fn share(&self) -> Renderings {
        Renderings { cells: Mutex::new(self.lock().clone()) }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(RenderingKey, Cell)>> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendering(bytes: usize) -> Rendering {
        Rendering::plain(vec![b'x'; bytes].into())
    }

    #[test]
    fn a_rendering_is_made_once_and_the_oldest_give_way() {
        let renderings = Renderings::default();
        let mut made = 0;
        for key in [1, 2, 1, 2, 3, 2, 1, 4] {
            renderings.get_or_make(RenderingKey(key), 10_000, || {
                made += 1;
                rendering(if key == 4 { 20_000 } else { 4_000 })
            });
        }
        assert_eq!(made, 5, "1, 2, 3, then 1 again, then 4");
        let kept = |key| renderings.get(RenderingKey(key)).is_some();
        assert_eq!([1, 2, 3, 4].map(kept), [false, false, false, true], "the last one always");
    }

    #[test]
    fn empty_renderings_take_room_too() {
        let renderings = Renderings::default();
        for key in 0..1000 {
            renderings.get_or_make(RenderingKey(key), 10_000, || rendering(0));
        }
        assert_eq!(renderings.lock().len(), 10_000 / RENDERING_BYTES_MIN);
    }

    #[test]
    fn another_owner_has_the_same_and_loses_them_alone() {
        let one = Renderings::default();
        one.get_or_make(RenderingKey(1), 100, || rendering(40));
        let other = one.share();
        assert!(other.get(RenderingKey(1)).is_some());
        drop(other);
        assert!(one.get(RenderingKey(1)).is_some());
    }
}
