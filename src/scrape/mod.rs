//! A scrape, assembled from what the shards hold: references in, chunks of bytes out.
//!
//! Pure: no I/O, no async, no HTTP types. Whoever calls decides on which threads the work is done.
//!
//! - `accept`: what a scraper asks for, and [`Form`]: what decides which bytes show the same samples.
//! - [`Scrape`]: `merge`s the families of all shards and the gateway's own into one list sorted by name,
//!   gives each the name it is shown under (`assign`, `labels`), and hands out the pieces that are not
//!   rendered yet.
//! - `render` does that, and leaves the rendering of a page with the page. `showing` knows the format
//!   of the answer: `protobuf`, `open_metrics`, `escaped_text`, or the text as it is stored.
//! - `answer`: headers and renderings, put together. A large rendering is a chunk of its own, shared
//!   with the shard; what is small is copied together.
//! - `gzip`: fragments that are compressed apart and stitched into one member. [`Runs`] keeps the
//!   fragments of what is too small to be one.
//!
//! **Invariants:** each family appears once, under a name that no other has. An unchanged page is
//! neither concatenated nor encoded nor compressed a second time.

mod accept;
mod answer;
mod assign;
mod escaped_text;
mod form;
mod gzip;
mod label_names;
mod labels;
mod merge;
mod naming;
mod open_metrics;
mod own;
mod protobuf;
mod render;
mod runs;
mod showing;
mod work;

pub use accept::{Format, Negotiated, OpenMetricsVersion, accepts_gzip, negotiate};
pub use answer::Answer;
pub use form::Form;
pub use own::OwnFamily;
pub use runs::Runs;
pub use work::{Done, Scrape, Task};
