//! Prometheus selectors over grouping labels: `{job="x",instance=~"node-.*",env!="prod"}`. No I/O.
//!
//! `scan` splits the text into tokens, `quoted` undoes the escapes of strings, `parse` builds the selector, and `whole`
//! matches regular expressions within an `effort`. A missing label has the empty value. A regular expression has to
//! match the whole value, and its dot matches a line end as well.
//!
//! **Invariant:** the cost to parse and to match a selector is bounded, whatever its text.

mod effort;
mod error;
mod parse;
mod quoted;
mod scan;
#[cfg(test)]
mod tests;
mod whole;

pub use effort::{Effort, REGEX_MATCHED_BYTES_MAX, Spent};
pub use error::{
    MATCHERS_MAX, REGEX_BYTES_MAX, REGEX_COMPILED_BYTES_MAX, REGEX_NEST_MAX, SelectorError,
};
use whole::Whole;

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

    /// The labels that it names, if it is nothing but labels with their values: `{job="x"}`.
    pub fn labels(&self) -> Option<Vec<(&str, &str)>> {
        let mut labels = Vec::new();
        for matcher in &self.matchers {
            match &matcher.test {
                Test::Equals(value) if !matcher.is_negated => {
                    labels.push((&*matcher.label, &**value));
                }
                _ => return None,
            }
        }
        Some(labels)
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
