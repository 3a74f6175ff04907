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

use super::cursor::{Cursor, LABEL_NAME, is_blank};
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
    /// How many bytes [`Label::write`] may append, with a comma behind them.
    pub(super) fn bytes_max(&self) -> usize {
        /// Quotes and a sign; a name in quotes may have as many escapes as bytes.
        const AROUND: usize = 6;
        self.whole.len().max(2 * self.name.len() + self.value.len() + AROUND)
    }

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
/// metric name that the line is probably about, most often that of the line before. More labels than `labels_max` are
/// an error.
pub(super) fn split<'a>(
    names: Names<'a>,
    line: &'a [u8],
    likely: &'a [u8],
    labels_max: usize,
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
        Some(_) => sample(cursor, likely, labels_max, labels),
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
    labels_max: usize,
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
        read_items(&mut cursor, &mut name, labels_max, labels)?;
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
    labels_max: usize,
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
            if labels.len() >= labels_max {
                return Err(SyntaxErrorKind::TooManyLabels); // Any number of them would be gathered.
            }
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

/// Whether `text` is a timestamp: an integer of 64 bits in decimal.
fn is_integer(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.parse::<i64>().is_ok())
}
