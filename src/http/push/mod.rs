//! The endpoints that bring samples.
//!
//! `prologue` does what they all begin with: access, body and decoding; `format` says how a body is decoded, and
//! `decoders` are the threads for large bodies. Then `groups` pushes and deletes, `placed` stores a group with given
//! times, and `check` tries a push without storing it. `elsewhere` names the group that a push conflicts with.

pub(crate) mod check;
pub(crate) mod cors;
pub(crate) mod decoders;
pub(crate) mod elsewhere;
pub(crate) mod format;
pub(crate) mod groups;
pub(crate) mod placed;
pub(crate) mod prologue;
