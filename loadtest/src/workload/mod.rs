//! What is sent: groups, bodies and requests, all built before the run from the profile's seed.
//!
//! On the hot path a connection only overwrites bytes in a request it owns; nothing is allocated.
//! Never touches the network.

mod body;
mod groups;
mod mix;
mod request;
mod rng;

pub(crate) use body::{
    ADDED_FAMILY, BodyTemplate, FIRST_MARK, MARK_FAMILIES, Marked, bodies, post_body,
};
pub(crate) use groups::{Choice, Groups};
pub(crate) use mix::Chooser;
pub(crate) use request::{Head, Method, Request, delete};
pub(crate) use rng::Rng;
