//! What a person or a program reads: tables, JSON, and progress meanwhile.
//!
//! The only place that writes to standard output and error. Never measures.

mod comparison;
mod crash;
mod figures;
mod json;
mod progress;
mod streams;
mod table;

pub(crate) use comparison::{Comparison, comparison_json, comparison_table};
pub(crate) use crash::{crash_json, crash_table};
pub(crate) use json::{over_time_json, report_json, verdict_json};
pub(crate) use progress::Progress;
pub(crate) use streams::{note, print};
pub(crate) use table::{report_table, verdict_table};
