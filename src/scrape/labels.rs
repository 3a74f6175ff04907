//! Which label names a family has, for those who want them escaped.

use std::collections::BTreeSet;

use super::label_names::{LabelNames, label_names};
use crate::exposition::{Escaping, has_quoted_names};
use crate::shard::{Page, Piece};

/// The label names of a family with these pieces, as they are shown.
pub(super) fn of(pieces: &[Piece], escaping: Escaping) -> LabelNames {
    if escaping == Escaping::AllowUtf8 || !pieces.iter().any(has_quoted) {
        return LabelNames::default();
    }
    let mut names = BTreeSet::new();
    for piece in pieces {
        match piece {
            Piece::Page(homed) => names.extend(page_names(&homed.page).iter().cloned()),
            Piece::Blocks(blocks) => {
                for (page, slot) in blocks {
                    label_names(page.block(*slot).text, &mut names);
                }
            }
        }
    }
    LabelNames::assign(&names, escaping)
}

// Both look at a page block by block, since its concatenation would be in memory besides the blocks,
// and that of every page before the first is given back to its shard.

fn has_quoted(piece: &Piece) -> bool {
    match piece {
        Piece::Page(homed) => homed
            .page
            .names()
            .has_quoted(|| homed.page.blocks(None).any(|block| has_quoted_names(block.text))),
        Piece::Blocks(blocks) => {
            blocks.iter().any(|(page, slot)| has_quoted_names(page.block(*slot).text))
        }
    }
}

fn page_names(page: &Page) -> &[String] {
    page.names().labels(|| {
        let mut names = BTreeSet::new();
        page.blocks(None).for_each(|block| label_names(block.text, &mut names));
        names.into_iter().collect()
    })
}
