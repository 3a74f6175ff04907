//! The vocabulary of the text exposition format, shared by everything that reads or writes it.
//!
//! Owns the metric kinds and the canonical spelling of numbers, names, label values, help texts and
//! family headers. Never parses an exposition and never does I/O.
//!
//! **Invariant:** the canonical spelling of a series is unique, so that two series are the same
//! exactly when their spellings are the same bytes. The consistency index rests on it.

mod header;
mod kind;
mod label;
mod name;
mod number;
mod unescape_name;

pub use header::write_header;
pub use kind::Kind;
pub use label::{is_label_name, is_metric_name, unescape, write_help, write_label_value};
pub use name::{NameRules, write_label_name, write_metric_name};
pub use number::{is_canonical, parse_number, write_number};
pub use unescape_name::unescape_name;
