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

use super::error::SyntaxErrorKind;
use super::number::Number;

/// A label as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label<'a> {
    pub(super) name: &'a [u8],
    /// Between the quotes, with its escapes.
    pub(super) value: &'a [u8],
    /// All of it, from the name to the closing quote, blanks included.
    pub(super) whole: &'a [u8],
}

impl Label<'_> {
    /// Appends the label as the output spells it.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        if self.whole.len() == self.name.len() + self.value.len() + br#"="""#.len() {
            return out.extend_from_slice(self.whole); // There are no blanks in it.
        }
        for piece in [self.name, b"=\"", self.value, b"\""] {
            out.extend_from_slice(piece);
        }
    }
}

/// The labels of one sample, sorted by name, each name once.
pub(super) type Labels<'a> = Vec<Label<'a>>;

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
    Sample { name: &'a [u8], value: Number<'a>, has_timestamp: bool },
}

/// Splits `line`, which holds no line feed. A sample's labels are left in `labels`. `likely` is the
/// metric name that the line is probably about, most often that of the line before.
pub(super) fn split<'a>(
    line: &'a [u8],
    likely: &'a [u8],
    labels: &mut Labels<'a>,
) -> Result<Line<'a>, SyntaxErrorKind> {
    let mut cursor = Cursor { rest: line };
    cursor.skip_blanks();
    match cursor.peek() {
        None => Ok(Line::Nothing),
        Some(b'#') => {
            cursor.advance(1);
            comment(cursor, likely)
        }
        Some(_) => sample(cursor, likely, labels),
    }
}

fn comment<'a>(mut cursor: Cursor<'a>, likely: &'a [u8]) -> Result<Line<'a>, SyntaxErrorKind> {
    cursor.skip_blanks();
    let keyword = cursor.until_blank();
    if cursor.rest.is_empty() || (keyword != b"HELP" && keyword != b"TYPE") {
        return Ok(Line::Nothing);
    }
    cursor.skip_blanks();
    if cursor.rest.is_empty() {
        return Ok(Line::Nothing);
    }
    let name = cursor.metric_name(likely);
    if name.first().is_none_or(u8::is_ascii_digit) {
        return Err(SyntaxErrorKind::CommentName);
    }
    match cursor.peek() {
        None => return Ok(Line::Nothing),
        Some(byte) if is_blank(byte) => cursor.skip_blanks(),
        Some(_) => return Err(SyntaxErrorKind::CommentName),
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
    likely: &'a [u8],
    labels: &mut Labels<'a>,
) -> Result<Line<'a>, SyntaxErrorKind> {
    labels.clear();
    let name = cursor.metric_name(likely);
    if name.first().is_none_or(u8::is_ascii_digit) {
        return Err(SyntaxErrorKind::MetricName);
    }
    cursor.skip_blanks();
    if cursor.peek() == Some(b'{') {
        cursor.advance(1);
        read_labels(&mut cursor, labels)?;
        cursor.skip_blanks();
    }
    let value = Number::parse(cursor.until_blank()).ok_or(SyntaxErrorKind::Value)?;
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
        let start = cursor.rest;
        let name = cursor.take_while(LABEL_NAME);
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
        let whole = &start[..start.len() - cursor.rest.len()];
        labels.push(Label { name, value, whole });
        cursor.skip_blanks();
        match cursor.peek() {
            Some(b',') => cursor.advance(1),
            Some(b'}') => break,
            _ => return Err(SyntaxErrorKind::LabelEnd),
        }
    }
    cursor.advance(1);
    sort(labels)
}

/// Sorts the labels of a sample by name, unless one is there twice.
fn sort(labels: &mut Labels<'_>) -> Result<(), SyntaxErrorKind> {
    if !labels.is_sorted_by(|one, next| one.name < next.name) {
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

    fn take(&mut self, bytes: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        taken
    }

    /// Takes the bytes that are in any of `classes`.
    fn take_while(&mut self, classes: u8) -> &'a [u8] {
        let is_outside = |&byte: &u8| CLASS[byte as usize] & classes == 0;
        self.take(self.rest.iter().position(is_outside).unwrap_or(self.rest.len()))
    }

    /// Takes a metric name. One that is `likely` comes back as that very slice.
    fn metric_name(&mut self, likely: &'a [u8]) -> &'a [u8] {
        // Comparing is many times cheaper than looking at each byte.
        let is_likely = !likely.is_empty()
            && self.rest.starts_with(likely)
            && self
                .rest
                .get(likely.len())
                .is_none_or(|&byte| CLASS[byte as usize] & METRIC_NAME == 0);
        if is_likely {
            self.advance(likely.len());
            return likely;
        }
        self.take_while(METRIC_NAME)
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(is_blank) {
            self.advance(1);
        }
    }

    fn until_blank(&mut self) -> &'a [u8] {
        self.take_while(!BLANK)
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

pub(super) const LABEL_NAME: u8 = 1;
pub(super) const METRIC_NAME: u8 = 2;
const BLANK: u8 = 4;
const OTHER: u8 = 8;

/// The classes of each byte.
pub(super) const CLASS: [u8; 256] = {
    let mut table = [OTHER; 256];
    let mut byte = 0;
    while byte < table.len() {
        let char = byte as u8;
        if char.is_ascii_alphanumeric() || char == b'_' {
            table[byte] = LABEL_NAME | METRIC_NAME;
        } else if char == b':' {
            table[byte] = METRIC_NAME;
        } else if char == b' ' || char == b'\t' {
            table[byte] = BLANK;
        }
        byte += 1;
    }
    table
};

/// Whether `text` is a timestamp: an integer of 64 bits in decimal.
fn is_integer(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.parse::<i64>().is_ok())
}
