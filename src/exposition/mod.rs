//! The words of the exposition formats, shared by all folders that read or write them.
//!
//! This folder owns the metric kinds and the canonical spelling of numbers, names, label values, help texts and
//! family headers. It also reads canonical samples back (`read_back`). `protobuf` adds the words of that format.
//! It never parses what clients have written, and does no I/O.
//!
//! **Invariant:** a series has exactly one canonical spelling. Therefore two series are the same if and only if
//! their spellings have the same bytes.

mod escaping;
mod header;
mod kind;
mod label;
mod media_type;
mod name;
mod number;
mod parted;
pub(crate) mod protobuf;
mod quote;
mod read_back;
mod sample;
mod unescape_name;

pub use escaping::{Escaping, escape_label_name, escape_name};
pub use header::{write_comment, write_header};
pub use kind::Kind;
pub use label::{escape_help, unescape, write_help, write_label_value};
pub use media_type::{MediaParameters, MediaType, split_parameters};
pub use name::{NameRules, is_label_name, is_metric_name, write_label_name, write_metric_name};
pub use number::{is_canonical, is_whole, parse_number, write_number};
pub use parted::{Parted, parted};
pub use quote::{Quoted, shown_series};
pub use read_back::{Labels, SampleLine, has_quoted_names, have_same_lines, labels, sample_lines};
pub use sample::write_sample;
pub use unescape_name::unescape_name;
