//! From a piece of a scrape to the bytes that show it.

use bytes::Bytes;

use super::gzip::deflate;
use super::showing::Showing;
use crate::shard::{Page, Piece, Rendering};

/// What is smaller than this is compressed together with its neighbours, and not kept.
const DEFLATED_BYTES_MIN: usize = 8 << 10;

/// The rendering of a piece, if an earlier scrape has left it and nothing else is left to do.
pub(super) fn ready(piece: &Piece, showing: &Showing) -> Option<Rendering> {
    let Piece::Page(homed) = piece else { return None };
    let page = &homed.page;
    if page.is_held_twice() {
        return None;
    }
    if is_text(showing) && page.has_text() && !is_deflated(page.text(), showing) {
        return Some(Rendering::plain(page.text().clone()));
    }
    page.kept(showing.key)
}

/// The rendering of a piece, made if need be.
pub(super) fn render(piece: &Piece, showing: &Showing) -> Rendering {
    match piece {
        Piece::Page(homed) => render_page(&homed.page, showing),
        Piece::Blocks(blocks) => {
            let mut plain = Vec::new();
            for (page, slot) in blocks {
                let block = page.block_of(showing.form.part, *slot);
                block.into_iter().for_each(|block| showing.write_block(&mut plain, block));
            }
            pack(plain.into(), showing)
        }
    }
}

fn render_page(page: &Page, showing: &Showing) -> Rendering {
    let is_small = page.bytes() < DEFLATED_BYTES_MIN && !page.has_natives();
    if is_small || (is_text(showing) && !is_deflated(page.text(), showing)) {
        return pack(plain(page, showing), showing);
    }
    page.rendering(showing.key, || pack(plain(page, showing), showing))
}

/// Whether the answer shows the text of pages as it lies there, unless it is compressed.
fn is_text(showing: &Showing) -> bool {
    showing.form.part.is_none() && showing.is_as_stored()
}

fn is_deflated(plain: &Bytes, showing: &Showing) -> bool {
    showing.form.gzip && plain.len() >= DEFLATED_BYTES_MIN
}

fn plain(page: &Page, showing: &Showing) -> Bytes {
    let mut plain = Vec::new();
    if showing.form.part.is_none() {
        // Made in any case, since with it the page holds its bytes in one piece.
        let text = page.text();
        if is_text(showing) {
            return text.clone();
        }
        if !(showing.shows_natives() && page.has_natives()) {
            showing.write_text(&mut plain, text);
            return exact(plain);
        }
    }
    for block in page.blocks(showing.form.part) {
        showing.write_block(&mut plain, block);
    }
    exact(plain)
}

/// Without spare room: it may be kept for long.
fn exact(mut bytes: Vec<u8>) -> Bytes {
    bytes.shrink_to_fit();
    bytes.into()
}

fn pack(plain: Bytes, showing: &Showing) -> Rendering {
    if is_deflated(&plain, showing) { deflate(&plain) } else { Rendering::plain(plain) }
}
