//! From a piece of a scrape to the bytes that show it.

use bytes::Bytes;

use super::gzip::deflate;
use super::showing::Showing;
use crate::shard::{Page, Piece, Rendering};

/// What is smaller than this is compressed together with its neighbours.
pub const DEFLATED_BYTES_MIN: usize = 8 << 10;

/// The rendering of a piece, if an earlier scrape has left it and nothing else is left to do.
pub(super) fn ready(piece: &Piece, showing: &Showing) -> Option<Rendering> {
    let Piece::Page(homed) = piece else { return None };
    let page = &homed.page;
    if page.is_held_twice() {
        None
    } else if shares_text(page, showing) {
        page.has_text().then(|| Rendering::plain(page.text().clone()))
    } else {
        page.kept(showing.key(is_deflated(page.bytes(), showing)))
    }
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
            let is_deflated = is_deflated(plain.len(), showing);
            pack(plain.into(), is_deflated)
        }
    }
}

fn render_page(page: &Page, showing: &Showing) -> Rendering {
    if shares_text(page, showing) {
        return Rendering::plain(page.text().clone());
    }
    let is_deflated = is_deflated(page.bytes(), showing);
    page.rendering(showing.key(is_deflated), || pack(plain(page, showing), is_deflated))
}

/// Whether the answer shows the text of the page as it lies there.
fn shares_text(page: &Page, showing: &Showing) -> bool {
    is_text(showing) && !is_deflated(page.bytes(), showing)
}

fn is_text(showing: &Showing) -> bool {
    showing.form.part.is_none() && showing.is_as_stored()
}

fn is_deflated(bytes: usize, showing: &Showing) -> bool {
    showing.form.gzip && bytes >= DEFLATED_BYTES_MIN
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

fn pack(plain: Bytes, is_deflated: bool) -> Rendering {
    if is_deflated && !plain.is_empty() { deflate(&plain) } else { Rendering::plain(plain) }
}
