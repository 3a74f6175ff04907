//! The two comment lines that open a metric family.

use super::{Kind, write_metric_name};

/// Appends the `HELP` line (unless `help` is empty) and the `TYPE` line of a family. `help` is
/// already escaped.
pub fn write_header(out: &mut Vec<u8>, name: &str, kind: Kind, help: &str) {
    if !help.is_empty() {
        write_comment(out, "HELP", name, help);
    }
    write_comment(out, "TYPE", name, kind.text());
}

/// Appends the comment line `keyword` of the family `name`.
pub fn write_comment(out: &mut Vec<u8>, keyword: &str, name: &str, text: &str) {
    for piece in ["# ", keyword, " "] {
        out.extend_from_slice(piece.as_bytes());
    }
    write_metric_name(out, name);
    for piece in [" ", text, "\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
}
