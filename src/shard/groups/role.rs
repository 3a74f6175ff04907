//! What a group is to other groups: a sum, a source of one, or nothing.

use crate::aggregate::{PushIds, Sum};
use crate::push::GroupingKey;

/// What a group is to other groups.
#[derive(Debug, Default)]
pub(in crate::shard) enum Role {
    /// Nothing.
    #[default]
    Plain,
    /// It shows what its sources come to.
    Sum(Box<Sum>),
    /// It is a source of a sum.
    Source(Box<SourceOf>),
    /// What was read back of a sum or a source. The shard makes roles of all of them once it has all (`sums/restore`).
    Unread(Box<Unread>),
}

/// What was read back of a sum, or of a source of the sum with that hash.
#[derive(Debug)]
pub(in crate::shard) struct Unread {
    pub(in crate::shard) saved: SavedRole,
    pub(in crate::shard) sum_hash: u64,
}

impl Role {
    pub(in crate::shard) fn is_sum(&self) -> bool {
        match self {
            Role::Sum(_) => true,
            Role::Unread(unread) => matches!(unread.saved, SavedRole::Sum(_)),
            Role::Plain | Role::Source(_) => false,
        }
    }

    /// Whether it is a source that is not shown.
    pub(in crate::shard) fn is_hidden(&self) -> bool {
        match self {
            Role::Source(source) => source.is_hidden,
            Role::Unread(unread) => unread.saved.is_hidden(),
            Role::Plain | Role::Sum(_) => false,
        }
    }
}

/// Of which sum a group is a source.
#[derive(Debug)]
pub(in crate::shard) struct SourceOf {
    pub(in crate::shard) sum: GroupingKey,
    pub(in crate::shard) sum_hash: u64,
    /// Whether it is not shown.
    pub(in crate::shard) is_hidden: bool,
    /// Its last pushes of increments.
    pub(in crate::shard) ids: PushIds,
    /// For how many bytes it counts beyond its samples, because its sum knows of it.
    pub(in crate::shard) counted_bytes: u64,
}

/// What a group is to other groups, as it is written down.
#[derive(Debug, Clone, Default)]
pub enum SavedRole {
    /// Nothing.
    #[default]
    Plain,
    /// It is a sum with these totals, as `aggregate` writes them.
    Sum(Vec<u8>),
    /// It is a source.
    Source(Box<SavedSource>),
}

impl SavedRole {
    /// Whether it is a source that is not shown.
    pub fn is_hidden(&self) -> bool {
        matches!(self, SavedRole::Source(source) if source.is_hidden)
    }
}

/// Of which sum a group is a source.
#[derive(Debug, Clone)]
pub struct SavedSource {
    /// The key of the sum.
    pub sum: GroupingKey,
    /// Whether the source is not shown.
    pub is_hidden: bool,
    /// Its last pushes of increments, as `aggregate` writes them.
    pub ids: Vec<u8>,
}
