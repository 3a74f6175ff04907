//! A page: the blocks of many groups for one family, and their concatenation once somebody asked.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

/// One state of a page, shared between the shard and any number of scrapes; it never changes.
///
/// **Invariant:** the text of the page is its blocks in the order of their slots, however many of
/// them lie in `base`.
#[derive(Debug, Default, Clone)]
pub struct Page {
    /// What an earlier state of the page was concatenated to; blocks that have not changed since lie
    /// in it, so that their bytes are held once.
    base: Bytes,
    slots: Vec<Slot>,
    /// The concatenation, made by the first scrape that needs it.
    text: OnceLock<Bytes>,
}

/// Where a block is. Two words: there is one for every family of every group.
#[derive(Debug, Clone)]
enum Slot {
    /// As it came with its push.
    Own(Arc<[u8]>),
    /// A part of the base; of no length where there is no block.
    Base { start: u32, len: u32 },
}

const _: () = assert!(size_of::<Slot>() == 16);

impl Page {
    /// The concatenation of all blocks. Made at most once; may be called from any thread.
    pub fn text(&self) -> &Bytes {
        self.text.get_or_init(|| self.concatenate().into())
    }

    /// Whether [`Page::text`] has work to do.
    pub fn is_stale(&self) -> bool {
        self.text.get().is_none()
    }

    /// One block.
    pub fn block(&self, slot: u32) -> &[u8] {
        match &self.slots[slot as usize] {
            Slot::Own(block) => block,
            Slot::Base { start, len } => &self.base[*start as usize..][..*len as usize],
        }
    }

    /// How many slots there are, in use or not.
    pub(super) fn slots(&self) -> u32 {
        self.slots.len() as u32
    }

    /// How many bytes the base holds, dead or alive.
    pub(super) fn base_bytes(&self) -> usize {
        self.base.len()
    }

    /// Puts `block` at `slot`, which may be the first that is not there yet. Answers whether the
    /// block that was there lay in the base.
    pub(super) fn set(&mut self, slot: u32, block: &[u8]) -> bool {
        // Most pushes change values only, and often not their lengths: then nothing is allocated.
        if let Some(Slot::Own(old)) = self.slots.get_mut(slot as usize)
            && old.len() == block.len()
            && let Some(old) = Arc::get_mut(old)
        {
            self.text.take();
            old.copy_from_slice(block);
            return false;
        }
        self.put(slot, Slot::Own(Arc::from(block)))
    }

    /// Empties `slot`. Answers whether the block that was there lay in the base.
    pub(super) fn clear(&mut self, slot: u32) -> bool {
        self.put(slot, Slot::Base { start: 0, len: 0 })
    }

    fn put(&mut self, slot: u32, value: Slot) -> bool {
        self.text.take();
        match self.slots.get_mut(slot as usize) {
            Some(old) => matches!(std::mem::replace(old, value), Slot::Base { .. }),
            None => {
                debug_assert_eq!(slot, self.slots(), "slots are filled from the left");
                self.slots.push(value);
                false
            }
        }
    }

    /// The same page with every block in the concatenation, if that has been made: drops the blocks
    /// as they came with their pushes.
    pub(super) fn adopted(&self) -> Option<Page> {
        let text = self.text.get()?;
        Some(self.rebased(text.clone(), |_| true))
    }

    /// The same page with a base that holds only what is alive in it.
    pub(super) fn compacted(&self) -> Page {
        let in_base = |slot: &Slot| matches!(slot, Slot::Base { .. });
        let mut base = Vec::new();
        for (slot, _) in self.slots.iter().enumerate().filter(|(_, slot)| in_base(slot)) {
            base.extend_from_slice(self.block(slot as u32));
        }
        let mut page = self.rebased(base.into(), in_base);
        page.text.take();
        page
    }

    /// The same page on another base, in which the blocks that are `moved` follow one another.
    fn rebased(&self, base: Bytes, moved: impl Fn(&Slot) -> bool) -> Page {
        let mut start = 0;
        let slots = (0..self.slots()).map(|slot| {
            let old = &self.slots[slot as usize];
            if !moved(old) {
                return old.clone();
            }
            let len = self.block(slot).len() as u32;
            start += len;
            Slot::Base { start: start - len, len }
        });
        let slots = slots.collect();
        Page { slots, text: OnceLock::from(base.clone()), base }
    }

    fn concatenate(&self) -> Vec<u8> {
        let blocks = || (0..self.slots()).map(|slot| self.block(slot));
        let mut text = Vec::with_capacity(blocks().map(<[u8]>::len).sum());
        blocks().for_each(|block| text.extend_from_slice(block));
        text
    }
}
