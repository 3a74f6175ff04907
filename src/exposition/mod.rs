//! The vocabulary of the exposition formats, shared by everything that reads or writes them.
//!
//! Owns the metric kinds and the canonical spelling of numbers, names, label values, help texts and
//! family headers, and reads canonical samples back; `protobuf` holds what that format adds. Never parses
//! what others have written and never does I/O.
//!
//! **Invariant:** the canonical spelling of a series is unique, so that two series are the same
//! exactly when their spellings are the same bytes. The consistency index rests on it.

mod escaping;
mod header;
mod kind;
mod label;
mod media_type;
mod name;
mod number;
pub(crate) mod protobuf;
mod read_back;
mod sample;
mod unescape_name;

pub use escaping::{Escaping, escape_label_name, escape_name};
pub use header::{write_comment, write_header};
pub use kind::Kind;
pub use label::{escape_help, unescape, write_help, write_label_value};
pub use media_type::{MediaType, split_parameters};
pub use name::{NameRules, is_label_name, is_metric_name, write_label_name, write_metric_name};
pub use number::{is_canonical, is_whole, parse_number, write_number};
pub use read_back::{Labels, SampleLine, has_quoted_names, labels, sample_lines};
pub use sample::write_sample;
pub use unescape_name::unescape_name;
