//! What persistence takes from a shard.
//!
//! `dirty_groups` knows which groups have changed since they were handed over. `group_snapshot` is a group as it is written down,
//! `changes` carries groups to the thread of the file. The form of a record and the file itself belong to `persist`.

pub(super) mod changes;
pub(super) mod dirty_groups;
pub(super) mod group_snapshot;
#[cfg(test)]
mod tests;
