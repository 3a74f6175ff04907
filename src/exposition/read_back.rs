//! Canonical samples, read back.
//!
//! What is read here has been rendered by the gateway itself, so nothing is checked again: what the
//! lines say is taken from where it must stand.
//!
//! ```text
//! line   = name [ "{" labels "}" ] " " value                  the metric name is a classic one
//!        | "{" quoted [ "," labels ] "}" " " value            it is not
//! labels = [ label { "," label } ]
//! label  = ( name | quoted ) "=" quoted
//! ```

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use memchr::{memchr, memchr2};
use smallvec::SmallVec;

use super::unescape;

/// One line of a rendered family.
#[derive(Debug)]
pub struct SampleLine<'a> {
    /// The metric name, without quotes or escapes.
    pub name: Cow<'a, str>,
    /// The labels in the order of the line: sorted by name, `le` and `quantile` last.
    pub labels: Labels<'a>,
    /// The number, as it is spelled.
    pub value: &'a str,
}

/// Labels as (name without quotes or escapes, escaped value).
pub type Labels<'a> = SmallVec<[(Cow<'a, str>, &'a str); 8]>;

/// The labels of a canonical text that stands in braces, as a grouping key does.
pub fn labels(mut text: &str) -> Labels<'_> {
    let mut sample = SampleLine { name: "".into(), labels: SmallVec::new(), value: "" };
    while !text.is_empty()
        && let Some(rest) = in_braces(&mut sample, text)
    {
        text = rest;
    }
    sample.labels
}

/// The lines of a canonical text. Lines that could not have been rendered are left out.
pub fn sample_lines(text: &[u8]) -> impl Iterator<Item = SampleLine<'_>> {
    // Once for all of them, which costs a fraction of what doing it for each piece would.
    let mut rest = std::str::from_utf8(text).unwrap_or_default();
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let end = memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
            let line = &rest[..end];
            rest = rest.get(end + 1..).unwrap_or_default();
            if let Some(sample) = read(line) {
                return Some(sample);
            }
        }
        None
    })
}

/// What stands before a name in quotes. Made once: a family is a few short lines.
static QUOTED: LazyLock<[Finder<'static>; 2]> =
    LazyLock::new(|| [Finder::new(b"{\""), Finder::new(b",\"")]);

/// Whether any metric or label name of a canonical text may be quoted. Quick, and in doubt says yes:
/// a label value that ends in `,` or `{` looks the same.
pub fn has_quoted_names(text: &[u8]) -> bool {
    QUOTED.iter().any(|quoted| quoted.find(text).is_some())
}

/// Whether two canonical texts differ in nothing but values, which are what stands behind the last blank of each line.
pub fn have_same_lines(mut old: &[u8], mut new: &[u8]) -> bool {
    while let Some(line) = memchr(b'\n', new) {
        let Some(space) = new[..line].iter().rposition(|byte| *byte == b' ') else { return false };
        let spelling = space + 1;
        if old.len() < spelling || old[..spelling] != new[..spelling] {
            return false;
        }
        let value = &old[spelling..];
        let Some(end) = memchr(b'\n', value) else { return false };
        if memchr(b' ', &value[..end]).is_some() {
            return false;
        }
        (old, new) = (&value[end + 1..], &new[line + 1..]);
    }
    old.is_empty() && new.is_empty()
}

fn read(line: &str) -> Option<SampleLine<'_>> {
    let name_end = memchr2(b'{', b' ', line.as_bytes())?;
    let (name, mut rest) = (&line[..name_end], &line[name_end + 1..]);
    let mut sample = SampleLine { name: name.into(), labels: SmallVec::new(), value: rest };
    if line.as_bytes()[name_end] == b' ' {
        return Some(sample).filter(|_| name_end > 0 && name != "#");
    }
    loop {
        match rest.as_bytes().first()? {
            b'}' => {
                sample.value = rest.strip_prefix("} ")?;
                return Some(sample).filter(|sample| !sample.name.is_empty());
            }
            _ => rest = in_braces(&mut sample, rest)?,
        }
    }
}

/// Adds the label that `rest` begins with, or the metric name. Answers what is behind it and its comma.
fn in_braces<'a>(sample: &mut SampleLine<'a>, rest: &'a str) -> Option<&'a str> {
    let tail = if rest.starts_with('"') {
        let (quoted, tail) = quoted(rest)?;
        match tail.strip_prefix('=') {
            Some(tail) => value(sample, unescape(quoted), tail)?,
            None => {
                sample.name = unescape(quoted);
                tail
            }
        }
    } else {
        let name_end = memchr(b'=', rest.as_bytes())?;
        value(sample, rest[..name_end].into(), &rest[name_end + 1..])?
    };
    Some(tail.strip_prefix(',').unwrap_or(tail))
}

/// Adds the label `name`, whose value `rest` begins with. Answers what is behind it.
fn value<'a>(sample: &mut SampleLine<'a>, name: Cow<'a, str>, rest: &'a str) -> Option<&'a str> {
    let (value, rest) = quoted(rest)?;
    sample.labels.push((name, value));
    Some(rest)
}

/// Splits `rest`, which begins with a quote, into what is quoted, escapes and all, and what follows.
fn quoted(rest: &str) -> Option<(&str, &str)> {
    let text = rest.strip_prefix('"')?;
    let mut at = 0;
    loop {
        at += memchr2(b'"', b'\\', text.as_bytes().get(at..)?)?;
        if text.as_bytes()[at] == b'"' {
            return Some((&text[..at], &text[at + 1..]));
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: &str) -> Vec<String> {
        let lines = sample_lines(text.as_bytes()).map(|sample| {
            let labels = sample.labels.iter().map(|(name, value)| format!("{name}→{value}"));
            format!("{}|{}|{}", sample.name, labels.collect::<Vec<_>>().join("|"), sample.value)
        });
        lines.collect()
    }

    #[test]
    fn lines_differ_in_values_only_if_their_names_and_labels_are_the_same() {
        for (old, new, is_same) in [
            ("a 1\n", "a 22\n", true),
            ("a{b=\"c d\"} 1\na 1\n", "a{b=\"c d\"} NaN\na +Inf\n", true),
            ("", "", true),
            ("a 1\n", "b 1\n", false),
            ("a 1\n", "a 1\na{b=\"\"} 1\n", false),
            ("a 1\na{b=\"\"} 1\n", "a 1\n", false),
            ("a{b=\"c d\"} 1\n", "a{b=\"c e\"} 1\n", false),
            ("a{b=\"c 1\"} 1\n", "a{b=\"c 2\"} 1\n", false),
            ("a{b=\"c\"} 1\n", "a{b=\"c 1\n", false),
            ("a 1\n", "a 1", false),
            ("a 1", "a 1\n", false),
        ] {
            assert_eq!(have_same_lines(old.as_bytes(), new.as_bytes()), is_same, "{old} {new}");
        }
    }

    #[test]
    fn plain_lines_are_split_where_they_are() {
        let text = "a 1\nb{} 2\nc{job=\"x\",le=\"+Inf\"} NaN\n";
        assert_eq!(read_all(text), ["a||1", "b||2", "c|job→x|le→+Inf|NaN"]);
    }

    #[test]
    fn quoted_names_come_back_without_quotes_and_escapes() {
        let text =
            "{\"a.b\"} 1\n{\"a\\\"\\\\\\n}\",job=\"x\",\"l, =\\\"\"=\"v\"} 2\na{\"é\"=\"\"} 3\n";
        assert_eq!(read_all(text), ["a.b||1", "a\"\\\n}|job→x|l, =\"→v|2", "a|é→|3"]);
    }

    #[test]
    fn label_values_keep_their_escapes_whatever_is_in_them() {
        let text = r#"a{b="\"} 7 ,{",c="\\",d="=,#é"} 1"#;
        assert_eq!(read_all(text), [r#"a|b→\"} 7 ,{|c→\\|d→=,#é|1"#]);
    }

    #[test]
    fn what_is_no_sample_is_left_out() {
        for text in ["\n", "# HELP a b\n", "a\n", "a{b=\"c\n", "a{b=\"c\"}\n", "{} 1\n", "a{b} 1\n"]
        {
            assert_eq!(read_all(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_text_with_quoted_names_is_never_taken_for_plain() {
        for text in ["{\"a.b\"} 1\n", "a{\"b.c\"=\"d\"} 1\n", "a{b=\"c\",\"d.e\"=\"f\"} 1\n"] {
            assert!(has_quoted_names(text.as_bytes()), "{text}");
        }
        assert!(!has_quoted_names(b"a{b=\"c\",d=\"\",e=\"{\\\"x\\\"}\"} 1\n"));
    }
}
