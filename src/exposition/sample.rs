//! A sample line, as both text formats spell it.

use super::{is_metric_name, write_label_name, write_label_value};

/// Appends a sample line. The metric name is `name` + `suffix`, of which the suffix is classic; the
/// labels are (name, escaped value); the value is spelled already.
pub fn write_sample<'a>(
    out: &mut Vec<u8>,
    [name, suffix]: [&str; 2],
    labels: impl Iterator<Item = (&'a str, &'a str)>,
    value: &str,
) {
    let is_quoted = !is_metric_name(name.as_bytes());
    let mut opening = b'{';
    if is_quoted {
        out.extend_from_slice(b"{\"");
        write_label_value(out, name.as_bytes());
        out.extend_from_slice(suffix.as_bytes());
        out.push(b'"');
        opening = b',';
    } else {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(suffix.as_bytes());
    }
    for (name, value) in labels {
        out.push(opening);
        opening = b',';
        write_label_name(out, name.as_bytes());
        out.extend_from_slice(b"=\"");
        out.extend_from_slice(value.as_bytes());
        out.push(b'"');
    }
    out.extend_from_slice(if opening == b',' { b"} " } else { b" " });
    out.extend_from_slice(value.as_bytes());
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, labels: &[(&str, &str)]) -> String {
        let mut out = Vec::new();
        write_sample(&mut out, [name, "_sum"], labels.iter().copied(), "1");
        String::from_utf8(out).expect("is UTF-8")
    }

    #[test]
    fn only_names_outside_the_classic_grammar_are_quoted() {
        assert_eq!(written("a:b", &[]), "a:b_sum 1\n");
        assert_eq!(written("a.b", &[]), "{\"a.b_sum\"} 1\n");
        assert_eq!(written("a", &[("b", "\\n"), ("c:d", "")]), "a_sum{b=\"\\n\",\"c:d\"=\"\"} 1\n");
        assert_eq!(written("\"\\", &[("b", "")]), "{\"\\\"\\\\_sum\",b=\"\"} 1\n");
    }
}
