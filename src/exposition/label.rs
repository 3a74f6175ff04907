//! Label values and help texts: how they are escaped.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memchr3_iter};

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

/// A help text as a `HELP` line has it: `\` and line feeds escaped.
pub fn escape_help(help: &[u8]) -> Cow<'_, [u8]> {
    if memchr2(b'\\', b'\n', help).is_none() {
        return Cow::Borrowed(help);
    }
    let mut escaped = Vec::with_capacity(help.len() + 8);
    for &byte in help {
        match byte {
            b'\\' => escaped.extend_from_slice(br"\\"),
            b'\n' => escaped.extend_from_slice(br"\n"),
            _ => escaped.push(byte),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let help = escape_help(value.as_bytes());
            assert!(!help.contains(&b'\n'));
            assert_eq!(unescape(std::str::from_utf8(&help).expect("is UTF-8")), value);
        }
    }
}
