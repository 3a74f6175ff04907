//! A scrape, assembled from what the shards hold: references in, chunks of bytes out.
//!
//! Pure: no I/O, no async, no HTTP types. Whoever calls decides on which threads the work is done.
//!
//! - [`Scrape`]: `merge`s the families of all shards and the gateway's own into one list sorted by name,
//!   each with its pieces; hands out the pieces that are not rendered yet, and takes them back.
//! - [`Form`]: what decides how a piece is rendered. `render` does it, and leaves the rendering of a page
//!   with the page.
//! - `answer`: header lines and renderings, put together. A large rendering is a chunk of its own,
//!   shared with the shard; what is small is copied together.
//! - `gzip`: fragments that are compressed apart and stitched into one member. [`Runs`] keeps the
//!   fragments of what is too small to be one.
//!
//! **Invariants:** each family appears once, with one `HELP` and one `TYPE` line. An unchanged page is
//! neither concatenated nor encoded nor compressed a second time.

mod answer;
mod form;
mod gzip;
mod merge;
mod own;
mod render;
mod runs;
mod work;

pub use answer::Answer;
pub use form::Form;
pub use own::OwnFamily;
pub use render::DEFLATED_BYTES_MIN;
pub use runs::Runs;
pub use work::{Done, Scrape, Task};
