//! What a person or a program reads: tables, JSON, and progress meanwhile.
//!
//! The only place that writes to standard output and error. Never measures.

mod comparison;
mod crash;
mod figures;
mod json;
mod progress;
mod table;

use std::io::{self, Write};

pub(crate) use comparison::{Comparison, comparison_json, comparison_table};
pub(crate) use crash::{crash_json, crash_table};
pub(crate) use json::{over_time_json, report_json, verdict_json};
pub(crate) use progress::Progress;
pub(crate) use table::{report_table, verdict_table};

/// Writes one piece of output; a closed pipe is the reader's choice and no error.
pub(crate) fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Tells the user something beside the output.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
