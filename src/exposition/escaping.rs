//! Escaped names: what a scraper sees that only knows the classic grammar of names.
//!
//! The schemes and their results are those of the reference (`EscapeName` in prometheus/common). One thing
//! differs: a colon in a label name is escaped like any other character outside the grammar.

use std::borrow::Cow;
use std::fmt::Write;

use super::{is_label_name, is_metric_name};

/// How names outside the classic grammar are shown. A scraper asks for one with the parameter
/// `escaping` of its `Accept` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Escaping {
    /// As they are; the text formats quote them.
    AllowUtf8,
    /// `_` for each character that is not allowed.
    Underscores,
    /// `_dot_` for a dot, `__` for an underscore and for any other character that is not allowed.
    Dots,
    /// `U__` in front, `__` for an underscore, `_HEX_` for a character that is not allowed. Nothing is
    /// lost: different names stay different.
    Values,
}

impl Escaping {
    /// Reads the value of an `escaping` parameter.
    pub fn parse(term: &str) -> Option<Escaping> {
        let all = [Escaping::AllowUtf8, Escaping::Underscores, Escaping::Dots, Escaping::Values];
        all.into_iter().find(|escaping| escaping.term() == term)
    }

    /// The value of an `escaping` parameter.
    pub fn term(self) -> &'static str {
        match self {
            Escaping::AllowUtf8 => "allow-utf-8",
            Escaping::Underscores => "underscores",
            Escaping::Dots => "dots",
            Escaping::Values => "values",
        }
    }
}

/// A metric name, escaped. [`Escaping::Dots`] changes classic names too; whether those are to be
/// escaped at all is the caller's to say.
pub fn escape_name(name: &str, escaping: Escaping) -> Cow<'_, str> {
    escape(name, escaping, is_metric_name(name.as_bytes()), |char| char == ':')
}

/// A label name, escaped: as [`escape_name`] does it, but for colons.
pub fn escape_label_name(name: &str, escaping: Escaping) -> Cow<'_, str> {
    escape(name, escaping, is_label_name(name.as_bytes()), |_| false)
}

fn escape(
    name: &str,
    escaping: Escaping,
    is_classic: bool,
    is_allowed_too: impl Fn(char) -> bool,
) -> Cow<'_, str> {
    let is_kept = match escaping {
        Escaping::AllowUtf8 => true,
        Escaping::Underscores | Escaping::Values => is_classic,
        Escaping::Dots => false,
    };
    if is_kept || name.is_empty() {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len() + 16);
    if escaping == Escaping::Values {
        out.push_str("U__");
    }
    for (at, char) in name.char_indices() {
        let is_allowed = char.is_ascii_alphabetic()
            || char == '_'
            || (char.is_ascii_digit() && at > 0)
            || is_allowed_too(char);
        match escaping {
            Escaping::Dots | Escaping::Values if char == '_' => out.push_str("__"),
            _ if is_allowed => out.push(char),
            Escaping::Dots if char == '.' => out.push_str("_dot_"),
            Escaping::Dots => out.push_str("__"),
            Escaping::Values => {
                write!(out, "_{:x}_", u32::from(char)).expect("writing to a string cannot fail");
            }
            Escaping::Underscores | Escaping::AllowUtf8 => out.push('_'),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_as_the_reference_escapes_them() {
        for (name, underscores, dots, values) in [
            ("", "", "", ""),
            ("a:b_c9", "a:b_c9", "a:b__c9", "a:b_c9"),
            ("cpu.load_avg", "cpu_load_avg", "cpu_dot_load__avg", "U__cpu_2e_load__avg"),
            ("http.status:sum", "http_status:sum", "http_dot_status:sum", "U__http_2e_status:sum"),
            ("9a.9", "_a_9", "__a_dot_9", "U___39_a_2e_9"),
            ("with 😱", "with__", "with____", "U__with_20__1f631_"),
            ("花火", "__", "____", "U___82b1__706b_"),
            ("\u{fffd}\u{100}", "__", "____", "U___fffd__100_"),
        ] {
            assert_eq!(escape_name(name, Escaping::AllowUtf8), name);
            assert_eq!(escape_name(name, Escaping::Underscores), underscores);
            assert_eq!(escape_name(name, Escaping::Dots), dots);
            assert_eq!(escape_name(name, Escaping::Values), values);
        }
    }

    #[test]
    fn a_colon_in_a_label_name_is_escaped() {
        assert_eq!(escape_label_name("a:b", Escaping::AllowUtf8), "a:b");
        assert_eq!(escape_label_name("a:b", Escaping::Underscores), "a_b");
        assert_eq!(escape_label_name("a:b", Escaping::Dots), "a__b");
        assert_eq!(escape_label_name("a:b", Escaping::Values), "U__a_3a_b");
    }

    #[test]
    fn a_scheme_is_what_its_term_says() {
        for term in ["allow-utf-8", "underscores", "dots", "values"] {
            assert_eq!(Escaping::parse(term).map(Escaping::term), Some(term));
        }
        assert_eq!(Escaping::parse("Dots"), None);
    }
}
