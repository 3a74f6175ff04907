//! A push, decoded: the URL gives the grouping key, the body gives rendered metric families.
//!
//! Owns the grammar of what may be pushed. Bytes in, bytes out: no I/O, no async, no HTTP types.
//!
//! - [`GroupingKey`]: the labels in the URL, in the one spelling that all samples of the group show.
//! - [`decode`]: scans a body once, borrowing from it, and renders each family's samples into their
//!   canonical exposition on the way. What comes out is a [`Batch`], behind which nothing is checked
//!   again except against other groups.
//!   `shapes` remembers what bodies looked like lately, and `shape` reads only the values of one that looks the same.
//! - [`decode_protobuf`]: the same for a body of delimited protobuf.
//! - [`Allowance`]: how much memory either may take, asked for before it is taken, and how large a push may become.
//! - [`Rules`]: which names a push may use, and how many and how long labels.
//! - [`RenderedFamily`]: what a batch is put together from that was decoded before.
//! - [`inflate`]: undoes `Content-Encoding`, within a bound.
//!
//! **Invariant:** a `Batch` is a valid exposition in itself: every series in it exists once, carries
//! the grouping labels and `instance`, and no two of its families share a name.

mod allowance;
mod batch;
mod error;
mod inflate;
mod key;
mod protobuf;
#[cfg(test)]
mod render_for_test;
mod rules;
mod samples;
mod shapes;
mod text;

pub use allowance::{Allowance, RENDERED_BYTES_MAX, TooLarge, expected, expected_of_protobuf};
pub use batch::restored::RenderedFamily;
pub use batch::series::{Series, SeriesHasher};
pub use batch::{Batch, BatchFamily};
pub use error::{Place, Problem, Refusal, Rejected, SyntaxError, SyntaxErrorKind};
pub use inflate::{Encoding, InflateError, inflate};
pub use key::{GroupingKey, KeyError};
pub use protobuf::{decode_protobuf, decode_protobuf_within};
pub use rules::Rules;
pub use text::{decode, decode_within};

/// The gauge that shows when a group was last pushed to, in seconds since 1970. Set by the gateway.
pub const PUSH_TIME: &str = "push_time_seconds";
/// The gauge that shows when a push to a group was last refused. Set by the gateway; 0 for never.
pub const PUSH_FAILURE_TIME: &str = "push_failure_time_seconds";
