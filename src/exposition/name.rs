//! Names: the classic grammar, and how names outside it are quoted.

use super::write_label_value;

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

/// Which metric and label names a push may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameRules {
    /// Those of the classic grammar only.
    Legacy,
    /// Anything that is UTF-8 and not empty.
    Utf8,
}

impl NameRules {
    /// Whether a metric may be called `name`.
    pub fn allow_metric_name(self, name: &[u8]) -> bool {
        match self {
            NameRules::Legacy => is_metric_name(name),
            NameRules::Utf8 => is_text(name),
        }
    }

    /// Whether a label may be called `name`. Names that begin with `__` are another matter.
    pub fn allow_label_name(self, name: &[u8]) -> bool {
        match self {
            NameRules::Legacy => is_label_name(name),
            NameRules::Utf8 => is_text(name),
        }
    }
}

fn is_text(name: &[u8]) -> bool {
    !name.is_empty() && std::str::from_utf8(name).is_ok()
}

/// Appends a metric name as it stands in a comment: in quotes, and escaped as a label value is, unless
/// the classic grammar knows it.
pub fn write_metric_name(out: &mut Vec<u8>, name: &[u8]) {
    write_name(out, name, is_metric_name(name));
}

/// Appends a label name, likewise. (The reference leaves the quotes out for a name with a colon, which
/// nothing can then read.)
pub fn write_label_name(out: &mut Vec<u8>, name: &[u8]) {
    write_name(out, name, is_label_name(name));
}

fn write_name(out: &mut Vec<u8>, name: &[u8], is_legacy: bool) {
    if is_legacy {
        return out.extend_from_slice(name);
    }
    out.push(b'"');
    write_label_value(out, name);
    out.push(b'"');
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
    fn names_are_quoted_where_the_classic_grammar_does_not_know_them() {
        let metric = |name: &str| {
            let mut out = Vec::new();
            write_metric_name(&mut out, name.as_bytes());
            String::from_utf8(out).expect("is UTF-8")
        };
        let label = |name: &str| {
            let mut out = Vec::new();
            write_label_name(&mut out, name.as_bytes());
            String::from_utf8(out).expect("is UTF-8")
        };
        assert_eq!((metric("a:b").as_str(), label("a:b").as_str()), ("a:b", "\"a:b\""));
        assert_eq!((metric("a_9").as_str(), label("a_9").as_str()), ("a_9", "a_9"));
        assert_eq!((metric("é").as_str(), label("9").as_str()), ("\"é\"", "\"9\""));
        assert_eq!(metric("a\"\\\n"), r#""a\"\\\n""#);
    }

    #[test]
    fn any_text_is_a_name_where_utf8_is_allowed() {
        for name in ["é", " ", "a.b", "9", "\n"] {
            assert!(NameRules::Utf8.allow_metric_name(name.as_bytes()));
            assert!(NameRules::Utf8.allow_label_name(name.as_bytes()));
            assert!(!NameRules::Legacy.allow_metric_name(name.as_bytes()));
            assert!(!NameRules::Legacy.allow_label_name(name.as_bytes()));
        }
        for name in [&b""[..], b"\xff", b"a\xc3"] {
            assert!(!NameRules::Utf8.allow_metric_name(name));
            assert!(!NameRules::Utf8.allow_label_name(name));
        }
    }
}
