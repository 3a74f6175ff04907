//! One line of the text format, split into its parts without copying any.
//!
//! ```text
//! line    = blanks [ comment | sample ]
//! comment = "#" blanks ( "HELP" | "TYPE" ) blanks name blanks rest    (any other is skipped)
//! sample  = name blanks [ "{" labels "}" ] blanks value [ blanks timestamp ]
//! labels  = [ label { "," label } [ "," ] ]
//! label   = blanks name blanks "=" blanks '"' value '"' blanks
//! ```
//!
//! Everything stays as it was written: label values keep their escapes, which are checked here and
//! are the very ones that the output needs.

use memchr::memchr2;
use smallvec::SmallVec;

use super::error::SyntaxErrorKind;

/// A label as written: `value` still has its escapes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Label<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
}

/// The labels of one sample, sorted by name, each name once.
pub(super) type Labels<'a> = SmallVec<[Label<'a>; 8]>;

/// What a line says.
#[derive(Debug)]
pub(super) enum Line<'a> {
    /// Nothing: it is empty, or a comment for humans.
    Nothing,
    /// A help text, its escapes unchecked.
    Help { name: &'a [u8], text: &'a [u8] },
    /// A type.
    Type { name: &'a [u8], kind: &'a [u8] },
    /// A `HELP` or `TYPE` with a name and nothing behind it.
    Mention { name: &'a [u8] },
    /// A sample; its labels are handed over apart.
    Sample { name: &'a [u8], value: &'a [u8], has_timestamp: bool },
}

/// Splits `line`, which holds no line feed. A sample's labels are left in `labels`.
pub(super) fn split<'a>(
    line: &'a [u8],
    labels: &mut Labels<'a>,
) -> Result<Line<'a>, SyntaxErrorKind> {
    let mut cursor = Cursor { rest: line };
    cursor.skip_blanks();
    match cursor.peek() {
        None => Ok(Line::Nothing),
        Some(b'#') => {
            cursor.advance(1);
            comment(cursor)
        }
        Some(_) => sample(cursor, labels),
    }
}

fn comment(mut cursor: Cursor<'_>) -> Result<Line<'_>, SyntaxErrorKind> {
    cursor.skip_blanks();
    let keyword = cursor.until_blank();
    if cursor.rest.is_empty() || (keyword != b"HELP" && keyword != b"TYPE") {
        return Ok(Line::Nothing);
    }
    cursor.skip_blanks();
    let name = cursor.take_while(is_metric_name_byte);
    match cursor.peek() {
        None => return Ok(Line::Nothing),
        Some(byte) if name.is_empty() || name[0].is_ascii_digit() || !is_blank(byte) => {
            return Err(SyntaxErrorKind::CommentName);
        }
        Some(_) => cursor.skip_blanks(),
    }
    let rest = cursor.rest;
    Ok(match keyword {
        _ if rest.is_empty() => Line::Mention { name },
        b"HELP" => Line::Help { name, text: rest },
        _ => Line::Type { name, kind: rest },
    })
}

fn sample<'a>(
    mut cursor: Cursor<'a>,
    labels: &mut Labels<'a>,
) -> Result<Line<'a>, SyntaxErrorKind> {
    labels.clear();
    let name = cursor.take_while(is_metric_name_byte);
    if name.first().is_none_or(u8::is_ascii_digit) {
        return Err(SyntaxErrorKind::MetricName);
    }
    cursor.skip_blanks();
    if cursor.peek() == Some(b'{') {
        cursor.advance(1);
        read_labels(&mut cursor, labels)?;
        cursor.skip_blanks();
    }
    let value = cursor.until_blank();
    if cursor.rest.is_empty() {
        return Ok(Line::Sample { name, value, has_timestamp: false });
    }
    cursor.skip_blanks();
    if !is_integer(cursor.until_blank()) {
        return Err(SyntaxErrorKind::Timestamp);
    }
    if !cursor.rest.is_empty() {
        return Err(SyntaxErrorKind::AfterTimestamp);
    }
    Ok(Line::Sample { name, value, has_timestamp: true })
}

fn read_labels<'a>(
    cursor: &mut Cursor<'a>,
    labels: &mut Labels<'a>,
) -> Result<(), SyntaxErrorKind> {
    loop {
        cursor.skip_blanks();
        if cursor.peek() == Some(b'}') {
            break;
        }
        let name = cursor.take_while(is_label_name_byte);
        if name.first().is_none_or(u8::is_ascii_digit) {
            return Err(SyntaxErrorKind::LabelName);
        }
        if name == b"__name__" {
            return Err(SyntaxErrorKind::ReservedLabelName);
        }
        cursor.skip_blanks();
        cursor.expect(b'=').ok_or(SyntaxErrorKind::LabelEquals)?;
        cursor.skip_blanks();
        cursor.expect(b'"').ok_or(SyntaxErrorKind::LabelQuote)?;
        let value = cursor.quoted()?;
        labels.push(Label { name, value });
        cursor.skip_blanks();
        match cursor.peek() {
            Some(b',') => cursor.advance(1),
            Some(b'}') => break,
            _ => return Err(SyntaxErrorKind::LabelEnd),
        }
    }
    cursor.advance(1);
    if labels.len() > 1 {
        labels.sort_unstable_by_key(|label| label.name);
        if labels.windows(2).any(|pair| pair[0].name == pair[1].name) {
            return Err(SyntaxErrorKind::DuplicateLabelName);
        }
    }
    Ok(())
}

/// Reads a line from left to right.
///
/// **Invariant:** `rest` is always the unread end of the line.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn advance(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.rest = self.rest.strip_prefix(&[byte])?;
        Some(())
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|&byte| !wanted(byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn skip_blanks(&mut self) {
        self.take_while(is_blank);
    }

    fn until_blank(&mut self) -> &'a [u8] {
        self.take_while(|byte| !is_blank(byte))
    }

    /// Reads a label value up to and including its closing quote, and checks its escapes.
    fn quoted(&mut self) -> Result<&'a [u8], SyntaxErrorKind> {
        let mut at = 0;
        loop {
            let found = memchr2(b'"', b'\\', &self.rest[at..]);
            at += found.ok_or(SyntaxErrorKind::LabelUnclosed)?;
            if self.rest[at] == b'"' {
                let value = &self.rest[..at];
                self.advance(at + 1);
                return Ok(value);
            }
            match self.rest.get(at + 1) {
                Some(b'\\' | b'"' | b'n') => at += 2,
                Some(_) => return Err(SyntaxErrorKind::LabelEscape),
                None => return Err(SyntaxErrorKind::LabelUnclosed),
            }
        }
    }
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn is_label_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_metric_name_byte(byte: u8) -> bool {
    is_label_name_byte(byte) || byte == b':'
}

/// Whether `text` is a timestamp: an integer of 64 bits in decimal.
fn is_integer(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.parse::<i64>().is_ok())
}
