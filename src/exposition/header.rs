//! The two comment lines that open a metric family.

use super::Kind;

/// Appends the `HELP` line (unless `help` is empty) and the `TYPE` line of a family. `help` is
/// already escaped.
pub fn write_header(out: &mut Vec<u8>, name: &str, kind: Kind, help: &str) {
    if !help.is_empty() {
        for part in ["# HELP ", name, " ", help, "\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    for part in ["# TYPE ", name, " ", kind.text(), "\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}
