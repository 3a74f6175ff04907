//! A scrape, assembled from what the shards hold: references in, chunks of bytes out.
//!
//! Pure: no I/O, no async, no HTTP types. Whoever calls decides on which threads the pages are
//! concatenated and compressed.
//!
//! - [`merge`]: one list of families, sorted by name, from all shards and the gateway itself.
//! - [`negotiate`]: the format, the escaping of names and the compression that a scraper asks for.
//! - [`naming`]: the names that families and labels are shown under, such that no two meet.
//! - [`Exposition::text`]: the chunks of the text format. A page is a chunk of its own, shared with the
//!   shard; what is small is copied together.
//! - [`escaped_text`], [`open_metrics`], [`protobuf`]: the text of a page in another format.
//! - [`gzip`]: those chunks as one gzip member.
//!
//! **Invariant:** each family appears once, with one `HELP` and one `TYPE` line.

mod accept;
pub mod escaped_text;
mod gzip;
mod label_names;
mod merge;
pub mod naming;
pub mod open_metrics;
mod own;
pub mod protobuf;
mod text;
mod wire;

pub use accept::{Format, Negotiated, OpenMetricsVersion, accepts_gzip, negotiate};
pub use gzip::gzip;
pub use label_names::{LabelNames, label_names};
pub use merge::{Exposition, merge};
pub use naming::{Naming, ShownFamily};
pub use own::OwnFamily;
