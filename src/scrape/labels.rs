//! Which label names a family has, for those who want them escaped.

use std::collections::BTreeSet;

use super::label_names::{LabelNames, label_names};
use crate::exposition::Escaping;
use crate::shard::{Page, Piece};

/// The label names of a family with these pieces, as they are shown. Where none is in quotes, no page is
/// looked at.
pub(super) fn of(pieces: &[Piece], escaping: Escaping) -> LabelNames {
    if escaping == Escaping::AllowUtf8 || !pieces.iter().any(has_quoted) {
        return LabelNames::default();
    }
    let mut names = BTreeSet::new();
    for piece in pieces {
        match piece {
            Piece::Page(homed) => names.extend(homed.page.label_names(find).iter().cloned()),
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
        Piece::Page(homed) => homed.page.has_quoted_names(),
        Piece::Blocks(blocks) => blocks.iter().any(|(page, _)| page.has_quoted_names()),
    }
}

/// Looks at the blocks as they lie: the page need not be concatenated for it.
fn find(page: &Page) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for block in page.blocks(None) {
        label_names(block.text, &mut names);
    }
    names
}
