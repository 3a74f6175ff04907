//! From a piece of a scrape to the bytes that show it.

use bytes::Bytes;

use super::form::Form;
use super::gzip::deflate;
use crate::shard::{Page, Piece, Rendering};

/// What is smaller than this is compressed together with its neighbours.
pub const DEFLATED_BYTES_MIN: usize = 8 << 10;

/// The rendering of a piece, if an earlier scrape has left it.
pub(super) fn ready(piece: &Piece, form: Form) -> Option<Rendering> {
    match piece {
        Piece::Page(homed) if is_text(&homed.page, form) => {
            (!homed.page.is_stale()).then(|| Rendering::plain(homed.page.text().clone()))
        }
        Piece::Page(homed) => homed.page.kept(form.key(is_deflated(homed.page.bytes(), form))),
        Piece::Blocks(_) => None,
    }
}

/// The rendering of a piece, made if need be.
pub(super) fn render(piece: &Piece, form: Form) -> Rendering {
    match piece {
        Piece::Page(homed) => render_page(&homed.page, form),
        Piece::Blocks(blocks) => {
            let texts = blocks.iter().map(|(page, slot)| page.block(*slot).text);
            let plain = Bytes::from(texts.collect::<Vec<_>>().concat());
            let is_deflated = is_deflated(plain.len(), form);
            pack(plain, is_deflated)
        }
    }
}

fn render_page(page: &Page, form: Form) -> Rendering {
    if is_text(page, form) {
        return Rendering::plain(page.text().clone());
    }
    let is_deflated = is_deflated(page.bytes(), form);
    page.rendering(form.key(is_deflated), || pack(plain(page, form), is_deflated))
}

/// Whether the answer shows the text of the page and nothing else.
fn is_text(page: &Page, form: Form) -> bool {
    form.part.is_none() && !is_deflated(page.bytes(), form)
}

fn is_deflated(bytes: usize, form: Form) -> bool {
    form.gzip && bytes >= DEFLATED_BYTES_MIN
}

fn plain(page: &Page, form: Form) -> Bytes {
    if form.part.is_none() {
        return page.text().clone();
    }
    page.blocks(form.part).map(|block| block.text).collect::<Vec<_>>().concat().into()
}

fn pack(plain: Bytes, is_deflated: bool) -> Rendering {
    if is_deflated && !plain.is_empty() { deflate(&plain) } else { Rendering::plain(plain) }
}
