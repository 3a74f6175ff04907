//! What persistence takes from a shard: which groups have changed, and what each was at a checkpoint.

pub(super) mod changes;
pub(super) mod dirty_groups;
pub(super) mod group_snapshot;
#[cfg(test)]
mod tests;
