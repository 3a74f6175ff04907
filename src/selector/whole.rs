//! Regular expressions that match whole values, step by step, so that a match can stop at any byte.

use std::sync::{Mutex, PoisonError};

use regex::{Regex, RegexBuilder};
use regex_automata::Anchored;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson;
use regex_automata::util::start;
use regex_automata::util::syntax;

use super::effort::{Effort, Spent};
use super::error::{REGEX_BYTES_MAX, REGEX_COMPILED_BYTES_MAX, REGEX_NEST_MAX, Reason};

/// How many bytes are matched between two looks at whether to go on.
const STRIDE_BYTES: usize = 256;
/// The longest value that is matched in one go, where it has to be: a word boundary in text that is not ASCII.
const AT_ONCE_BYTES_MAX: usize = 4 << 10;

/// A regular expression.
#[derive(Debug)]
pub(super) struct Whole {
    dfa: DFA,
    cache: Mutex<Cache>,
    at_once: Regex,
}

impl Whole {
    /// Compiles a regular expression that matches whole values only.
    pub(super) fn new(text: &str) -> Result<Whole, Reason> {
        if text.len() > REGEX_BYTES_MAX {
            return Err(Reason::RegexTooLong);
        }
        let build = |text: &str| {
            let mut builder = RegexBuilder::new(text);
            builder.size_limit(REGEX_COMPILED_BYTES_MAX).dfa_size_limit(REGEX_COMPILED_BYTES_MAX);
            builder.nest_limit(REGEX_NEST_MAX).build().map_err(|error| reason(&error))
        };
        build(text)?; // By itself: `a)|(b` would be one only between what is put around it.
        let whole = format!(r"\A(?s:{text})\z");
        let at_once = build(&whole)?;
        let dfa = DFA::builder()
            .configure(
                DFA::config()
                    .cache_capacity(REGEX_COMPILED_BYTES_MAX)
                    .skip_cache_capacity_check(true)
                    .unicode_word_boundary(true),
            )
            .thompson(thompson::Config::new().nfa_size_limit(Some(2 * REGEX_COMPILED_BYTES_MAX)))
            .syntax(syntax::Config::new().nest_limit(2 * REGEX_NEST_MAX))
            .build(&whole)
            .map_err(|error| reason(&error))?;
        Ok(Whole { cache: Mutex::new(dfa.create_cache()), dfa, at_once })
    }

    /// Whether all of `value` is matched. One byte costs as much as the expression is large, at most.
    pub(super) fn is_match(&self, value: &str, effort: &mut Effort<'_>) -> Result<bool, Spent> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let cache = &mut *cache;
        let at_start = start::Config::new().anchored(Anchored::Yes);
        let Ok(mut state) = self.dfa.start_state(cache, &at_start) else {
            return self.at_once(value, effort);
        };
        for stride in value.as_bytes().chunks(STRIDE_BYTES) {
            effort.spend(stride.len())?;
            for byte in stride {
                state = match self.dfa.next_state(cache, state, *byte) {
                    Ok(next) if next.is_dead() => return Ok(false),
                    Ok(next) if !next.is_quit() => next,
                    _ => return self.at_once(value, effort),
                };
            }
        }
        match self.dfa.next_eoi_state(cache, state) {
            Ok(end) => Ok(end.is_match()),
            Err(_) => self.at_once(value, effort),
        }
    }

    fn at_once(&self, value: &str, effort: &mut Effort<'_>) -> Result<bool, Spent> {
        if value.len() > AT_ONCE_BYTES_MAX && !effort.is_unbounded() {
            return Err(Spent::Bytes);
        }
        effort.spend(value.len())?;
        Ok(self.at_once.is_match(value))
    }
}

fn reason(error: &impl ToString) -> Reason {
    // Its own words show the whole expression first, over several lines.
    let words = error.to_string();
    let last = words.lines().last().unwrap_or_default();
    Reason::Regex(last.trim_start_matches("error: ").to_owned())
}
