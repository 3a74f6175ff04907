//! What a scrape gets from a shard, and gives back.

use std::sync::Arc;

use super::family::{FamilyId, FamilySnapshot};
use super::page::Page;

/// What one shard exposes, at one moment. Holds references only.
#[derive(Debug)]
pub struct Snapshot {
    /// In no particular order.
    pub families: Vec<FamilySnapshot>,
}

/// A page that a scrape has to concatenate, and where it belongs.
#[derive(Debug, Clone)]
pub struct StalePage {
    pub(super) shard: usize,
    pub(super) family: FamilyId,
    pub(super) number: u32,
    /// The page.
    pub page: Arc<Page>,
}

/// The pages of `snapshots`, which are those of all shards in order, that have not been concatenated.
pub fn stale_pages(snapshots: &[Snapshot]) -> Vec<StalePage> {
    let mut stale = Vec::new();
    for (shard, snapshot) in snapshots.iter().enumerate() {
        for family in &snapshot.families {
            for (number, page) in family.pages.iter().filter(|(_, page)| page.is_stale()) {
                let (family, number, page) = (family.id, *number, Arc::clone(page));
                stale.push(StalePage { shard, family, number, page });
            }
        }
    }
    stale
}
