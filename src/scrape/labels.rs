//! Which label names a family has, for those who want them escaped.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::form::rendering_key;
use super::label_names::{LabelNames, label_names};
use crate::exposition::{Escaping, has_quoted_names};
use crate::shard::{Page, Piece, Rendering};

/// In no name, since it is not UTF-8.
const SEPARATOR: u8 = 0xff;

/// The label names of a family with these pieces, as they are shown.
pub(super) fn of(pieces: &[Piece], escaping: Escaping) -> LabelNames {
    if escaping == Escaping::AllowUtf8 || !pieces.iter().any(has_quoted) {
        return LabelNames::default();
    }
    let mut names = BTreeSet::new();
    for piece in pieces {
        match piece {
            Piece::Page(homed) => {
                let known = page_names(&homed.page);
                let known = known.split(|&byte| byte == SEPARATOR).filter(|name| !name.is_empty());
                names.extend(known.map(|name| String::from_utf8_lossy(name).into_owned()));
            }
            Piece::Blocks(blocks) => {
                for (page, slot) in blocks {
                    label_names(page.block(*slot).text, &mut names);
                }
            }
        }
    }
    LabelNames::assign(&names, escaping)
}

fn has_quoted(piece: &Piece) -> bool {
    match piece {
        Piece::Page(homed) => {
            let look =
                || Bytes::from_static(if has_quoted_names(homed.page.text()) { b"1" } else { b"" });
            !kept(&homed.page, "has quoted names", look).is_empty()
        }
        Piece::Blocks(blocks) => {
            blocks.iter().any(|(page, slot)| has_quoted_names(page.block(*slot).text))
        }
    }
}

/// The label names of a page, each followed by the separator.
fn page_names(page: &Page) -> Bytes {
    kept(page, "label names", || {
        let mut names = BTreeSet::new();
        label_names(page.text(), &mut names);
        let mut joined = Vec::new();
        for name in names {
            joined.extend_from_slice(name.as_bytes());
            joined.push(SEPARATOR);
        }
        joined.into()
    })
}

/// What is found out about a page, kept with it like its other renderings.
fn kept(page: &Page, what: &str, find_out: impl FnOnce() -> Bytes) -> Bytes {
    page.rendering(rendering_key(what), || Rendering::plain(find_out())).bytes
}
