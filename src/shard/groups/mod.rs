//! What a shard holds: groups, and for each family the pages with the blocks of all groups.

pub(super) mod families;
pub(super) mod family;
pub(super) mod group;
pub(super) mod jobs;
