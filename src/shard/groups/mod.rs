//! Groups and families of one shard, and the blocks that tie them together.
//!
//! `group` is a group with a place for each of its families. `families` is the table of families, each a `family` with its pages.
//! `jobs` finds the groups of a job, `rhythm` is how often a group is pushed to, and `role` what it is to other groups.

pub(super) mod families;
pub(super) mod family;
pub(super) mod group;
pub(super) mod jobs;
pub(super) mod rhythm;
pub(super) mod role;
