//! The scrape.
//!
//! Start at `endpoint`. `selection` and `jobs` read the query, and `render` has the pages rendered.

pub(crate) mod endpoint;
pub(crate) mod jobs;
pub(crate) mod render;
pub(crate) mod selection;
