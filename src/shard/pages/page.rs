//! One page: the blocks of many groups for one family.
//!
//! A page has up to three stretches of bytes: the base, which an earlier scrape has concatenated; frozen bytes, which a scrape
//! may hold; and fresh bytes, which only the shard sees. A slot says where the block of a group lies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use bytes::Bytes;

use crate::shard::pages::part::{Part, PartHash};
use crate::shard::pages::rendering::{Rendering, RenderingKey, Renderings};

/// A page takes new blocks until it is this large.
pub(in crate::shard) const PAGE_BYTES: usize = 60 << 10;
/// So much memory a page takes then. The blocks grow a little, and some bytes die, before it needs more; and its concatenation takes
/// memory of the same size, so that the allocator uses the one again for the other.
const PAGE_CAPACITY: usize = 64 << 10;

/// One state of a page, shared between the shard and any number of scrapes; while it is shared, it
/// does not change.
///
/// **Invariant:** the text of the page is its blocks in the order of their slots. A block lies whole
/// in `base`, in `frozen` or in `fresh`, and no two overlap.
#[derive(Debug, Default)]
pub struct Page {
    /// What an earlier state of the page was concatenated to. Blocks that have not changed since lie
    /// in it, so that their bytes are held once.
    base: Bytes,
    /// The blocks that came between that and a later scrape: shared, so that a page which is pushed to
    /// while the scrape holds it need not be copied.
    frozen: Bytes,
    /// The blocks that have come since, some of them dead by now.
    fresh: Vec<u8>,
    slots: Vec<Slot>,
    /// What the text of some slots does not say, encoded as protobuf.
    natives: BTreeMap<u32, Bytes>,
    /// Whether any block may have names in quotes; once so, always.
    has_quoted_names: bool,
    /// What scrapes have made of it. Apart, so that a page takes few cache lines while it is only pushed to.
    made: OnceLock<Box<Made>>,
}

/// What scrapes have made of a page.
#[derive(Debug, Default)]
struct Made {
    /// The concatenation, made by the first scrape that needs it.
    text: OnceLock<Bytes>,
    /// Its label names, found by the first scrape that needs them.
    label_names: OnceLock<BTreeSet<String>>,
    renderings: Renderings,
}

/// Where a block is: there is one for every family of every group. Of no length where there is none.
#[derive(Debug, Default, Clone, Copy)]
struct Slot {
    /// Counted from the start of the base, through the frozen bytes and on into the fresh ones.
    start: u32,
    len: u32,
    /// How many bytes from there on belong to the slot: the block was as long once, or is.
    room: u32,
    /// Which part of a scrape split over several scrapers the group belongs to.
    part: PartHash,
}

impl Slot {
    fn new(start: usize, len: usize, part: PartHash) -> Slot {
        let len = len as u32;
        Slot { start: start as u32, len, room: len, part }
    }
}

/// What a group holds of one family.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    /// Its samples, rendered.
    pub text: &'a [u8],
    /// The same as `metric` records of a protobuf `MetricFamily`, where the text loses something.
    pub native: Option<&'a [u8]>,
    /// Whether any name in it may be in quotes.
    pub has_quoted_names: bool,
}

impl<'a> Block<'a> {
    /// Samples that their text says all about, with names that need no quotes.
    pub fn plain(text: &'a [u8]) -> Block<'a> {
        Block { text, native: None, has_quoted_names: false }
    }
}

/// A change that a scrape must not see happens to a copy, which starts without renderings.
impl Clone for Page {
    fn clone(&self) -> Page {
        Page {
            base: self.base.clone(),
            frozen: self.frozen.clone(),
            fresh: self.fresh.clone(),
            slots: self.slots.clone(),
            natives: self.natives.clone(),
            has_quoted_names: self.has_quoted_names,
            ..Page::default()
        }
    }
}

impl Made {
    fn of_text(text: Bytes) -> OnceLock<Box<Made>> {
        OnceLock::from(Box::new(Made { text: OnceLock::from(text), ..Made::default() }))
    }
}

impl Page {
    /// A page of one block, which is its concatenation too.
    pub(super) fn of_one(
        part: PartHash,
        text: Bytes,
        native: Option<Bytes>,
        has_quoted_names: bool,
    ) -> Page {
        Page {
            slots: vec![Slot::new(0, text.len(), part)],
            natives: native.map(|native| (0, native)).into_iter().collect(),
            has_quoted_names,
            made: Made::of_text(text.clone()),
            base: text,
            ..Page::default()
        }
    }

    /// The concatenation of all blocks. Made at most once; may be called from any thread.
    pub fn text(&self) -> &Bytes {
        self.made().text.get_or_init(|| self.concatenate().into())
    }

    /// Whether [`Page::text`] has nothing to do.
    pub fn has_text(&self) -> bool {
        self.made_text().is_some()
    }

    fn made(&self) -> &Made {
        self.made.get_or_init(Box::default)
    }

    fn made_text(&self) -> Option<&Bytes> {
        self.made.get().and_then(|made| made.text.get())
    }

    /// Whether the page holds the concatenation and the blocks it was made from: until its shard has
    /// taken the one for the other.
    pub fn is_held_twice(&self) -> bool {
        self.made_text().is_some_and(|text| text.as_ptr() != self.base.as_ptr())
    }

    /// One block.
    pub fn block(&self, slot: u32) -> Block<'_> {
        let native = if self.natives.is_empty() { None } else { self.natives.get(&slot) };
        let (text, has_quoted_names) = (self.block_text(slot), self.has_quoted_names);
        Block { text, native: native.map(|native| &native[..]), has_quoted_names }
    }

    /// What the text of a block does not say, if there is anything.
    pub(in crate::shard) fn native(&self, slot: u32) -> Option<Bytes> {
        self.natives.get(&slot).cloned()
    }

    /// The blocks that are not empty, or of those the ones that belong to a part.
    pub fn blocks(&self, part: Option<Part>) -> impl Iterator<Item = Block<'_>> {
        let blocks = (0..self.slots()).filter_map(move |slot| self.block_of(part, slot));
        blocks.filter(|block| !block.text.is_empty())
    }

    /// One block, if it belongs to that part.
    pub fn block_of(&self, part: Option<Part>, slot: u32) -> Option<Block<'_>> {
        part.is_none_or(|part| part.holds(self.part(slot))).then(|| self.block(slot))
    }

    /// Whether any block has more to say than its text.
    pub fn has_natives(&self) -> bool {
        !self.natives.is_empty()
    }

    /// Whether any name in it may be in quotes.
    pub fn has_quoted_names(&self) -> bool {
        self.has_quoted_names
    }

    /// Its label names, as `find` finds them; asked once.
    pub fn label_names(&self, find: impl FnOnce(&Page) -> BTreeSet<String>) -> &BTreeSet<String> {
        self.made().label_names.get_or_init(|| find(self))
    }

    /// What an earlier call of [`Page::rendering`] with this key has made of the page.
    pub fn kept(&self, key: RenderingKey) -> Option<Rendering> {
        self.made.get()?.renderings.get(key)
    }

    /// The page as `make` renders it. Made once and kept for the next scrape, unless others took the
    /// room: a page keeps no more than its text is long, and in any case the rendering made last.
    pub fn rendering(&self, key: RenderingKey, make: impl FnOnce() -> Rendering) -> Rendering {
        self.made().renderings.get_or_make(key, self.bytes(), make)
    }

    fn block_text(&self, slot: u32) -> &[u8] {
        let Slot { start, len, .. } = self.slots[slot as usize];
        self.bytes_at(start as usize, len as usize)
    }

    fn bytes_at(&self, start: usize, len: usize) -> &[u8] {
        if let Some(start) = start.checked_sub(self.shared_bytes()) {
            return &self.fresh[start..][..len];
        }
        match start.checked_sub(self.base.len()) {
            None => &self.base[start..][..len],
            Some(start) => &self.frozen[start..][..len],
        }
    }

    /// The text of a block, without the rest of the page. Copied only if it has come since the page was frozen.
    pub(in crate::shard) fn share(&self, slot: u32) -> Bytes {
        let Slot { start, len, .. } = self.slots[slot as usize];
        let (start, len) = (start as usize, len as usize);
        let Some(start) = start.checked_sub(self.base.len()) else {
            return self.base.slice(start..start + len);
        };
        match start.checked_sub(self.frozen.len()) {
            None => self.frozen.slice(start..start + len),
            Some(start) => Bytes::copy_from_slice(&self.fresh[start..][..len]),
        }
    }

    /// How many bytes belong to the slot.
    pub(super) fn room(&self, slot: u32) -> usize {
        self.slots[slot as usize].room as usize
    }

    /// The part of the group that has the block at `slot`.
    pub(in crate::shard) fn part(&self, slot: u32) -> PartHash {
        self.slots[slot as usize].part
    }

    /// How many slots there are, in use or not.
    pub(in crate::shard) fn slots(&self) -> u32 {
        self.slots.len() as u32
    }

    /// How many bytes the page holds, dead or alive.
    pub fn bytes(&self) -> usize {
        self.shared_bytes() + self.fresh.len()
    }

    /// How many of them are shared with scrapes, and not to be changed.
    fn shared_bytes(&self) -> usize {
        self.base.len() + self.frozen.len()
    }

    /// Gets the page ready to be held by a scrape, after which a changed copy of it shares its bytes.
    pub(in crate::shard) fn freeze(&mut self) {
        if self.frozen.is_empty() {
            self.frozen = std::mem::take(&mut self.fresh).into();
        }
    }

    /// Puts `block` of a group of that part at `slot`, which may be the first that is not there yet.
    /// Answers how many bytes have died.
    pub(in crate::shard) fn set(&mut self, slot: u32, part: PartHash, block: Block<'_>) -> usize {
        self.forget_renderings();
        if let Some(native) = block.native {
            self.natives.insert(slot, Bytes::copy_from_slice(native));
        } else if !self.natives.is_empty() {
            self.natives.remove(&slot);
        }
        self.has_quoted_names |= block.has_quoted_names;
        let block = block.text;
        let end = Slot::new(self.bytes(), block.len(), part);
        let Some(slot) = self.slots.get_mut(slot as usize) else {
            debug_assert_eq!(slot, self.slots(), "slots are filled from the left");
            if self.slots.len() == self.slots.capacity() {
                self.slots.reserve_exact((self.slots.len() / 8).max(4));
            }
            self.slots.push(end);
            self.append(block);
            return 0;
        };
        let died = slot.room as usize;
        *slot = end;
        self.append(block);
        died
    }

    /// Writes `block` over the one at `slot`, if the slot has room for it and no scrape may hold the old block. Most pushes change values only, whose lengths go up and down.
    pub(super) fn overwrite(&mut self, slot: u32, block: Block<'_>) -> bool {
        if block.native.is_some() || !self.natives.is_empty() {
            return false;
        }
        let shared_bytes = self.shared_bytes();
        let slot = &mut self.slots[slot as usize];
        let Some(start) = (slot.start as usize).checked_sub(shared_bytes) else { return false };
        if block.text.len() > slot.room as usize {
            return false;
        }
        slot.len = block.text.len() as u32;
        self.fresh[start..][..block.text.len()].copy_from_slice(block.text);
        self.has_quoted_names |= block.has_quoted_names;
        self.forget_renderings();
        true
    }

    /// The text of a block that no scrape may hold and that says all of it, to be changed.
    pub(super) fn text_to_overwrite(&mut self, slot: u32) -> Option<&mut [u8]> {
        let Slot { start, len, .. } = self.slots[slot as usize];
        let start = (start as usize).checked_sub(self.shared_bytes())?;
        if !self.natives.is_empty() {
            return None;
        }
        self.forget_renderings();
        Some(&mut self.fresh[start..][..len as usize])
    }

    /// Where a block begins.
    pub(in crate::shard) fn start(&self, slot: u32) -> u32 {
        self.slots[slot as usize].start
    }

    /// The first byte of a block that begins there, to have it in the cache; 0 where the block may not be overwritten.
    pub(in crate::shard) fn byte(&self, start: u32) -> u8 {
        let start = (start as usize).checked_sub(self.shared_bytes());
        start.and_then(|start| self.fresh.get(start).copied()).unwrap_or_default()
    }

    /// Empties `slot`. Answers how many bytes have died.
    pub(in crate::shard) fn clear(&mut self, slot: u32) -> usize {
        self.forget_renderings();
        self.natives.remove(&slot);
        std::mem::take(&mut self.slots[slot as usize]).room as usize
    }

    fn forget_renderings(&mut self) {
        if self.made.get().is_some() {
            self.made.take();
        }
    }

    /// Appends to the fresh bytes, which grow by doubling up to the size of a page and then by little:
    /// unused room in every page adds up.
    fn append(&mut self, block: &[u8]) {
        let wanted = self.fresh.len() + block.len();
        if wanted > self.fresh.capacity() {
            self.fresh.reserve_exact(capacity(wanted) - self.fresh.len());
        }
        self.fresh.extend_from_slice(block);
    }

    /// Whether the memory of a full page does not suffice for so many bytes more.
    pub(super) fn outgrows(&self, bytes: usize) -> bool {
        let wanted = self.fresh.len() + bytes;
        wanted > PAGE_CAPACITY && wanted > self.fresh.capacity()
    }

    /// The same page with every block in the concatenation, if that has been made.
    pub(in crate::shard) fn adopted(&self) -> Option<Page> {
        let made = self.made.get()?;
        let base = made.text.get()?.clone();
        let made = Made {
            text: OnceLock::from(base.clone()),
            label_names: made.label_names.clone(),
            renderings: made.renderings.share(),
        };
        Some(Page {
            frozen: Bytes::new(),
            fresh: Vec::new(),
            slots: self.packed_slots(),
            natives: self.natives.clone(),
            has_quoted_names: self.has_quoted_names,
            made: OnceLock::from(Box::new(made)),
            base,
        })
    }

    /// The same page without its dead bytes, and with so much room for more. A slot keeps its own room if that is little, since its
    /// block may be as long again.
    pub(in crate::shard) fn compacted(&self, room: usize) -> Page {
        let mut slots = self.slots.clone();
        for slot in &mut slots {
            slot.room = if slot.room <= slot.len + slot.len / 4 { slot.room } else { slot.len };
        }
        let bytes: usize = slots.iter().map(|slot| slot.room as usize).sum();
        let mut fresh = Vec::with_capacity(capacity(bytes + room));
        for slot in &mut slots {
            let start = std::mem::replace(&mut slot.start, fresh.len() as u32) as usize;
            fresh.extend_from_slice(self.bytes_at(start, slot.room as usize));
        }
        let (natives, has_quoted_names) = (self.natives.clone(), self.has_quoted_names);
        Page { fresh, slots, natives, has_quoted_names, ..Page::default() }
    }

    /// The slots as they are once the blocks follow one another.
    fn packed_slots(&self) -> Vec<Slot> {
        let mut end = 0;
        let packed = self.slots.iter().map(|slot| {
            end += slot.len;
            Slot { start: end - slot.len, room: slot.len, ..*slot }
        });
        packed.collect()
    }

    /// All blocks, one after the other.
    fn concatenate(&self) -> Vec<u8> {
        let bytes: usize = self.slots.iter().map(|slot| slot.len as usize).sum();
        let mut text = Vec::with_capacity(bytes);
        (0..self.slots()).for_each(|slot| text.extend_from_slice(self.block_text(slot)));
        text
    }
}

/// How much memory to take for so many bytes.
fn capacity(bytes: usize) -> usize {
    if bytes <= PAGE_CAPACITY { bytes.next_power_of_two() } else { bytes + bytes / 8 }
}
