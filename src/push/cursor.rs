//! A line of the text format, read piece by piece: blanks, names, what stands in quotes.
//!
//! Knows which bytes belong to what, and not what may stand where: that is [`super::line`]'s.

use memchr::memchr2;

use super::error::SyntaxErrorKind;
use super::names::Names;

/// A name as it is meant. Without quotes it is a legacy name; in quotes it may be anything.
#[derive(Clone, Copy)]
pub(super) struct Name<'a> {
    text: &'a [u8],
    is_quoted: bool,
}

impl<'a> Name<'a> {
    /// The name, if a metric may have it.
    pub(super) fn of_metric(self, names: Names<'_>) -> Option<&'a [u8]> {
        (!self.is_quoted || names.rules().allow_metric_name(self.text)).then_some(self.text)
    }

    /// The name, if a label may have it.
    pub(super) fn of_label(self, names: Names<'_>) -> Option<&'a [u8]> {
        (!self.is_quoted || names.rules().allow_label_name(self.text)).then_some(self.text)
    }
}

/// Reads a line from left to right.
///
/// **Invariant:** `rest` is always the unread end of the line.
pub(super) struct Cursor<'a> {
    pub(super) rest: &'a [u8],
    pub(super) names: Names<'a>,
}

impl<'a> Cursor<'a> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    pub(super) fn expect(&mut self, byte: u8) -> Option<()> {
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
    pub(super) fn metric_name(
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
    pub(super) fn name(
        &mut self,
        classes: u8,
        error: SyntaxErrorKind,
    ) -> Result<Name<'a>, SyntaxErrorKind> {
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

    pub(super) fn skip_blanks(&mut self) {
        while self.peek().is_some_and(is_blank) {
            self.advance(1);
        }
    }

    pub(super) fn until_blank(&mut self) -> &'a [u8] {
        self.take_while(!BLANK)
    }

    /// Reads a label value or name up to and including its closing quote, and checks its escapes.
    pub(super) fn quoted(&mut self) -> Result<&'a [u8], SyntaxErrorKind> {
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

pub(super) fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Of a legacy label name; digits too, which a name does not begin with.
pub(super) const LABEL_NAME: u8 = 1;
/// Of a legacy metric name, likewise.
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
