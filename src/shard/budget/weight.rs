//! What a group and a family count for in bytes, beyond the text of samples.
//!
//! All that a push leaves behind counts. What belongs to one group is in the group's own charge: its key, samples,
//! protobuf forms, and what the tables take for it. What groups of a shard share, the names of families and the help
//! texts, counts once for each shard, from the first group that brings it to the last one that holds it.
//!
//! The constants say what the tables take on 64 bits, rounded up: hash tables are seven eighths full at most and half
//! of that on average after they have grown. `docs/figures/stored.py` measures what a counted byte costs.

use crate::exposition::Kind;
use crate::push::GroupingKey;
use crate::shard::budget::Usage;

/// A group: its entries in the tables of groups, of jobs and of what is on disk, and its two push times.
const GROUP_BYTES: u64 = 768;
/// So often a group has the text of its key: by itself, as the name of its job, and in both push times.
const KEY_COPIES: u64 = 4;
/// What a group holds of one family, and the slot of that in a page.
const HELD_BYTES: u64 = 96;
/// A series: its fingerprint in the group and in the index.
const SERIES_BYTES: u64 = 40;
/// A family on its shard: its tables, its first page, and its name in the index.
const FAMILY_BYTES: u64 = 1024;
/// So often the name of a family is there: by itself, and in the index.
const NAME_COPIES: u64 = 2;
/// A name in the index that a histogram or summary occupies.
const OCCUPIED_BYTES: u64 = 64;
/// A help text, besides its bytes.
const HELP_BYTES: u64 = 64;

impl Usage {
    /// A group that has its push times only.
    pub(in crate::shard) fn of_empty_group(key: &GroupingKey) -> Usage {
        let bytes = GROUP_BYTES + KEY_COPIES * key.text().len() as u64;
        Usage { groups: 1, series: 2, bytes }
    }
}

/// What a family counts for once on its shard, besides help texts.
pub(in crate::shard) fn of_family(name: &str, kind: Kind) -> u64 {
    let suffixes = kind.occupied_suffixes();
    let occupied =
        suffixes.iter().map(|suffix| OCCUPIED_BYTES + (name.len() + suffix.len()) as u64);
    FAMILY_BYTES + NAME_COPIES * name.len() as u64 + occupied.sum::<u64>()
}

/// What a help text counts for once on its shard.
pub(in crate::shard) fn of_help(help: &str) -> u64 {
    if help.is_empty() { 0 } else { HELP_BYTES + help.len() as u64 }
}

/// What a group counts for the samples of one family.
pub(in crate::shard) fn of_samples(bytes: u32, series: usize) -> u64 {
    HELD_BYTES + u64::from(bytes) + SERIES_BYTES * series as u64
}
