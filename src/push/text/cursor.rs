//! A line of the text format, read piece by piece: blanks, names, what stands in quotes.
//!
//! Knows which bytes belong to what, and not what may stand where: that is [`crate::push::text::line`]'s.

use memchr::memchr2;

use crate::push::error::SyntaxErrorKind;
use crate::push::samples::names::Names;

/// A name as it is meant. Without quotes it is a legacy name; in quotes it may be anything.
#[derive(Clone, Copy)]
pub(crate) struct Name<'a> {
    text: &'a [u8],
    is_quoted: bool,
}

impl<'a> Name<'a> {
    /// The name, if a metric may have it.
    pub(crate) fn of_metric(self, names: Names<'_>) -> Option<&'a [u8]> {
        (!self.is_quoted || names.rules().allow_metric_name(self.text)).then_some(self.text)
    }

    /// The name, if a label may have it.
    pub(crate) fn of_label(self, names: Names<'_>) -> Option<&'a [u8]> {
        (!self.is_quoted || names.rules().allow_label_name(self.text)).then_some(self.text)
    }
}

/// Reads a line from left to right.
///
/// **Invariant:** `rest` is always the unread end of the line.
pub(crate) struct Cursor<'a> {
    pub(crate) rest: &'a [u8],
    pub(crate) names: Names<'a>,
}

impl<'a> Cursor<'a> {
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(crate) fn advance(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    pub(crate) fn expect(&mut self, byte: u8) -> Option<()> {
        self.rest = self.rest.strip_prefix(&[byte])?;
        Some(())
    }

    fn take(&mut self, bytes: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        taken
    }

    /// Takes the bytes that are in `class`.
    fn take_while(&mut self, class: u8) -> &'a [u8] {
        self.take(len_of(class, self.rest))
    }

    /// Takes a metric name, as [`Cursor::name`] does. One that is `likely` comes back as that very
    /// slice.
    pub(crate) fn metric_name(
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

    /// Takes a name: in quotes, or a legacy name of the bytes in `class`. `error` says that there is
    /// none.
    pub(crate) fn name(
        &mut self,
        class: u8,
        error: SyntaxErrorKind,
    ) -> Result<Name<'a>, SyntaxErrorKind> {
        if self.expect(b'"').is_some() {
            let quoted = self.quoted()?;
            return Ok(Name { text: self.names.unescaped(quoted), is_quoted: true });
        }
        let text = self.take_while(class);
        match text.first() {
            Some(first) if !first.is_ascii_digit() => Ok(Name { text, is_quoted: false }),
            _ => Err(error),
        }
    }

    pub(crate) fn skip_blanks(&mut self) {
        while self.peek().is_some_and(is_blank) {
            self.advance(1);
        }
    }

    pub(crate) fn until_blank(&mut self) -> &'a [u8] {
        let end = self.rest.iter().position(|&byte| is_blank(byte));
        self.take(end.unwrap_or(self.rest.len()))
    }

    /// Reads a label value or name up to and including its closing quote, and checks its escapes.
    pub(crate) fn quoted(&mut self) -> Result<&'a [u8], SyntaxErrorKind> {
        let mut at = 0;
        loop {
            let found = quote_or_backslash(&self.rest[at..]);
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

pub(crate) fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Where the first quote or backslash stands. Most values are short: a few words of eight bytes are looked at before a
/// search is set up.
fn quote_or_backslash(text: &[u8]) -> Option<usize> {
    const WORDS: usize = 4;
    let (words, _) = text.as_chunks();
    for (at, word) in words.iter().take(WORDS).enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = bytes_equal(word, b'"') | bytes_equal(word, b'\\');
        if found != 0 {
            return Some(at * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let looked_at = words.len().min(WORDS) * 8;
    memchr2(b'"', b'\\', &text[looked_at..]).map(|at| looked_at + at)
}

/// The highest bit of the first byte of `word` that is `byte`, perhaps with other bits above it; 0 where there is none.
fn bytes_equal(word: u64, byte: u8) -> u64 {
    const LOW_BITS: u64 = u64::from_le_bytes([0x01; 8]);
    const HIGH_BITS: u64 = u64::from_le_bytes([0x80; 8]);
    let zero_where_equal = word ^ (LOW_BITS * byte as u64);
    zero_where_equal.wrapping_sub(LOW_BITS) & !zero_where_equal & HIGH_BITS
}

/// How many bytes at the front are in `class`.
fn len_of(class: u8, text: &[u8]) -> usize {
    let (words, _) = text.as_chunks::<8>();
    let all_are =
        |word: &&[u8; 8]| word.iter().fold(class, |all, &byte| all & CLASS[byte as usize]) != 0;
    let at = words.iter().take_while(all_are).count() * 8;
    let end = text[at..].iter().position(|&byte| CLASS[byte as usize] & class == 0);
    end.map_or(text.len(), |end| at + end)
}

/// Of a legacy label name; digits too, which a name does not begin with.
pub(crate) const LABEL_NAME: u8 = 1;
/// Of a legacy metric name, likewise.
pub(crate) const METRIC_NAME: u8 = 2;

/// The classes of each byte.
pub(crate) const CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        let char = byte as u8;
        if char.is_ascii_alphanumeric() || char == b'_' {
            table[byte] = LABEL_NAME | METRIC_NAME;
        } else if char == b':' {
            table[byte] = METRIC_NAME;
        }
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn quotes_and_backslashes_are_found_wherever_they_stand(text in "[a!\"#\\\\\\[]{0,4}[a-z!#\\[é]{0,70}[a!\"#\\\\\\[]{0,12}") {
            let text = text.as_bytes();
            let found = text.iter().position(|byte| matches!(byte, b'"' | b'\\'));
            prop_assert_eq!(quote_or_backslash(text), found);
        }

        #[test]
        fn a_name_ends_at_the_first_byte_that_is_not_in_its_class(name in "[a-zA-Z0-9_]{0,20}[ :{=é]?[a-z_:]{0,12}") {
            for class in [LABEL_NAME, METRIC_NAME] {
                let is_outside = |&byte: &u8| {
                    let is_word = byte.is_ascii_alphanumeric() || byte == b'_';
                    !is_word && (class == LABEL_NAME || byte != b':')
                };
                let end = name.as_bytes().iter().position(is_outside).unwrap_or(name.len());
                prop_assert_eq!(len_of(class, name.as_bytes()), end);
            }
        }
    }
}
