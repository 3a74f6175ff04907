//! A scrape, assembled from what the shards hold: references in, chunks of bytes out.
//!
//! Pure: no I/O, no async, no HTTP types. Whoever calls decides on which threads the pages are
//! concatenated and compressed.
//!
//! - [`merge`]: one list of families, sorted by name, from all shards and the gateway itself.
//! - [`Exposition::text`]: the chunks of the text format. A page is a chunk of its own, shared with the
//!   shard; what is small is copied together.
//! - [`gzip`]: those chunks as one gzip member.
//!
//! **Invariant:** each family appears once, with one `HELP` and one `TYPE` line.

mod accept;
mod gzip;
mod merge;
mod own;
mod text;

pub use accept::{Format, Negotiated, OpenMetricsVersion, accepts_gzip, negotiate};
pub use gzip::gzip;
pub use merge::{Exposition, merge};
pub use own::OwnFamily;
