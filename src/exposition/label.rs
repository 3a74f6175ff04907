//! Names and label values: what is valid, and how a value is escaped.

use std::borrow::Cow;

use memchr::{memchr, memchr3_iter};

/// Whether `name` is a metric name: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
pub fn is_metric_name(name: &[u8]) -> bool {
    is_name(name, |byte| byte == b':')
}

/// Whether `name` is a label name: `[a-zA-Z_][a-zA-Z0-9_]*`.
pub fn is_label_name(name: &[u8]) -> bool {
    is_name(name, |_| false)
}

fn is_name(name: &[u8], also: impl Fn(u8) -> bool) -> bool {
    let start = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || also(byte);
    match name.split_first() {
        Some((&first, rest)) => {
            start(first) && rest.iter().all(|&byte| start(byte) || byte.is_ascii_digit())
        }
        None => false,
    }
}

/// Appends `value` as it stands between the quotes of a label: `\`, `"` and line feeds escaped.
pub fn write_label_value(out: &mut Vec<u8>, value: &[u8]) {
    let mut copied = 0;
    for at in memchr3_iter(b'\\', b'"', b'\n', value) {
        out.extend_from_slice(&value[copied..at]);
        out.extend_from_slice(match value[at] {
            b'\\' => br"\\",
            b'"' => br#"\""#,
            _ => br"\n",
        });
        copied = at + 1;
    }
    out.extend_from_slice(&value[copied..]);
}

/// Undoes the escapes `\\`, `\"` and `\n` of a label value or help text that is known to be valid.
pub fn unescape(escaped: &str) -> Cow<'_, str> {
    if memchr(b'\\', escaped.as_bytes()).is_none() {
        return Cow::Borrowed(escaped);
    }
    let mut out = String::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some(at) = memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        match rest.as_bytes().get(at + 1) {
            Some(b'n') => out.push('\n'),
            Some(b'"') => out.push('"'),
            _ => out.push('\\'),
        }
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Appends a valid, escaped help text as a `HELP` line of the output has it: the input may escape a
/// quote, the output does not.
pub fn write_help(out: &mut Vec<u8>, escaped: &[u8]) {
    let mut rest = escaped;
    while let Some(at) = memchr(b'\\', rest) {
        let is_quote = rest.get(at + 1) == Some(&b'"');
        out.extend_from_slice(&rest[..if is_quote { at } else { at + 1 }]);
        let escaped_end = (at + 2).min(rest.len());
        out.extend_from_slice(&rest[at + 1..escaped_end]);
        rest = &rest[escaped_end..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_classic_grammar() {
        assert!(is_metric_name(b"a:b_9") && is_metric_name(b":") && is_label_name(b"_x9"));
        assert!(!is_metric_name(b"9a") && !is_metric_name(b"") && !is_label_name(b"a:b"));
        assert!(!is_label_name("é".as_bytes()));
    }

    #[test]
    fn a_quote_in_a_help_text_loses_its_escape_and_nothing_else_does() {
        for (input, output) in [(r"a", "a"), (r#"\"b\\"#, r#""b\\"#), (r#"\\"\n"#, r#"\\"\n"#)] {
            let mut out = Vec::new();
            write_help(&mut out, input.as_bytes());
            assert_eq!(out, output.as_bytes());
        }
    }

    #[test]
    fn escaping_and_unescaping_are_inverse() {
        for value in ["", "plain", "\\", "\"", "\n", "a\\\"b\nc\\n", "\\\\\n\n\"é"] {
            let mut out = Vec::new();
            write_label_value(&mut out, value.as_bytes());
            assert!(!out.contains(&b'\n'));
            assert_eq!(unescape(std::str::from_utf8(&out).expect("is UTF-8")), value);
        }
    }
}
