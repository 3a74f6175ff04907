//! Profiles: what a workload looks like, read from TOML.
//!
//! A file is read as [`keys`] and checked into a [`Profile`], so that nothing behind this folder
//! checks again. Unknown keys and impossible values are errors that name the line. Never touches
//! the network.

mod bundled;
mod check;
mod keys;
mod kinds;
mod load;
mod model;
mod path;
mod values;

pub(crate) use keys::{BasicAuth, Format, Mix};
pub(crate) use load::{ProfileError, built_in, load};
pub(crate) use model::{Arrivals, Body, Groups, Profile, Shape, Source};
pub(crate) use path::PathTemplate;
#[cfg(test)]
pub(crate) use values::Share;
pub(crate) use values::{Count, Rate, Span};
