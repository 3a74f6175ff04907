//! Parameters of a query: reads them, and words what is wrong with them.

use std::borrow::Cow;
use std::fmt;

/// How much of a value an error quotes, in characters.
const SHOWN_CHARS: usize = 80;

/// One parameter, without its percent-encoding.
#[derive(Debug)]
pub(crate) struct Parameter<'q> {
    name: Cow<'q, str>,
    value: Cow<'q, str>,
}

/// A parameter that the gateway cannot use, in words for the client.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ParameterError(pub(crate) String);

/// What a parameter may say: the words as an error names them, and each word with its meaning.
pub(crate) type Words<T, const N: usize> = (&'static str, [(&'static str, T); N]);

/// The parameters of a query, in their order.
pub(crate) fn parameters(query: &str) -> impl Iterator<Item = Parameter<'_>> {
    form_urlencoded::parse(query.as_bytes()).map(|(name, value)| Parameter { name, value })
}

impl<'q> Parameter<'q> {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn value(&self) -> &str {
        &self.value
    }

    pub(crate) fn into_value(self) -> String {
        self.value.into_owned()
    }

    /// Reads the value with `read`.
    ///
    /// # Errors
    /// That something else was `expected`, when `read` makes nothing of the value.
    pub(crate) fn read<T>(
        &self,
        expected: impl fmt::Display,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, ParameterError> {
        read(&self.value).ok_or_else(|| {
            let quoted: String = self.value.chars().take(SHOWN_CHARS).collect();
            self.error(format_args!("expected {expected}, got {quoted:?}"))
        })
    }

    /// Reads the value as one of some words.
    pub(crate) fn word<T: Copy, const N: usize>(
        &self,
        (expected, words): &Words<T, N>,
    ) -> Result<T, ParameterError> {
        let meaning = |value: &str| {
            let known = words.iter().find(|(word, _)| *word == value);
            known.map(|(_, meaning)| *meaning)
        };
        self.read(expected, meaning)
    }

    /// Sets a value that the parameter may give once.
    pub(crate) fn set<T>(&self, place: &mut Option<T>, value: T) -> Result<(), ParameterError> {
        match place.replace(value) {
            Some(_) => Err(self.error("given twice")),
            None => Ok(()),
        }
    }

    /// An error about this parameter.
    pub(crate) fn error(&self, problem: impl fmt::Display) -> ParameterError {
        ParameterError(format!("parameter {}: {problem}", self.name))
    }
}

/// A number in decimal digits, without a sign.
pub(crate) fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_quotes_the_start_of_a_long_value() {
        let query = format!("n={}", "é".repeat(100));
        let error = parameters(&query).map(|parameter| parameter.read("a digit", digits::<u8>));
        let error = error.last().and_then(Result::err).expect("it is no number").to_string();
        let quoted = "é".repeat(SHOWN_CHARS);
        assert_eq!(error, format!("parameter n: expected a digit, got {quoted:?}"));
    }

    #[test]
    fn digits_have_no_sign_and_are_not_missing() {
        assert_eq!(digits("007"), Some(7_usize));
        for bad in ["", "+1", "-1", "1 ", "0x1", "99999999999999999999"] {
            assert_eq!(digits::<usize>(bad), None, "{bad}");
        }
    }
}
