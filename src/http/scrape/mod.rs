//! The scrape.
//!
//! Start at `endpoint`. `selection` and `jobs` read the query, and `render` has the pages rendered.

pub(in crate::http) mod endpoint;
pub(in crate::http) mod jobs;
pub(in crate::http) mod render;
pub(in crate::http) mod selection;
