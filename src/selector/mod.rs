//! Prometheus selectors, over the grouping labels of groups: `{job="x",instance=~"node-.*",env!="prod"}`.
//!
//! `scan` splits the text into tokens, `quoted` undoes the escapes of strings, `parse` puts the tokens
//! together, `whole` matches regular expressions within an `effort`. A label that is not there has the empty value. Regular expressions have to match the
//! whole value, and a dot in them matches a line end as well.
//!
//! **Invariant:** what a selector costs, to make and to match, is bounded whatever its text.

mod effort;
mod parse;
mod quoted;
mod scan;
#[cfg(test)]
mod tests;
mod whole;

use std::fmt;

pub use effort::{Effort, REGEX_MATCHED_BYTES_MAX, Spent};
use whole::Whole;

/// How long a regular expression may be, in bytes.
pub const REGEX_BYTES_MAX: usize = 4096;
/// How large it may become once it is compiled, in bytes.
pub const REGEX_COMPILED_BYTES_MAX: usize = 256 << 10;
/// How deep its groups and repetitions may be nested.
pub const REGEX_NEST_MAX: u32 = 32;
/// How many matchers a selector may have.
pub const MATCHERS_MAX: usize = 64;

/// What groups have to look like. All its matchers must match.
#[derive(Debug)]
pub struct Selector {
    matchers: Vec<Matcher>,
}

/// A condition on the value of one label.
#[derive(Debug)]
struct Matcher {
    label: String,
    test: Test,
    is_negated: bool,
}

#[derive(Debug)]
enum Test {
    Equals(String),
    Matches(Box<Whole>),
}

/// Why a text is no selector, and where: the character, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectorError {
    position: usize,
    reason: Reason,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    /// Something else should stand there.
    Expected(&'static str),
    /// A character that has no place in a selector.
    Character(char),
    /// A string that does not end, or not in its line.
    Unterminated,
    /// A backslash and something that is no escape.
    Escape,
    /// Escaped bytes that are not UTF-8.
    NotUtf8,
    /// A metric name, which groups do not have.
    MetricName,
    /// Not a regular expression; in words.
    Regex(String),
    /// A regular expression that is longer than it may be.
    RegexTooLong,
    /// More than [`MATCHERS_MAX`].
    TooManyMatchers,
}

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Selector, SelectorError> {
        parse::parse(text)
    }

    /// Whether it matches what has these labels: `value_of` gives the value of one, empty where there is
    /// none.
    ///
    /// # Errors
    /// When that takes more than what is left of the effort.
    pub fn matches<'a>(
        &self,
        value_of: impl Fn(&str) -> &'a str,
        effort: &mut Effort<'_>,
    ) -> Result<bool, Spent> {
        for matcher in &self.matchers {
            if !matcher.matches(value_of(&matcher.label), effort)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether it matches even what has no labels, so that it may well match everything.
    pub fn matches_without_labels(&self) -> bool {
        self.matches(|_| "", &mut Effort::new(0, &|| false)).unwrap_or(true)
    }

    /// How many matchers it has.
    pub fn matchers(&self) -> usize {
        self.matchers.len()
    }
}

impl Matcher {
    fn matches(&self, value: &str, effort: &mut Effort<'_>) -> Result<bool, Spent> {
        let is_match = match &self.test {
            Test::Equals(wanted) => value == wanted,
            Test::Matches(whole) => whole.is_match(value, effort)?,
        };
        Ok(is_match != self.is_negated)
    }
}

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "character {}: {}", self.position, self.reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Expected(what) => write!(f, "expected {what}"),
            Reason::Character(char) => write!(f, "unexpected {char:?}"),
            Reason::Unterminated => write!(f, "a string without its closing quote"),
            Reason::Escape => write!(f, "an unknown or incomplete escape sequence"),
            Reason::NotUtf8 => write!(f, "a string that is not UTF-8 once it is unescaped"),
            Reason::MetricName => {
                write!(f, "groups have no metric names, only the labels they were pushed with")
            }
            Reason::Regex(words) => write!(f, "not a regular expression: {words}"),
            Reason::RegexTooLong => {
                write!(f, "a regular expression of more than {REGEX_BYTES_MAX} bytes")
            }
            Reason::TooManyMatchers => write!(f, "more than {MATCHERS_MAX} matchers"),
        }
    }
}
