//! A number in a push. It keeps its spelling if the output has the same one; it is parsed only where its value matters.

use crate::exposition::{is_canonical, parse_number, write_number};

/// A number as read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number<'a> {
    text: &'a [u8],
    /// `None` when the text is what would be written: it is copied, and parsed only on demand.
    value: Option<f64>,
}

impl<'a> Number<'a> {
    pub(crate) const ZERO: Number<'static> = Number { text: b"0", value: None };
    pub(crate) const INFINITY: Number<'static> =
        Number { text: b"+Inf", value: Some(f64::INFINITY) };

    pub(crate) fn parse(text: &'a [u8]) -> Option<Number<'a>> {
        let value = if is_canonical(text) { None } else { Some(parse_number(text)?) };
        Some(Number { text, value })
    }

    /// A number that is spelled as the output spells it.
    pub(crate) fn canonical(text: &'a [u8]) -> Option<Number<'a>> {
        is_canonical(text).then_some(Number { text, value: None })
    }

    /// Whether [`Number::write`] appends just the text that was read.
    pub(crate) fn is_canonical(self) -> bool {
        self.value.is_none()
    }

    /// How many bytes were read.
    pub(crate) fn text_bytes(self) -> usize {
        self.text.len()
    }

    /// A number that was never spelled.
    pub(crate) fn of(value: f64) -> Number<'static> {
        Number { text: b"", value: Some(value) }
    }

    /// The number without its fraction.
    pub(crate) fn truncated(self) -> Number<'a> {
        Number { text: self.text, value: Some(self.value().trunc()) }
    }

    /// How many bytes [`Number::write`] appends at most.
    pub(crate) fn bytes_max(self) -> usize {
        /// Those of the longest number that is written anew.
        const WRITTEN: usize = 32;
        if self.value.is_none() { self.text.len() } else { WRITTEN }
    }

    pub(crate) fn value(self) -> f64 {
        let parse = || parse_number(self.text).expect("what is spelled canonically is a number");
        self.value.unwrap_or_else(parse)
    }

    pub(crate) fn is_negative(self) -> bool {
        self.value.map_or_else(|| self.text[0] == b'-', |value| value < 0.0)
    }

    pub(crate) fn is_nan(self) -> bool {
        self.value.is_some_and(f64::is_nan)
    }

    pub(crate) fn is_infinity(self) -> bool {
        self.value == Some(f64::INFINITY)
    }

    /// Appends the number as the output spells it.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        match self.value {
            None => out.extend_from_slice(self.text),
            Some(value) => write_number(out, value),
        }
    }
}
