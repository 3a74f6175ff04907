//! Builds a selector from tokens.
//!
//! ```text
//! selector = "{" [ matcher { "," matcher } [ "," ] ] "}"
//! matcher  = ( name | string ) ( "=" | "!=" | "=~" | "!~" ) string
//! ```

use super::error::{MATCHERS_MAX, Reason, SelectorError};
use super::scan::{Scanner, Token};
use super::whole::Whole;
use super::{Matcher, Selector, Test};

const NAME: &str = "__name__";

pub(super) fn parse(text: &str) -> Result<Selector, SelectorError> {
    let mut scanner = Scanner::new(text);
    match scanner.next()? {
        (_, Token::Open) => {}
        (at, Token::Name(_)) => return Err(scanner.error(at, Reason::MetricName)),
        (at, _) => return Err(scanner.error(at, Reason::Expected("an opening brace"))),
    }
    let mut matchers = Vec::new();
    let mut next = scanner.next()?;
    while next.1 != Token::Close {
        if matchers.len() == MATCHERS_MAX {
            return Err(scanner.error(next.0, Reason::TooManyMatchers));
        }
        matchers.push(matcher(&mut scanner, next)?);
        next = match scanner.next()? {
            (_, Token::Comma) => scanner.next()?,
            close @ (_, Token::Close) => close,
            (at, _) => {
                return Err(scanner.error(at, Reason::Expected("a comma or a closing brace")));
            }
        };
    }
    match scanner.next()? {
        (_, Token::End) => Ok(Selector { matchers }),
        (at, _) => Err(scanner.error(at, Reason::Expected("nothing behind the closing brace"))),
    }
}

/// A matcher, of which the first token has been read.
fn matcher(
    scanner: &mut Scanner<'_>,
    (start, first): (usize, Token),
) -> Result<Matcher, SelectorError> {
    let (label, is_quoted) = match first {
        Token::Name(name) => (name, false),
        Token::Quoted(name) => (name, true),
        _ => return Err(scanner.error(start, Reason::Expected("a label name"))),
    };
    let (is_regex, is_negated) = match scanner.next()? {
        (_, Token::Operator { is_regex, is_negated }) => (is_regex, is_negated),
        (_, Token::Comma | Token::Close) if is_quoted => {
            return Err(scanner.error(start, Reason::MetricName));
        }
        (at, _) => return Err(scanner.error(at, Reason::Expected("one of =, !=, =~, !~"))),
    };
    if label == NAME {
        return Err(scanner.error(start, Reason::MetricName));
    }
    if label.is_empty() || (!is_quoted && label.contains(':')) {
        return Err(scanner.error(start, Reason::Expected("a label name")));
    }
    let (at, value) = match scanner.next()? {
        (at, Token::Quoted(value)) => (at, value),
        (at, _) => return Err(scanner.error(at, Reason::Expected("a value in quotes"))),
    };
    let test = if is_regex {
        let whole = Whole::new(&value).map_err(|reason| scanner.error(at, reason))?;
        Test::Matches(Box::new(whole))
    } else {
        Test::Equals(value)
    };
    Ok(Matcher { label, test, is_negated })
}
