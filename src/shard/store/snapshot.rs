//! What a scrape asks of a shard, gets from it, and gives back.

use std::sync::Arc;

use super::{Store, selected_jobs};
use crate::shard::groups::family::{FamilyId, FamilySnapshot, Shown};
use crate::shard::groups::group::Group;
use crate::shard::pages::page::Page;
use crate::shard::pages::part::Part;

/// What a scrape asks for. By default that is everything.
#[derive(Debug, Default)]
pub struct Selection {
    /// The jobs whose groups are wanted, as escaped label values; all when empty.
    pub jobs: Vec<String>,
    /// The names of the families that are wanted; all when empty.
    pub families: Vec<String>,
    /// The part of the groups that is shown; all groups when there is none. Snapshots hold the other parts too.
    pub part: Option<Part>,
}

impl Selection {
    /// Whether everything is wanted.
    pub fn is_whole(&self) -> bool {
        self.jobs.is_empty() && self.families.is_empty() && self.part.is_none()
    }
}

/// What one shard exposes, at one moment. Holds references only.
#[derive(Debug)]
pub struct Snapshot {
    /// In no particular order.
    pub families: Vec<FamilySnapshot>,
}

/// A page, and where it belongs.
#[derive(Debug, Clone)]
pub struct HomedPage {
    pub(in crate::shard) shard: usize,
    pub(in crate::shard) family: FamilyId,
    pub(in crate::shard) number: u32,
    /// The page.
    pub page: Arc<Page>,
}

impl HomedPage {
    /// The number of the shard that holds it.
    pub fn shard(&self) -> usize {
        self.shard
    }
}

/// A stretch of a family's samples. A scrape of one part still has to choose among its blocks.
#[derive(Debug)]
pub enum Piece {
    /// A page.
    Page(HomedPage),
    /// Blocks that have been chosen, each by its page and its slot there.
    Blocks(Vec<(Arc<Page>, u32)>),
}

impl FamilySnapshot {
    /// Its pages; none where blocks have been chosen.
    pub fn pages(&self) -> impl Iterator<Item = &Page> {
        let pages = match &self.shown {
            Shown::Pages(pages) => &pages[..],
            Shown::Blocks(_) => &[],
        };
        pages.iter().map(|(_, page)| &**page)
    }

    /// The pieces of the family, which `shard` holds. Chosen blocks stand together up to `bytes_max`.
    pub fn pieces(self, shard: usize, bytes_max: usize) -> Vec<Piece> {
        match self.shown {
            Shown::Pages(pages) => {
                let homed = pages.into_iter().map(|(number, page)| {
                    Piece::Page(HomedPage { shard, family: self.id, number, page })
                });
                homed.collect()
            }
            Shown::Blocks(blocks) => {
                let mut pieces = Vec::new();
                let (mut piece, mut bytes) = (Vec::new(), 0);
                for (page, slot) in blocks {
                    bytes += page.block(slot).text.len();
                    piece.push((page, slot));
                    if bytes > bytes_max {
                        pieces.push(Piece::Blocks(std::mem::take(&mut piece)));
                        bytes = 0;
                    }
                }
                pieces.extend((!piece.is_empty()).then_some(Piece::Blocks(piece)));
                pieces
            }
        }
    }
}

impl Store {
    /// What a scrape needs. The parts of a split scrape have to agree on names, so each part gets the groups of all parts. The
    /// cost is in proportion to what is selected.
    pub fn snapshot(&mut self, selection: &Selection) -> Snapshot {
        if selection.jobs.is_empty() {
            return Snapshot { families: self.families.snapshot(&selection.families) };
        }
        let groups = selection.jobs.iter().flat_map(|job| self.groups_of(job));
        Snapshot { families: selected_jobs::snapshot(&self.families, groups, &selection.families) }
    }

    /// Takes the concatenation of a page as its base, and drops the blocks from which it was made.
    pub fn adopt(&mut self, homed: &HomedPage) {
        if let Some(family) = self.families.get_mut(homed.family) {
            family.pages.adopt(homed.number, &homed.page);
        }
    }

    /// The groups of a job, given as its escaped name.
    fn groups_of(&self, job: &str) -> impl Iterator<Item = &Group> {
        self.jobs.groups(job).flat_map(move |hash| {
            let found = self.groups.iter_hash(hash).filter(move |(of, _)| *of == hash);
            found.map(|(_, group)| group).filter(move |group| *group.job == *job)
        })
    }
}
