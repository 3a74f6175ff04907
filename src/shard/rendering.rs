//! What scrapes have made of a page, kept for the scrapes to come.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

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

/// How many renderings a page keeps, whatever their size: those of a part that has nothing of the page
/// are of no length, and there are more parts than anybody scrapes.
const RENDERINGS_MAX: usize = 64;

/// How many bytes all pages keep.
static KEPT_BYTES: AtomicUsize = AtomicUsize::new(0);

/// How many bytes of renderings all pages of the process keep.
pub fn kept_bytes() -> usize {
    KEPT_BYTES.load(Ordering::Relaxed)
}

/// The renderings of one state of a page.
///
/// **Invariant:** what is kept is counted in [`KEPT_BYTES`].
#[derive(Debug, Default)]
pub(super) struct Renderings {
    /// The one made last stands last.
    kept: Mutex<Vec<(RenderingKey, Rendering)>>,
}

impl Renderings {
    pub(super) fn get(&self, key: RenderingKey) -> Option<Rendering> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        find(&kept, key)
    }

    /// The rendering of that key, made if there is none: by whoever comes first, while others wait.
    /// Keeps as many bytes as `bytes_max` and no more than [`RENDERINGS_MAX`], and in any case the one
    /// made last.
    pub(super) fn get_or_make(
        &self,
        key: RenderingKey,
        bytes_max: usize,
        make: impl FnOnce() -> Rendering,
    ) -> Rendering {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = find(&kept, key) {
            return found;
        }
        let made = make();
        let mut bytes =
            made.bytes.len() + kept.iter().map(|(_, one)| one.bytes.len()).sum::<usize>();
        let too_many = kept.iter().enumerate().position(|(at, (_, oldest))| {
            let fits = bytes <= bytes_max && kept.len() - at < RENDERINGS_MAX;
            bytes -= if fits { 0 } else { oldest.bytes.len() };
            fits
        });
        let too_many = too_many.unwrap_or(kept.len());
        drop_all(kept.drain(..too_many));
        KEPT_BYTES.fetch_add(made.bytes.len(), Ordering::Relaxed);
        kept.reserve_exact(1);
        kept.push((key, made.clone()));
        made
    }

    /// Forgets all: the page has changed.
    pub(super) fn clear(&mut self) {
        let kept = self.kept.get_mut().unwrap_or_else(PoisonError::into_inner);
        if !kept.is_empty() {
            drop_all(kept.drain(..));
        }
    }

    /// The same renderings for another owner; none while somebody is making one.
    pub(super) fn share(&self) -> Renderings {
        let kept = self.kept.try_lock().map(|kept| kept.clone()).unwrap_or_default();
        let bytes = kept.iter().map(|(_, one)| one.bytes.len()).sum();
        KEPT_BYTES.fetch_add(bytes, Ordering::Relaxed);
        Renderings { kept: Mutex::new(kept) }
    }
}

impl Drop for Renderings {
    fn drop(&mut self) {
        self.clear();
    }
}

fn find(kept: &[(RenderingKey, Rendering)], key: RenderingKey) -> Option<Rendering> {
    kept.iter().find(|(known, _)| *known == key).map(|(_, rendering)| rendering.clone())
}

fn drop_all(dropped: impl Iterator<Item = (RenderingKey, Rendering)>) {
    let bytes = dropped.map(|(_, one)| one.bytes.len()).sum();
    KEPT_BYTES.fetch_sub(bytes, Ordering::Relaxed);
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
            renderings.get_or_make(RenderingKey(key), 100, || {
                made += 1;
                rendering(if key == 4 { 200 } else { 40 })
            });
        }
        assert_eq!(made, 5, "1, 2, 3, then 1 again, then 4");
        let kept = |key| renderings.get(RenderingKey(key)).is_some();
        assert_eq!([1, 2, 3, 4].map(kept), [false, false, false, true], "the last one always");
    }

    #[test]
    fn renderings_of_no_length_do_not_add_up() {
        let renderings = Renderings::default();
        for key in 0..10_000 {
            renderings.get_or_make(RenderingKey(key), 100, || rendering(0));
        }
        let kept = (0..10_000).filter(|key| renderings.get(RenderingKey(*key)).is_some());
        assert_eq!(kept.collect::<Vec<_>>(), (9_936..10_000).collect::<Vec<_>>());
    }

    #[test]
    fn another_owner_has_the_same_and_loses_them_alone() {
        let one = Renderings::default();
        one.get_or_make(RenderingKey(1), 100, || rendering(40));
        let mut other = one.share();
        assert!(other.get(RenderingKey(1)).is_some());
        other.clear();
        assert!(other.get(RenderingKey(1)).is_none());
        assert!(one.get(RenderingKey(1)).is_some());
    }
}
