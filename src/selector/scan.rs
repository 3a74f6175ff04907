//! Splits the text of a selector into tokens.

use super::error::{Reason, SelectorError};
use super::quoted::unquote;

/// A part of a selector.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token {
    Open,
    Close,
    Comma,
    /// `=`, `!=`, `=~` or `!~`.
    Operator {
        is_regex: bool,
        is_negated: bool,
    },
    /// A name without quotes, colons allowed: a metric may be named so.
    Name(String),
    /// A string, its escapes undone.
    Quoted(String),
    End,
}

/// The tokens of a selector, one after the other.
pub(super) struct Scanner<'a> {
    text: &'a str,
    /// Where the next one begins, in bytes.
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Scanner<'a> {
        Scanner { text, at: 0 }
    }

    /// The next token and where it begins, in bytes.
    pub(super) fn next(&mut self) -> Result<(usize, Token), SelectorError> {
        self.skip_blanks();
        let (start, rest) = (self.at, &self.text[self.at..]);
        let Some(first) = rest.chars().next() else {
            return Ok((start, Token::End));
        };
        let operator = |is_regex, is_negated| Token::Operator { is_regex, is_negated };
        let (token, len) = match first {
            '{' => (Token::Open, 1),
            '}' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            '=' if rest.starts_with("=~") => (operator(true, false), 2),
            '=' => (operator(false, false), 1),
            '!' if rest.starts_with("!=") => (operator(false, true), 2),
            '!' if rest.starts_with("!~") => (operator(true, true), 2),
            '"' | '\'' | '`' => {
                let unquoted = unquote(rest);
                let (text, len) =
                    unquoted.map_err(|(at, reason)| self.error(start + at, reason))?;
                (Token::Quoted(text), len)
            }
            char if char.is_ascii_alphabetic() || matches!(char, '_' | ':') => {
                let is_inside =
                    |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | ':');
                let len = rest.find(|char| !is_inside(char)).unwrap_or(rest.len());
                (Token::Name(rest[..len].to_owned()), len)
            }
            char => return Err(self.error(start, Reason::Character(char))),
        };
        self.at += len;
        Ok((start, token))
    }

    /// An error at this byte.
    pub(super) fn error(&self, at: usize, reason: Reason) -> SelectorError {
        SelectorError { position: self.text[..at].chars().count() + 1, reason }
    }

    /// Blanks, and comments up to the end of their line.
    fn skip_blanks(&mut self) {
        loop {
            let rest = self.text[self.at..].trim_start_matches([' ', '\t', '\n', '\r']);
            self.at = self.text.len() - rest.len();
            if !rest.starts_with('#') {
                return;
            }
            self.at += rest.find('\n').unwrap_or(rest.len());
        }
    }
}
