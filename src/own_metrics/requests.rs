//! How many requests were answered, by handler, method and status.

use std::sync::atomic::{AtomicU64, Ordering};

/// The handlers of requests, under the names that the reference gives them. Scrapes are counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Handler {
    Push,
    Delete,
    Status,
    Static,
    Healthy,
    Ready,
    Wipe,
    ApiStatus,
    ApiMetrics,
    ApiGroups,
    ApiOptions,
    ApiHistory,
    ApiCheck,
    ApiPlace,
    ApiSd,
}

impl Handler {
    const ALL: [(Handler, &'static str); 15] = [
        (Handler::Push, "push"),
        (Handler::Delete, "delete"),
        (Handler::Status, "status"),
        (Handler::Static, "static"),
        (Handler::Healthy, "healthy"),
        (Handler::Ready, "ready"),
        (Handler::Wipe, "wipe"),
        (Handler::ApiStatus, "api/v1/status"),
        (Handler::ApiMetrics, "api/v1/metrics"),
        (Handler::ApiGroups, "api/v1/groups"),
        (Handler::ApiOptions, "api/v1/options"),
        (Handler::ApiHistory, "api/v1/history"),
        (Handler::ApiCheck, "api/v1/check"),
        (Handler::ApiPlace, "api/v1/admin/groups"),
        (Handler::ApiSd, "api/v1/sd"),
    ];
}

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
    pub(super) fn label(self) -> &'static str {
        Verb::ALL[self as usize].1
    }
}

/// The statuses that a counted request may be answered with.
const CODES: [u16; 14] = [200, 202, 303, 304, 400, 403, 404, 408, 409, 413, 415, 429, 500, 503];

/// One counter for each combination.
#[derive(Debug)]
pub(super) struct Requests {
    counts: Box<[AtomicU64]>,
}

impl Default for Requests {
    fn default() -> Requests {
        let combinations = Handler::ALL.len() * Verb::ALL.len() * CODES.len();
        Requests { counts: (0..combinations).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl Requests {
    pub(super) fn count(&self, handler: Handler, verb: Verb, code: u16) {
        let code = CODES.iter().position(|known| *known == code);
        debug_assert!(code.is_some(), "every status that is answered is listed");
        if let Some(code) = code {
            let at = (handler as usize * Verb::ALL.len() + verb as usize) * CODES.len() + code;
            self.counts[at].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often a handler has answered, and how many of those answers were errors.
    pub(super) fn of(&self, handler: Handler) -> (u64, u64) {
        let (mut all, mut errors) = (0, 0);
        for verb in 0..Verb::ALL.len() {
            let at = (handler as usize * Verb::ALL.len() + verb) * CODES.len();
            for (count, code) in self.counts[at..].iter().zip(CODES) {
                let count = count.load(Ordering::Relaxed);
                all += count;
                errors += if code >= 400 { count } else { 0 };
            }
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
                each([&code, Handler::ALL[handler].1, Verb::ALL[verb].1], count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_in_the_order_of_their_enums() {
        assert!(Handler::ALL.iter().enumerate().all(|(at, (handler, _))| *handler as usize == at));
        assert!(Verb::ALL.iter().enumerate().all(|(at, (verb, _))| *verb as usize == at));
    }

    #[test]
    fn each_combination_is_counted_apart() {
        let requests = Requests::default();
        requests.count(Handler::Push, Verb::Put, 200);
        requests.count(Handler::Push, Verb::Put, 200);
        requests.count(Handler::ApiOptions, Verb::Options, 503);
        let mut seen = Vec::new();
        requests.each(|labels, count| seen.push((labels.join(" "), count)));
        let expected = [("200 push put", 2), ("503 api/v1/options options", 1)];
        assert_eq!(requests.of(Handler::Push), (2, 0));
        assert_eq!(requests.of(Handler::ApiOptions), (1, 1));
        assert_eq!(requests.of(Handler::ApiMetrics), (0, 0));
        assert_eq!(seen, expected.map(|(labels, count)| (labels.to_owned(), count)));
    }
}
