//! How many requests were answered, by handler, method and status.

use std::sync::atomic::{AtomicU64, Ordering};

/// A request's method, as far as one is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Verb {
    Get,
    Put,
    Post,
    Delete,
    Options,
}

impl Verb {
    const ALL: [(Verb, &'static str); 5] = [
        (Verb::Get, "get"),
        (Verb::Put, "put"),
        (Verb::Post, "post"),
        (Verb::Delete, "delete"),
        (Verb::Options, "options"),
    ];

    /// The label value that the reference gives the method.
    pub fn label(self) -> &'static str {
        Verb::ALL[self as usize].1
    }
}

/// The statuses that a counted request may be answered with.
const CODES: [u16; 14] = [200, 202, 303, 304, 400, 403, 404, 408, 409, 413, 415, 429, 500, 503];

/// One counter for each combination of handler, method and status. Scrapes are counted apart.
#[derive(Debug)]
pub(super) struct Requests {
    handlers: Vec<&'static str>,
    counts: Box<[AtomicU64]>,
}

impl Requests {
    /// For these handlers; a handler may come several times. Handlers that come first are found first.
    pub(super) fn new(names: impl IntoIterator<Item = &'static str>) -> Requests {
        let mut handlers = Vec::new();
        for name in names {
            if !handlers.contains(&name) {
                handlers.push(name);
            }
        }
        let combinations = handlers.len() * Verb::ALL.len() * CODES.len();
        Requests { handlers, counts: (0..combinations).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Where the counters of a handler begin.
    fn start(&self, handler: &str) -> Option<usize> {
        let at = self.handlers.iter().position(|known| *known == handler)?;
        Some(at * Verb::ALL.len() * CODES.len())
    }

    pub(super) fn count(&self, handler: &str, verb: Verb, code: u16) {
        let code = CODES.iter().position(|known| *known == code);
        debug_assert!(code.is_some(), "every status that is answered is listed");
        if let (Some(start), Some(code)) = (self.start(handler), code) {
            let at = start + verb as usize * CODES.len() + code;
            self.counts[at].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often a handler has answered, and how many of those answers were errors.
    pub(super) fn of(&self, handler: &str) -> (u64, u64) {
        let start = self.start(handler).unwrap_or(self.counts.len());
        let codes = CODES.iter().cycle().take(Verb::ALL.len() * CODES.len());
        let (mut all, mut errors) = (0, 0);
        for (count, code) in self.counts[start..].iter().zip(codes) {
            let count = count.load(Ordering::Relaxed);
            all += count;
            errors += if *code >= 400 { count } else { 0 };
        }
        (all, errors)
    }

    /// Each combination that has occurred, as (code, handler, method), with its count.
    pub(super) fn each(&self, mut each: impl FnMut([&str; 3], u64)) {
        for (at, count) in self.counts.iter().enumerate() {
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                let (rest, code) = (at / CODES.len(), at % CODES.len());
                let (handler, verb) = (rest / Verb::ALL.len(), rest % Verb::ALL.len());
                let code = CODES[code].to_string();
                each([&code, self.handlers[handler], Verb::ALL[verb].1], count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_in_the_order_of_their_enum() {
        assert!(Verb::ALL.iter().enumerate().all(|(at, (verb, _))| *verb as usize == at));
    }

    #[test]
    fn each_combination_is_counted_apart() {
        let requests = Requests::new(["push", "push", "api/v1/options", "api/v1/metrics"]);
        requests.count("push", Verb::Put, 200);
        requests.count("push", Verb::Put, 200);
        requests.count("api/v1/options", Verb::Options, 503);
        let mut seen = Vec::new();
        requests.each(|labels, count| seen.push((labels.join(" "), count)));
        let expected = [("200 push put", 2), ("503 api/v1/options options", 1)];
        assert_eq!(requests.of("push"), (2, 0));
        assert_eq!(requests.of("api/v1/options"), (1, 1));
        assert_eq!(requests.of("api/v1/metrics"), (0, 0));
        assert_eq!(seen, expected.map(|(labels, count)| (labels.to_owned(), count)));
    }
}
