//! One line of OpenMetrics: that of the text format, perhaps with an exemplar.
//!
//! ```text
//! sample   = [ name ] [ "{" items "}" ] value [ timestamp ] [ "#" exemplar ]
//! exemplar = "{" labels "}" value [ timestamp ]
//! ```
//!
//! Timestamps are numbers of seconds.

use crate::push::error::SyntaxErrorKind;
use crate::push::samples::labels::{Label, Labels};
use crate::push::samples::number::Number;
use crate::push::text::cursor::Cursor;
use crate::push::text::line::{self as text, Grammar};

/// What a line says.
pub(super) enum Line<'a> {
    /// Nothing that is stored: it is empty, a unit, or another comment.
    Nothing,
    /// This is the end.
    Eof,
    Help {
        name: &'a [u8],
        text: &'a [u8],
    },
    Type {
        name: &'a [u8],
        kind: &'a [u8],
    },
    /// A sample; its labels are handed over apart.
    Sample(Sample<'a>),
}

/// A sample without its labels.
pub(super) struct Sample<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: Number<'a>,
    pub(super) has_timestamp: bool,
    pub(super) exemplar: Option<Exemplar<'a>>,
}

/// An observation that stands for others.
#[derive(Debug, Clone)]
pub(super) struct Exemplar<'a> {
    pub(super) labels: Vec<Label<'a>>,
    pub(super) value: f64,
    /// In seconds.
    pub(super) timestamp: Option<f64>,
}

/// Reads a line. The labels of a sample are left in `labels`; `of_exemplar` is room for those of its exemplar.
pub(super) fn read<'a>(
    grammar: Grammar<'a>,
    line: &'a [u8],
    labels: &mut Labels<'a>,
    of_exemplar: &mut Labels<'a>,
) -> Result<Line<'a>, SyntaxErrorKind> {
    let mut cursor = grammar.cursor(line);
    cursor.skip_blanks();
    if cursor.rest.trim_ascii_end() == b"# EOF" {
        return Ok(Line::Eof);
    }
    if !matches!(cursor.peek(), None | Some(b'#')) {
        return sample(grammar, &mut cursor, labels, of_exemplar).map(Line::Sample);
    }
    Ok(match grammar.split_at(&mut cursor, b"", labels)? {
        text::Line::Help { name, text } => Line::Help { name, text },
        text::Line::Type { name, kind } => Line::Type { name, kind },
        _ => Line::Nothing,
    })
}

fn sample<'a>(
    grammar: Grammar<'a>,
    cursor: &mut Cursor<'a>,
    labels: &mut Labels<'a>,
    of_exemplar: &mut Labels<'a>,
) -> Result<Sample<'a>, SyntaxErrorKind> {
    let name = grammar.name_and_labels(cursor, b"", labels)?;
    let value = number(cursor).ok_or(SyntaxErrorKind::Value)?;
    let mut has_timestamp = false;
    if !matches!(cursor.peek(), None | Some(b'#')) {
        number(cursor).ok_or(SyntaxErrorKind::Timestamp)?;
        has_timestamp = true;
    }
    let mut exemplar = None;
    if cursor.expect(b'#').is_some() {
        exemplar = Some(read_exemplar(grammar, cursor, of_exemplar)?);
    }
    if !cursor.rest.is_empty() {
        return Err(SyntaxErrorKind::AfterTimestamp);
    }
    Ok(Sample { name, value, has_timestamp, exemplar })
}

fn read_exemplar<'a>(
    grammar: Grammar<'a>,
    cursor: &mut Cursor<'a>,
    labels: &mut Labels<'a>,
) -> Result<Exemplar<'a>, SyntaxErrorKind> {
    cursor.skip_blanks();
    if cursor.peek() != Some(b'{') {
        return Err(SyntaxErrorKind::Exemplar);
    }
    labels.begin();
    grammar.braced(cursor, &mut Some(b""), labels)?; // It needs no name.
    cursor.skip_blanks();
    let value = number(cursor).ok_or(SyntaxErrorKind::Exemplar)?.value();
    let timestamp = match cursor.peek() {
        None => None,
        Some(_) => Some(number(cursor).ok_or(SyntaxErrorKind::Exemplar)?.value()),
    };
    Ok(Exemplar { labels: labels.list.clone(), value, timestamp })
}

/// Takes a number and the blanks behind it.
fn number<'a>(cursor: &mut Cursor<'a>) -> Option<Number<'a>> {
    let number = Number::parse(cursor.until_blank())?;
    cursor.skip_blanks();
    Some(number)
}
