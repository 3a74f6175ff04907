//! Decodes a push: the path gives the grouping key, the body gives rendered metric families.
//!
//! This folder owns the grammar of what may be pushed. It is pure: no I/O, no async, no HTTP types. A push walks through
//! its rooms in this order; start reading at [`decode`].
//!
//! - [`inflate`] undoes `Content-Encoding`, and `key` reads the [`GroupingKey`].
//! - `shapes` knows bodies that differ from an earlier one only in their values.
//! - `text` and `protobuf` read all other bodies, and `samples` renders what they read. `open_metrics` makes protobuf of a body
//!   of OpenMetrics.
//! - `batch` is the result, a [`Batch`]. After this, it is only checked against other groups.
//!
//! `spelling` says which labels of a series count. [`Allowance`] bounds the memory of a push, and [`Rules`] say which names and labels it may use.
//!
//! **Invariant:** a `Batch` is a valid exposition in itself: every series in it exists once, carries
//! the grouping labels and `instance`, and no two of its families share a name.

mod allowance;
mod batch;
mod error;
mod guess;
mod inflate;
mod key;
mod open_metrics;
mod place;
mod protobuf;
mod refusal;
#[cfg(test)]
mod render_for_test;
mod rules;
mod samples;
mod shapes;
pub(crate) mod spelling;
mod text;

pub use allowance::{Allowance, RENDERED_BYTES_MAX, TooLarge, expected, expected_of_protobuf};
pub(crate) use batch::likeness::Likeness;
pub use batch::restored::RenderedFamily;
pub use batch::series::{Series, SeriesHasher};
pub use batch::{Batch, BatchFamily};
pub use error::{Problem, Refusal, Rejected, SyntaxError, SyntaxErrorKind};
pub use guess::{Guess, guess};
pub use inflate::{Encoding, InflateError, inflate};
pub use key::{GroupingKey, KeyError};
pub use open_metrics::{decode_open_metrics, decode_open_metrics_within};
pub use place::Place;
pub use rules::Rules;
pub use shapes::{decode, decode_protobuf, decode_protobuf_within, decode_within};

/// The gauge that shows when a group was last pushed to, in seconds since 1970. Set by the gateway.
pub const PUSH_TIME: &str = "push_time_seconds";
/// The gauge that shows when a push to a group was last refused. Set by the gateway; 0 for never.
pub const PUSH_FAILURE_TIME: &str = "push_failure_time_seconds";
