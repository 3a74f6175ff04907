//! All pages of one family on one shard.
//!
//! `page` is one page: the blocks of many groups, about 64 KiB of text. This file chooses the page for a block, and copies what
//! is alive out of a page that is mostly dead. `rendering` is what scrapes keep with a page, `part` divides groups among scrapers.

pub(super) mod page;
pub(super) mod part;
pub(super) mod rendering;

use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::aggregate::Patches;
use crate::shard::pages::page::{Block, PAGE_BYTES, Page};
use crate::shard::pages::part::PartHash;

/// A page whose blocks have grown beyond this gives a growing block away to another page.
const PAGE_BYTES_MAX: usize = 2 * PAGE_BYTES;

/// A page of which a larger share is dead is copied,
const DEAD_SHARE: usize = 8;
/// or one of which such a share is dead, rather than to take more memory than a full page has.
const DEAD_SHARE_OF_FULL: usize = 32;

/// Where a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::shard) struct Place {
    page: u32,
    slot: u32,
}

/// The pages of one family.
///
/// **Invariant:** a page is in `open` exactly when its `is_open` is set.
#[derive(Debug, Default)]
pub(in crate::shard) struct Pages {
    /// Most families of a fleet are those of one kind of jobs, and need one page.
    pages: SmallVec<[Leaf; 1]>,
    open: Vec<u32>,
}

/// A page and what its owner knows about it.
#[derive(Debug, Default)]
struct Leaf {
    page: Arc<Page>,
    /// How many of the page's bytes no slot shows any more.
    dead_bytes: usize,
    /// How often it has changed since the rest was last copied out.
    changes: u32,
    free: Vec<u32>,
    is_open: bool,
}

impl Pages {
    /// Stores a block of a group that belongs to that part.
    pub(in crate::shard) fn insert(&mut self, part: PartHash, block: Block<'_>) -> Place {
        let page = self.page_with_room(block.text.len());
        let leaf = &mut self.pages[page as usize];
        let slot = leaf.free.pop().unwrap_or_else(|| leaf.page.slots());
        leaf.change(|page| page.set(slot, part, block));
        Place { page, slot }
    }

    /// Stores a block in the place of another, and says where it is now.
    pub(in crate::shard) fn replace(&mut self, place: Place, block: Block<'_>) -> Place {
        let leaf = &mut self.pages[place.page as usize];
        if let Some(page) = Arc::get_mut(&mut leaf.page)
            && page.overwrite(place.slot, block)
        {
            return place;
        }
        let part = leaf.page.part(place.slot);
        let others = leaf.live_bytes() - leaf.page.room(place.slot);
        if others > 0 && others + block.text.len() > PAGE_BYTES_MAX {
            // The new block may have come without the mark of the old one.
            let has_quoted_names = block.has_quoted_names || leaf.page.has_quoted_names();
            self.remove(place);
            return self.insert(part, Block { has_quoted_names, ..block });
        }
        if others == 0 && block.text.len() > PAGE_BYTES_MAX {
            // The old block goes first: else both would be in memory, and the new one would be copied out again.
            leaf.change(|page| page.clear(place.slot));
        }
        leaf.make_room(block.text.len());
        leaf.change(|page| page.set(place.slot, part, block));
        place
    }

    /// Changes values in a block, and says where it is now. The text is put together in `scratch` where it has to move.
    pub(in crate::shard) fn patch(
        &mut self,
        place: Place,
        patches: &Patches,
        scratch: &mut Vec<u8>,
    ) -> Place {
        let leaf = &mut self.pages[place.page as usize];
        if patches.keep_lengths()
            && let Some(page) = Arc::get_mut(&mut leaf.page)
            && let Some(text) = page.text_to_overwrite(place.slot)
        {
            patches.overwrite(text);
            return place;
        }
        let has_quoted_names = leaf.page.has_quoted_names();
        scratch.clear();
        patches.splice(leaf.page.block(place.slot).text, scratch);
        self.replace(place, Block { text: scratch, native: None, has_quoted_names })
    }

    /// Stores a large block in the place of another, in a page of its own, and says where it is now.
    pub(in crate::shard) fn replace_large(
        &mut self,
        place: Place,
        text: Bytes,
        native: Option<Bytes>,
        has_quoted_names: bool,
    ) -> Place {
        let part = self.pages[place.page as usize].page.part(place.slot);
        self.remove(place);
        let is_unused = |page: &u32| self.pages[*page as usize].page.slots() == 0;
        let page = self.open.last().copied().filter(is_unused);
        let page = page.unwrap_or_else(|| self.new_page());
        let leaf = &mut self.pages[page as usize];
        leaf.page = Arc::new(Page::of_one(part, text, native, has_quoted_names));
        Place { page, slot: 0 }
    }

    /// Takes a block out.
    pub(in crate::shard) fn remove(&mut self, place: Place) {
        let leaf = &mut self.pages[place.page as usize];
        leaf.free.push(place.slot);
        if leaf.free.len() == leaf.page.slots() as usize {
            *leaf = Leaf { is_open: leaf.is_open, ..Leaf::default() };
        } else {
            leaf.change(|page| page.clear(place.slot));
        }
        if !leaf.is_open && leaf.live_bytes() < PAGE_BYTES / 2 {
            leaf.is_open = true;
            self.open.push(place.page);
        }
    }

    /// The page of a block, and the slot there: the first step on the way to it.
    pub(in crate::shard) fn page(&self, place: Place) -> (&Page, u32) {
        (&self.pages[place.page as usize].page, place.slot)
    }

    /// A block.
    pub(in crate::shard) fn block(&self, place: Place) -> Block<'_> {
        self.pages[place.page as usize].page.block(place.slot)
    }

    /// The text of a block and its protobuf form, to be held for a while: the shard goes on and copies nothing large.
    pub(in crate::shard) fn share(&mut self, place: Place) -> (Bytes, Option<Bytes>) {
        let leaf = &mut self.pages[place.page as usize];
        if let Some(page) = Arc::get_mut(&mut leaf.page) {
            page.freeze();
        }
        (leaf.page.share(place.slot), leaf.page.native(place.slot))
    }

    /// The page that holds a block, and its slot there.
    pub(in crate::shard) fn locate(&self, place: Place) -> (Arc<Page>, u32) {
        (Arc::clone(&self.pages[place.page as usize].page), place.slot)
    }

    /// Whether nothing is stored.
    pub(in crate::shard) fn is_empty(&self) -> bool {
        self.pages.iter().all(|leaf| leaf.live_bytes() == 0)
    }

    /// The pages that hold anything, ready to be held for long, each with its number, in an order that is stable while nothing
    /// changes.
    pub(in crate::shard) fn snapshot(&mut self) -> Vec<(u32, Arc<Page>)> {
        let leaves = self.pages.iter_mut().enumerate().filter(|(_, leaf)| leaf.live_bytes() > 0);
        let frozen = leaves.map(|(number, leaf)| {
            if !leaf.page.has_text()
                && let Some(page) = Arc::get_mut(&mut leaf.page)
            {
                page.freeze();
            }
            (number as u32, Arc::clone(&leaf.page))
        });
        frozen.collect()
    }

    /// Lets go of the blocks that the concatenation of `page` holds as well, if page `number` still
    /// looks like that.
    pub(in crate::shard) fn adopt(&mut self, number: u32, page: &Arc<Page>) {
        let leaf = self.pages.get_mut(number as usize);
        let Some(leaf) = leaf.filter(|leaf| Arc::ptr_eq(&leaf.page, page)) else { return };
        if let Some(adopted) = page.adopted() {
            leaf.page = Arc::new(adopted);
            leaf.dead_bytes = 0;
        }
    }

    fn page_with_room(&mut self, bytes: usize) -> u32 {
        while let Some(&page) = self.open.last() {
            let leaf = &mut self.pages[page as usize];
            if leaf.live_bytes() == 0 || leaf.live_bytes() + bytes <= PAGE_BYTES {
                return page;
            }
            leaf.is_open = false;
            self.open.pop();
        }
        self.new_page()
    }

    fn new_page(&mut self) -> u32 {
        let page = self.pages.len() as u32;
        self.pages.push(Leaf { is_open: true, ..Leaf::default() });
        self.open.push(page);
        page
    }
}

impl Leaf {
    fn live_bytes(&self) -> usize {
        self.page.bytes() - self.dead_bytes
    }

    /// Changes the page. If a scrape holds the page, the change is made to a copy, which shares the base. When more than an eighth of
    /// the page is dead, the rest is copied into a new page. That looks at every slot, so it waits for changes in proportion
    /// to the slots, unless much is dead: else a page that is being emptied would be copied again and again.
    fn change(&mut self, change: impl FnOnce(&mut Page) -> usize) {
        self.dead_bytes += change(Arc::make_mut(&mut self.page));
        self.changes += 1;
        let is_due = self.changes > self.page.slots() / 8 || self.dead_bytes > PAGE_BYTES / 2;
        if is_due && self.dead_bytes > self.page.bytes() / DEAD_SHARE {
            self.compact();
        }
    }

    /// Copies what is alive out of a full page, if that makes room for a block.
    fn make_room(&mut self, bytes: usize) {
        if self.dead_bytes > self.page.bytes() / DEAD_SHARE_OF_FULL && self.page.outgrows(bytes) {
            self.compact();
        }
    }

    fn compact(&mut self) {
        let room = self.dead_bytes / 4;
        self.page = Arc::new(self.page.compacted(room));
        (self.dead_bytes, self.changes) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART: PartHash = PartHash(0);

    fn block(text: &[u8]) -> Block<'_> {
        Block::plain(text)
    }

    fn text(pages: &mut Pages) -> String {
        let texts = pages.snapshot().into_iter().map(|(_, page)| page.text().to_vec());
        String::from_utf8(texts.collect::<Vec<_>>().concat()).expect("blocks are ASCII here")
    }

    fn adopt_all(pages: &mut Pages) {
        for (number, page) in pages.snapshot() {
            page.text();
            pages.adopt(number, &page);
        }
    }

    #[test]
    fn a_snapshot_does_not_see_later_changes() {
        let mut pages = Pages::default();
        let place = pages.insert(PART, block(b"a 1\n"));
        let before = pages.snapshot();
        pages.replace(place, block(b"a 2\n"));
        assert_eq!(&before[0].1.text()[..], b"a 1\n");
        assert_eq!(text(&mut pages), "a 2\n");
    }

    #[test]
    fn an_unchanged_page_is_concatenated_once() {
        let mut pages = Pages::default();
        pages.insert(PART, block(b"a 1\n"));
        pages.insert(PART, block(b"a 2\n"));
        let first = pages.snapshot()[0].1.text().clone();
        adopt_all(&mut pages);
        assert_eq!(first.as_ptr(), pages.snapshot()[0].1.text().as_ptr());
    }

    #[test]
    fn blocks_survive_adoption_replacement_and_compaction() {
        let mut pages = Pages::default();
        let mut expected: Vec<String> = (0..100).map(|at| format!("a{at} 1\n")).collect();
        let places: Vec<Place> =
            expected.iter().map(|text| pages.insert(PART, block(text.as_bytes()))).collect();
        for round in 0..7 {
            adopt_all(&mut pages);
            for at in (round..100).step_by(3) {
                expected[at] = format!("a{at} {round} {}\n", "x".repeat(round));
                assert_eq!(pages.replace(places[at], block(expected[at].as_bytes())), places[at]);
                assert_eq!(text(&mut pages), expected.concat());
            }
            let leaf = &pages.pages[0];
            assert!(leaf.dead_bytes <= leaf.page.bytes() / 3);
            assert_eq!(leaf.live_bytes(), expected.concat().len());
        }
    }

    #[test]
    fn a_page_that_changed_while_it_was_read_is_not_adopted() {
        let mut pages = Pages::default();
        let place = pages.insert(PART, block(b"a 1\n"));
        let (number, page) = pages.snapshot().remove(0);
        page.text();
        pages.replace(place, block(b"a 2\n"));
        pages.adopt(number, &page);
        assert_eq!(text(&mut pages), "a 2\n");
    }

    #[test]
    fn pages_fill_up_give_away_what_outgrows_them_and_are_used_again() {
        let mut pages = Pages::default();
        let line = "x".repeat(1023) + "\n";
        let places: Vec<Place> =
            (0..640).map(|_| pages.insert(PART, block(line.as_bytes()))).collect();
        assert_eq!(pages.snapshot().len(), (640 * line.len()).div_ceil(PAGE_BYTES));
        let moved = pages.replace(places[0], block(line.repeat(100).as_bytes()));
        assert_ne!(moved.page, places[0].page);
        pages.remove(moved);
        places[1..].iter().for_each(|place| pages.remove(*place));
        assert_eq!(pages.snapshot().len(), 0);
        let pages_before = pages.pages.len();
        for _ in 0..640 {
            pages.insert(PART, block(line.as_bytes()));
        }
        assert!(pages.pages.len() <= pages_before);
    }

    #[test]
    fn a_large_block_that_grows_leaves_nothing_behind() {
        let mut pages = Pages::default();
        let place = pages.insert(PART, block(&b"x".repeat(3 * PAGE_BYTES)));
        let place = pages.replace(place, block(&b"y".repeat(4 * PAGE_BYTES)));
        let leaf = &pages.pages[place.page as usize];
        assert_eq!((leaf.page.bytes(), leaf.dead_bytes), (4 * PAGE_BYTES, 0));
        assert_eq!(text(&mut pages), "y".repeat(4 * PAGE_BYTES));
    }

    #[test]
    fn a_block_that_moves_takes_along_that_its_names_may_be_quoted() {
        let mut pages = Pages::default();
        let quoted = Block { has_quoted_names: true, ..block(b"a{\"b.c\"=\"1\"} 1\n") };
        let place = pages.insert(PART, quoted);
        pages.insert(PART, block(b"a 1\n"));
        let moved = pages.replace(place, block(&b"x".repeat(PAGE_BYTES_MAX)));
        assert_ne!(moved.page, place.page);
        assert!(pages.locate(moved).0.has_quoted_names());
    }

    #[test]
    fn a_block_that_is_shared_is_not_copied_and_stays_what_it_was() {
        let mut pages = Pages::default();
        let place = pages.insert(PART, block(b"a 1\n"));
        let (first, _) = pages.share(place);
        assert_eq!(first.as_ptr(), pages.block(place).text.as_ptr());
        let place = pages.replace(place, block(b"a 2\n"));
        let (second, _) = pages.share(place);
        let other = pages.insert(PART, block(b"b 1\n"));
        let (third, _) = pages.share(other);
        assert_eq!([&*first, &*second, &*third], [b"a 1\n", b"a 2\n", b"b 1\n"]);
        assert_eq!(pages.block(place).text, b"a 2\n");
    }
}
