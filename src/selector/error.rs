//! The bounds of selectors, and what can be wrong with the text of one.

/// How long a regular expression may be, in bytes.
pub const REGEX_BYTES_MAX: usize = 4096;
/// How large it may become once it is compiled, in bytes.
pub const REGEX_COMPILED_BYTES_MAX: usize = 256 << 10;
/// How deep its groups and repetitions may be nested.
pub const REGEX_NEST_MAX: u32 = 32;
/// How many matchers a selector may have.
pub const MATCHERS_MAX: usize = 64;

/// Why a text is no selector, and where: the character, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("character {position}: {reason}")]
pub struct SelectorError {
    pub(super) position: usize,
    pub(super) reason: Reason,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Reason {
    /// Something else should stand there.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A character that has no place in a selector.
    #[error("unexpected {0:?}")]
    Character(char),
    /// A string that does not end, or not in its line.
    #[error("a string without its closing quote")]
    Unterminated,
    /// A backslash and something that is no escape.
    #[error("an unknown or incomplete escape sequence")]
    Escape,
    /// Escaped bytes that are not UTF-8.
    #[error("a string that is not UTF-8 once it is unescaped")]
    NotUtf8,
    /// A metric name, which groups do not have.
    #[error("groups have no metric names, only the labels they were pushed with")]
    MetricName,
    /// Not a regular expression; in words.
    #[error("not a regular expression: {0}")]
    Regex(String),
    /// A regular expression that is longer than it may be.
    #[error("a regular expression of more than {REGEX_BYTES_MAX} bytes")]
    RegexTooLong,
    /// More than [`MATCHERS_MAX`].
    #[error("more than {MATCHERS_MAX} matchers")]
    TooManyMatchers,
}
