//! Sums of groups: what the values of many sources come to, and how that changes when one of them changes.
//!
//! This folder is pure. Start with [`Sum`], which the shard keeps for each sum. `family` finds the series for the lines of a
//! source (`lines`), and `series` and `gauge` hold what all sources come to. `values` changes values alone, and `patches` the text of the sum with them. `stamps` says when a source last pushed a family. `exact` and `wide` are sums that never round, `totals` is how they are stored, and
//! `push_ids` remembers pushes of increments. `natives` adds up what only protobuf can say, and `records` reads and writes it.
//!
//! **Invariants:** the same push twice changes nothing. What a source has counted stays in the totals when the source goes. A change costs in proportion to
//! what its source pushes and to the families of the sum that it touches, whatever the number of sources.

mod exact;
mod families;
mod family;
mod gauge;
mod last;
mod lines;
mod natives;
mod parts;
mod patches;
mod push_ids;
mod records;
mod series;
mod stamps;
mod sum;
#[cfg(test)]
mod tests;
mod totals;
mod values;
mod wide;

use crate::exposition::write_label_name;
use crate::push::GroupingKey;
use crate::rules::Aggregation;

pub use families::position;
pub use family::SourceFamily;
pub use patches::Patches;
pub use push_ids::{PushIds, REMEMBERED_FOR, REMEMBERED_MAX};
pub use sum::Sum;
pub use sum::source::SourceName;
pub use sum::undo::Changed;
pub use sum::values::ValuesPush;

/// The grouping key of the sum that a group is a source of.
pub fn sum_key(source: &GroupingKey, aggregation: &Aggregation) -> GroupingKey {
    source.kept(|label| aggregation.keeps(label))
}

/// The names of the labels that a source has and its sum does not, as they are spelled.
pub fn gone_labels(source: &GroupingKey, sum: &GroupingKey) -> Vec<Vec<u8>> {
    let gone = source.gone(|label| sum.names(label));
    let spell = |name: String| {
        let mut spelled = Vec::new();
        write_label_name(&mut spelled, name.as_bytes());
        spelled
    };
    gone.into_iter().map(spell).collect()
}
