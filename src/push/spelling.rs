//! Spellings of series, and which of their labels count.
//!
//! To Prometheus a label with an empty value is no label: `x{zone=""}` and `x` are one series. The gateway stores and shows such
//! labels as they were pushed. Fingerprints and the identity of a group leave them out, except `instance`: every sample has
//! that label, so an empty `instance` is different from any other.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memchr2, memrchr};

use crate::exposition::{Kind, is_metric_name, write_label_value};

const INSTANCE: &[u8] = b"instance";

/// Whether a label of this name and value is left out.
pub(crate) fn is_left_out(name: &[u8], value: &[u8]) -> bool {
    value.is_empty() && name != INSTANCE
}

/// A canonical spelling, of a series or of the labels in its braces, without labels that are empty.
pub(crate) fn without_empty(spelling: &[u8]) -> Cow<'_, [u8]> {
    if !has_empty(spelling) {
        return Cow::Borrowed(spelling);
    }
    let (opening, labels) = split_opening(spelling);
    let kept: Vec<&[u8]> = kept_items(labels).collect();
    let closing: &[u8] = if spelling.ends_with(b"}") { b"}" } else { b"" };
    Cow::Owned([opening, &kept.join(&b","[..]), closing].concat())
}

/// Splits a canonical spelling into the name before the braces, with the brace, and what follows. Both parts may be empty.
pub(crate) fn split_opening(spelling: &[u8]) -> (&[u8], &[u8]) {
    // A name before the braces is a classic one, and has no brace.
    let brace = memchr(b'{', spelling).filter(|&brace| is_before_braces(&spelling[..brace]));
    spelling.split_at(brace.map_or(0, |brace| brace + 1))
}

fn is_before_braces(name: &[u8]) -> bool {
    name.iter().all(|&byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'))
}

/// The labels in a canonical text that are not left out, and the metric name if it stands among them.
pub(crate) fn kept_items(mut text: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        while let Some([name, value, behind]) = item(text) {
            let whole = &text[..text.len() - behind.len()];
            text = behind.strip_prefix(b",").unwrap_or(behind);
            if !is_left_out(name, value) {
                return Some(whole);
            }
        }
        None
    })
}

/// Appends a canonical spelling, of a series or of a line up to its value, without the labels of these names. Only the value of
/// `instance` goes, since every sample has that label.
pub(crate) fn write_without(out: &mut Vec<u8>, spelling: &[u8], gone: &[Vec<u8>]) {
    let (opening, mut items) = split_opening(spelling);
    out.extend_from_slice(opening);
    let mut separator: &[u8] = b"";
    while let Some([name, value, behind]) = item(items) {
        let whole = &items[..items.len() - behind.len()];
        items = behind.strip_prefix(b",").unwrap_or(behind);
        // A metric name in quotes is no label: nothing stands behind its quotes.
        let goes = whole.len() > name.len() && gone.iter().any(|gone| gone[..] == *name);
        if goes && name != INSTANCE {
            continue;
        }
        out.extend_from_slice(separator);
        let kept = if goes { &whole[..whole.len() - value.len() - 1] } else { whole };
        out.extend_from_slice(kept);
        if goes {
            out.push(b'"');
        }
        separator = b",";
    }
    out.extend_from_slice(items);
}

/// Whether any label of a spelling, or of rendered lines, is left out. Inside of a value a quote is escaped, so `=""` is always an empty one.
pub(crate) fn has_empty(spelling: &[u8]) -> bool {
    memchr_iter(b'=', spelling).any(|at| {
        let is_instance = || {
            let before = spelling[..at].strip_suffix(INSTANCE);
            before.is_some_and(|before| matches!(before.last(), None | Some(b'{' | b',')))
        };
        spelling[at + 1..].starts_with(b"\"\"") && !is_instance()
    })
}

/// The label that `text` begins with: its name, its value, and what is behind it. A metric name in quotes counts as a
/// label whose value is its name.
fn item(text: &[u8]) -> Option<[&[u8]; 3]> {
    let name_end = match text.first()? {
        b'"' => quoted_end(text)?,
        b'}' => return None,
        _ => memchr(b'=', text)?,
    };
    let (name, behind) = text.split_at(name_end);
    let Some(quoted) = behind.strip_prefix(b"=") else { return Some([name, name, behind]) };
    let (value, behind) = quoted.split_at(quoted_end(quoted)?);
    Some([name, &value[1..value.len() - 1], behind])
}

/// Where the text in quotes ends that `text` begins with, quotes included.
fn quoted_end(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// Finds the series in the lines of a family, and tells the spelling of each: every line is one, but of a histogram or
/// summary those that end in a count, which each of its series has once, and last.
pub(crate) fn spellings(name: &str, kind: Kind, text: &[u8], mut tell: impl FnMut(&[u8])) {
    spellings_and_lines(name, kind, text, |spelling, _| tell(spelling));
}

/// The same, with the lines of each series.
pub(crate) fn spellings_and_lines<'t>(
    name: &str,
    kind: Kind,
    text: &'t [u8],
    mut tell: impl FnMut(&[u8], &'t [u8]),
) {
    let is_parted = kind.part_label().is_some();
    let (before, behind) = if is_parted { opening(name) } else { (Vec::new(), &b""[..]) };
    let count = [&before, &b"_count"[..], behind].concat();
    let mut spelling = [&before, behind].concat();
    let (opening_end, mut series_start, mut line_start) = (spelling.len(), 0, 0);
    for line_end in memchr_iter(b'\n', text) {
        // The value has no blanks.
        let line = &text[std::mem::replace(&mut line_start, line_end + 1)..line_end];
        let Some(spelled) = memrchr(b' ', line).map(|blank| &line[..blank]) else { continue };
        if is_parted {
            let Some(labels) = spelled.strip_prefix(&count[..]) else { continue };
            spelling.extend_from_slice(labels);
        }
        let lines = &text[std::mem::replace(&mut series_start, line_start)..line_start];
        tell(if is_parted { &spelling } else { spelled }, lines);
        spelling.truncate(opening_end);
    }
}

/// What stands around the suffix of the name of a sample that has labels.
pub(crate) fn opening(name: &str) -> (Vec<u8>, &'static [u8]) {
    if is_metric_name(name.as_bytes()) {
        return (name.into(), b"{");
    }
    let mut before = b"{\"".to_vec();
    write_label_value(&mut before, name.as_bytes());
    (before, b"\",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_go_from_wherever_they_stand_and_an_instance_is_empty_instead() {
        let gone: Vec<Vec<u8>> = ["a", "instance", "\"c d\""].map(Into::into).into();
        for (spelling, expected) in [
            (r#"x{a="1",instance="i",job="j"} "#, r#"x{instance="",job="j"} "#),
            (r#"x{"c d"="a=\"}",b="",job="j"}"#, r#"x{b="",job="j"}"#),
            (r#"{"a","c d"="",job="j,a"} "#, r#"{"a",job="j,a"} "#),
            (r#"{"a{\"b",a="\\",job="j"}"#, r#"{"a{\"b",job="j"}"#),
            (r#"x_bucket{a="1",job="j",le="+Inf"} "#, r#"x_bucket{job="j",le="+Inf"} "#),
        ] {
            let mut out = Vec::new();
            write_without(&mut out, spelling.as_bytes(), &gone);
            assert_eq!(String::from_utf8_lossy(&out), expected, "{spelling}");
        }
    }

    fn spelled(spelling: &str) -> String {
        String::from_utf8_lossy(&without_empty(spelling.as_bytes())).into_owned()
    }

    #[test]
    fn empty_labels_are_left_out_wherever_they_stand_and_however_they_are_spelled() {
        for (spelling, expected) in [
            (r#"x{instance="",job="j"}"#, r#"x{instance="",job="j"}"#),
            (r#"x{a="",instance="",job="j"}"#, r#"x{instance="",job="j"}"#),
            (r#"x{a="1",b="",instance="i",job="j",z=""}"#, r#"x{a="1",instance="i",job="j"}"#),
            (
                r#"x{a="",b="",c="\"\"=",instance="",job="j"}"#,
                r#"x{c="\"\"=",instance="",job="j"}"#,
            ),
            (r#"x{my_instance="",instance="",job="j"}"#, r#"x{instance="",job="j"}"#),
            (
                r#"{"a{=\"\",b","c d"="",instance="",job="j"}"#,
                r#"{"a{=\"\",b",instance="",job="j"}"#,
            ),
            (r#"x{"a,b=\"\\"="","instance=\""="1",job="{"}"#, r#"x{"instance=\""="1",job="{"}"#),
            (r#"a="",instance="",job="j{",z="""#, r#"instance="",job="j{""#),
            (r#""a{b"="",instance="",job="j""#, r#"instance="",job="j""#),
        ] {
            assert_eq!(spelled(spelling), expected, "{spelling}");
            assert_eq!(spelled(expected), expected);
        }
    }
}
