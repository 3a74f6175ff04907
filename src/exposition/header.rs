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
    write_metric_name(out, name.as_bytes());
    for piece in [" ", text, "\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_where_it_has_to_be() {
        let mut out = Vec::new();
        write_header(&mut out, "a.b", Kind::Counter, "Help.");
        write_header(&mut out, "a:b", Kind::Gauge, "");
        assert_eq!(out, b"# HELP \"a.b\" Help.\n# TYPE \"a.b\" counter\n# TYPE a:b gauge\n");
    }
}
