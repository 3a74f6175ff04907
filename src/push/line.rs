//! One line of the text format, split into its parts without copying any.
//!
//! ```text
//! line    = blanks [ comment | sample ]
//! comment = "#" blanks ( "HELP" | "TYPE" ) blanks name blanks rest    (any other is skipped)
//! sample  = [ name blanks ] [ "{" items "}" ] blanks value [ blanks timestamp ]
//! items   = [ item { "," item } [ "," ] ]
//! item    = blanks ( label | name ) blanks
//! label   = name blanks "=" blanks '"' value '"'
//! name    = legacy-name | '"' any-name '"'
//! ```
//!
//! A sample has one metric name, before the braces or anywhere inside them.
//!
//! Values stay as they were written: they keep their escapes, which are checked here and are the very
//! ones that the output needs. Names come out as they are meant, without quotes and escapes, so that
//! however one is spelled it is the same.

use memchr::memchr2;

use super::error::SyntaxErrorKind;
use super::names::Names;
use super::number::Number;
use crate::exposition::write_label_name;

/// A label as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label<'a> {
    /// As it is meant.
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
            return out.extend_from_slice(self.whole); // There are no blanks in it, and no more quotes.
        }
        write_label_name(out, self.name);
        for piece in [b"=\"", self.value, b"\""] {
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
pub(super) fn split_by<'a>(
    names: Names<'a>,
    line: &'a [u8],
    likely: &'a [u8],
    labels: &mut Labels<'a>,
) -> Result<Line<'a>, SyntaxErrorKind> {
    let mut cursor = Cursor { rest: line, names };
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

/// Splits a line that has legacy names only.
pub(super) fn split<'a>(
    line: &'a [u8],
    likely: &'a [u8],
    labels: &mut Labels<'a>,
) -> Result<Line<'a>, SyntaxErrorKind> {
    split_by(Names::Legacy, line, likely, labels)
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
    let name = cursor.metric_name(likely, SyntaxErrorKind::CommentName)?;
    match cursor.peek() {
        None => return Ok(Line::Nothing),
        Some(byte) if is_blank(byte) => cursor.skip_blanks(),
        Some(_) => return Err(SyntaxErrorKind::CommentName),
    }
    let name = name.of_metric(cursor.names).ok_or(SyntaxErrorKind::CommentName)?;
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
    let mut name = None;
    if cursor.peek() != Some(b'{') {
        let written = cursor.metric_name(likely, SyntaxErrorKind::MetricName)?;
        name = Some(written.of_metric(cursor.names).ok_or(SyntaxErrorKind::MetricName)?);
        cursor.skip_blanks();
    }
    if cursor.peek() == Some(b'{') {
        cursor.advance(1);
        read_items(&mut cursor, &mut name, labels)?;
        cursor.skip_blanks();
    }
    let name = name.ok_or(SyntaxErrorKind::MetricName)?;
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

/// Reads up to the closing brace: labels, and the metric name if there was none before the braces.
fn read_items<'a>(
    cursor: &mut Cursor<'a>,
    metric: &mut Option<&'a [u8]>,
    labels: &mut Labels<'a>,
) -> Result<(), SyntaxErrorKind> {
    loop {
        cursor.skip_blanks();
        if cursor.peek() == Some(b'}') {
            break;
        }
        let start = cursor.rest;
        let name = cursor.name(LABEL_NAME, SyntaxErrorKind::LabelName)?;
        cursor.skip_blanks();
        if cursor.expect(b'=').is_some() {
            let name = name.of_label(cursor.names).ok_or(SyntaxErrorKind::LabelName)?;
            if name == b"__name__" {
                return Err(SyntaxErrorKind::ReservedLabelName);
            }
            cursor.skip_blanks();
            cursor.expect(b'"').ok_or(SyntaxErrorKind::LabelQuote)?;
            let value = cursor.quoted()?;
            let whole = &start[..start.len() - cursor.rest.len()];
            labels.push(Label { name, value, whole });
            cursor.skip_blanks();
        } else if metric.is_none() {
            *metric = Some(name.of_metric(cursor.names).ok_or(SyntaxErrorKind::MetricName)?);
        } else {
            return Err(SyntaxErrorKind::LabelEquals);
        }
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

/// A name as it is meant. Without quotes it is a legacy name; in quotes it may be anything.
#[derive(Clone, Copy)]
struct Name<'a> {
    text: &'a [u8],
    is_quoted: bool,
}

impl<'a> Name<'a> {
    /// The name, if a metric may have it.
    fn of_metric(self, names: Names<'_>) -> Option<&'a [u8]> {
        (!self.is_quoted || names.rules().allow_metric_name(self.text)).then_some(self.text)
    }

    /// The name, if a label may have it.
    fn of_label(self, names: Names<'_>) -> Option<&'a [u8]> {
        (!self.is_quoted || names.rules().allow_label_name(self.text)).then_some(self.text)
    }
}

/// Reads a line from left to right.
///
/// **Invariant:** `rest` is always the unread end of the line.
struct Cursor<'a> {
    rest: &'a [u8],
    names: Names<'a>,
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

    /// Takes a metric name, as [`Cursor::name`] does. One that is `likely` comes back as that very
    /// slice.
    fn metric_name(
        &mut self,
        likely: &'a [u8],
        error: SyntaxErrorKind,
    ) -> Result<Name<'a>, SyntaxErrorKind> {
        // Comparing is many times cheaper than looking at each byte.
        let is_likely = !likely.is_empty()
            && self.rest.starts_with(likely)
            && self
                .rest
                .get(likely.len())
                .is_none_or(|&byte| CLASS[byte as usize] & METRIC_NAME == 0);
        if is_likely {
            self.advance(likely.len());
            return Ok(Name { text: likely, is_quoted: false });
        }
        self.name(METRIC_NAME, error)
    }

    /// Takes a name: in quotes, or a legacy name of the bytes in `classes`. `error` says that there is
    /// none.
    fn name(&mut self, classes: u8, error: SyntaxErrorKind) -> Result<Name<'a>, SyntaxErrorKind> {
        if self.expect(b'"').is_some() {
            let quoted = self.quoted()?;
            return Ok(Name { text: self.names.unescaped(quoted), is_quoted: true });
        }
        let text = self.take_while(classes);
        match text.first() {
            Some(first) if !first.is_ascii_digit() => Ok(Name { text, is_quoted: false }),
            _ => Err(error),
        }
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(is_blank) {
            self.advance(1);
        }
    }

    fn until_blank(&mut self) -> &'a [u8] {
        self.take_while(!BLANK)
    }

    /// Reads a label value or name up to and including its closing quote, and checks its escapes.
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
