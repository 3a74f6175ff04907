//! The bounds of selectors, and what can be wrong with the text of one.

use std::fmt;

/// How long a regular expression may be, in bytes.
pub const REGEX_BYTES_MAX: usize = 4096;
/// How large it may become once it is compiled, in bytes.
pub const REGEX_COMPILED_BYTES_MAX: usize = 256 << 10;
/// How deep its groups and repetitions may be nested.
pub const REGEX_NEST_MAX: u32 = 32;
/// How many matchers a selector may have.
pub const MATCHERS_MAX: usize = 64;

/// Why a text is no selector, and where: the character, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectorError {
    pub(super) position: usize,
    pub(super) reason: Reason,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reason {
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
