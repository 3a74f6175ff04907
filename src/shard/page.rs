//! A page: the blocks of many groups for one family, and their concatenation once somebody asked.

use std::sync::OnceLock;

use bytes::Bytes;

/// A page takes new blocks until it is this large.
pub(super) const PAGE_BYTES: usize = 64 << 10;

/// One state of a page, shared between the shard and any number of scrapes; while it is shared, it
/// does not change.
///
/// **Invariant:** the text of the page is its blocks in the order of their slots. A block lies whole
/// in `base` or whole in `fresh`, and no two overlap.
#[derive(Debug, Default, Clone)]
pub struct Page {
    /// What an earlier state of the page was concatenated to. Blocks that have not changed since lie
    /// in it, so that their bytes are held once.
    base: Bytes,
    /// The blocks that have come since, some of them dead by now.
    fresh: Vec<u8>,
    slots: Vec<Slot>,
    /// The concatenation, made by the first scrape that needs it.
    text: OnceLock<Bytes>,
}

/// Where a block is: there is one for every family of every group. Of no length where there is none.
#[derive(Debug, Default, Clone, Copy)]
struct Slot {
    /// Counted from the start of the base and on into the fresh bytes.
    start: u32,
    len: u32,
}

impl Page {
    /// The concatenation of all blocks. Made at most once; may be called from any thread.
    pub fn text(&self) -> &Bytes {
        self.text.get_or_init(|| self.concatenate(0).into())
    }

    /// Whether [`Page::text`] has work to do.
    pub fn is_stale(&self) -> bool {
        self.text.get().is_none()
    }

    /// One block.
    pub fn block(&self, slot: u32) -> &[u8] {
        let Slot { start, len } = self.slots[slot as usize];
        match (start as usize).checked_sub(self.base.len()) {
            None => &self.base[start as usize..][..len as usize],
            Some(start) => &self.fresh[start..][..len as usize],
        }
    }

    /// How many slots there are, in use or not.
    pub(super) fn slots(&self) -> u32 {
        self.slots.len() as u32
    }

    /// How many bytes the page holds, dead or alive.
    pub(super) fn bytes(&self) -> usize {
        self.base.len() + self.fresh.len()
    }

    /// Puts `block` at `slot`, which may be the first that is not there yet. Answers how many bytes
    /// have died.
    pub(super) fn set(&mut self, slot: u32, block: &[u8]) -> usize {
        self.text.take();
        let end = Slot { start: self.bytes() as u32, len: block.len() as u32 };
        let Some(slot) = self.slots.get_mut(slot as usize) else {
            debug_assert_eq!(slot, self.slots(), "slots are filled from the left");
            self.slots.push(end);
            self.append(block);
            return 0;
        };
        let died = slot.len as usize;
        // Most pushes change values only, and few of them their lengths.
        if let Some(start) = (slot.start as usize).checked_sub(self.base.len())
            && block.len() <= died
        {
            slot.len = end.len;
            self.fresh[start..][..block.len()].copy_from_slice(block);
            return died - block.len();
        }
        *slot = end;
        self.append(block);
        died
    }

    /// Empties `slot`. Answers how many bytes have died.
    pub(super) fn clear(&mut self, slot: u32) -> usize {
        self.text.take();
        std::mem::take(&mut self.slots[slot as usize]).len as usize
    }

    /// Appends to the fresh bytes, which grow by doubling up to the size of a page and then by little:
    /// unused room in every page adds up.
    fn append(&mut self, block: &[u8]) {
        let wanted = self.fresh.len() + block.len();
        if wanted > self.fresh.capacity() {
            let capacity =
                if wanted <= PAGE_BYTES { wanted.next_power_of_two() } else { wanted + wanted / 8 };
            self.fresh.reserve_exact(capacity - self.fresh.len());
        }
        self.fresh.extend_from_slice(block);
    }

    /// The same page with every block in the concatenation, if that has been made.
    pub(super) fn adopted(&self) -> Option<Page> {
        let base = self.text.get()?.clone();
        let (slots, text) = (self.packed_slots(), OnceLock::from(base.clone()));
        Some(Page { base, fresh: Vec::new(), slots, text })
    }

    /// The same page without what is dead in it.
    pub(super) fn compacted(&self, room: usize) -> Page {
        let (slots, fresh) = (self.packed_slots(), self.concatenate(room));
        Page { base: Bytes::new(), fresh, slots, text: OnceLock::new() }
    }

    /// The slots as they are once the blocks follow one another.
    fn packed_slots(&self) -> Vec<Slot> {
        let mut end = 0;
        let packed = self.slots.iter().map(|slot| {
            end += slot.len;
            Slot { start: end - slot.len, len: slot.len }
        });
        packed.collect()
    }

    /// All blocks, one after the other, and behind them `room` for more.
    fn concatenate(&self, room: usize) -> Vec<u8> {
        let bytes: usize = self.slots.iter().map(|slot| slot.len as usize).sum();
        let mut text = Vec::with_capacity(bytes + room);
        (0..self.slots()).for_each(|slot| text.extend_from_slice(self.block(slot)));
        text
    }
}
