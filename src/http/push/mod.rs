//! The endpoints that bring samples: push and delete (`groups`), a group with times of its own (`placed`), and a push
//! that is only tried (`check`).
//!
//! `decoders` decodes large bodies on threads of their own.

pub(in crate::http) mod check;
pub(in crate::http) mod decoders;
pub(in crate::http) mod groups;
pub(in crate::http) mod placed;
