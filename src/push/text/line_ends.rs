//! Bodies that have lost their line ends on the way, as `curl -d @file` and shells lose them.
//!
//! Such a body is one long line. If it begins with a comment, the whole body is that comment, and a PUT of it would empty
//! the group. Two rules detect this. They cost a body with line ends nothing.
//!
//! - The last line may lack its line end only where it is a sample, or `# EOF` ([`may_end_open`]).
//! - In a body without any sample, no comment may hold what reads as further lines ([`joined_line`]).

use memchr::{memchr2, memmem};

use crate::push::samples::number::Number;
use crate::push::text::cursor::{CLASS, METRIC_NAME};

/// How a body in a later format ends. A whole one has arrived in full.
const EOF: &[u8] = b"# EOF";

/// Whether a body may end in `line` without a line end.
pub(crate) fn may_end_open(line: &[u8]) -> bool {
    !line.trim_ascii_start().starts_with(b"#") || line.trim_ascii() == EOF
}

/// The first line, counted from 1, of a body without samples that is several lines made into one.
pub(crate) fn joined_line(body: &[u8]) -> Option<u32> {
    let lines = body.split(|&byte| byte == b'\n');
    let at = lines.map(|line| without_mark(line).trim_ascii()).position(is_joined)?;
    Some(at as u32 + 1)
}

/// A line without the byte order mark that it may begin with.
#[inline]
pub(crate) fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
}

/// Whether a comment holds what stood on lines of its own: a `TYPE` or `HELP`, or behind the two characters `\n`, or a
/// carriage return, what reads as a comment or sample.
pub(crate) fn is_joined(line: &[u8]) -> bool {
    let Some(comment) = line.strip_prefix(b"#") else { return false };
    let has_header = |header: &[u8]| memmem::find(comment, header).is_some();
    if has_header(b"# TYPE ") || has_header(b"# HELP ") {
        return true;
    }
    let mut rest = comment;
    while let Some((_, behind)) = split_at_line_end(rest) {
        let piece = split_at_line_end(behind).map_or(behind, |(piece, _)| piece);
        if reads_as_line(piece.trim_ascii()) {
            return true;
        }
        rest = behind;
    }
    false
}

/// What stands on both sides of the first line end that is none to the format.
fn split_at_line_end(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut at = 0;
    loop {
        at += memchr2(b'\\', b'\r', &text[at..])?;
        match (text[at], text.get(at + 1)) {
            (b'\r', _) => return Some((&text[..at], &text[at + 1..])),
            (_, Some(b'n')) => return Some((&text[..at], &text[at + 2..])),
            (_, Some(b'\\')) => at += 2, // An escaped backslash ends no line, whatever follows it.
            _ => at += 1,
        }
    }
}

/// Whether `text` is a comment, or ends in a number behind something that begins like a metric name.
fn reads_as_line(text: &[u8]) -> bool {
    let text = text.strip_suffix(br"\r").unwrap_or(text).trim_ascii_end();
    let begins_sample =
        |first: u8| !first.is_ascii_digit() && CLASS[first as usize] & METRIC_NAME != 0;
    match text.first() {
        Some(b'#') => true,
        Some(&first) if begins_sample(first) => {
            let blank = text.iter().rposition(|&byte| byte == b' ');
            blank.is_some_and(|at| Number::parse(&text[at + 1..]).is_some())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_may_end_without_a_line_end_only_in_a_sample_or_eof() {
        for open in ["m 1", "m{a=\"#\"} 1", "# EOF", " # EOF\t", "", " "] {
            assert!(may_end_open(open.as_bytes()), "{open}");
        }
        for cut in
            ["#", "# TYPE m gauge", "\t# HELP m text", "# TYPE m gaugem 1# EOF", "# EO", "#EOF"]
        {
            assert!(!may_end_open(cut.as_bytes()), "{cut}");
        }
    }

    #[test]
    fn comments_that_hold_further_lines_are_told_from_those_that_do_not() {
        let joined = [
            "# HELP m text # TYPE m gauge m 1",
            "# note\\nm 1",
            "# note\\r\\nm{a=\"b\"} 1.5e3\\r\\n",
            "# HELP m text\\n# x\\n",
            "# note\rm 1\r",
            "# HELP m one\\ntwo three\\nm NaN",
            "# note \\r\\nm 1 \\r\\n",
        ];
        for line in joined {
            assert_eq!(joined_line(line.as_bytes()), Some(1), "{line}");
            assert_eq!(joined_line(format!("# x\n {line}\r\n").as_bytes()), Some(2), "{line}");
        }
        let whole = [
            "",
            "# note\n# TYPE m gauge\n",
            "# HELP m one\\ntwo words\n",
            "# HELP m C:\\\\new 5\n",
            "# HELP m \\n5\n",
            "# HELP m text\r\n# TYPE m gauge\r\n",
        ];
        for body in whole {
            assert_eq!(joined_line(body.as_bytes()), None, "{body}");
        }
    }
}
