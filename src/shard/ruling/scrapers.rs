//! The scrapers that come regularly, and up to when each has had everything that was pushed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::shard::timestamp::Timestamp;

/// How long after its last scrape a scraper counts.
pub const SCRAPER_WAIT: Duration = Duration::from_secs(600);
/// How many scrapers count. Groups are not held for others.
pub const SCRAPERS_MAX: usize = 256;

/// The scrapers of the last ten minutes.
#[derive(Debug, Default)]
pub struct Scrapers {
    seen: Mutex<HashMap<String, Scraper>>,
}

#[derive(Debug, Default)]
struct Scraper {
    seen: Timestamp,
    /// The moment of its last scrape that was sent to its end: it has had all that was pushed before.
    covered: Timestamp,
}

impl Scrapers {
    /// Notes that a scraper asks for everything.
    pub fn asks(&self, name: &str, now: Timestamp) {
        let mut scrapers = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(scraper) = scrapers.get_mut(name) {
            scraper.seen = scraper.seen.max(now);
            return;
        }
        if scrapers.len() >= SCRAPERS_MAX {
            scrapers.retain(|_, scraper| now < scraper.seen.after(SCRAPER_WAIT));
        }
        if scrapers.len() < SCRAPERS_MAX {
            let scraper = Scraper { seen: now, covered: Timestamp::NEVER };
            scrapers.insert(name.to_owned(), scraper);
        }
    }

    /// Notes that a scraper has had everything that was pushed before `moment`.
    pub fn has_had(&self, name: &str, moment: Timestamp) {
        let mut scrapers = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(scraper) = scrapers.get_mut(name) {
            scraper.covered = scraper.covered.max(moment);
        }
    }

    /// The moment before which every scraper has had what was pushed; never if there is no scraper.
    pub fn covered(&self, now: Timestamp) -> Timestamp {
        let mut scrapers = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        scrapers.retain(|_, scraper| now < scraper.seen.after(SCRAPER_WAIT));
        scrapers.values().map(|scraper| scraper.covered).min().unwrap_or(Timestamp::NEVER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_scraper_has_had_is_covered_and_one_that_is_gone_counts_no_more() {
        let scrapers = Scrapers::default();
        let at = |seconds: u64| Timestamp::from_nanos(seconds * 1_000_000_000);
        assert_eq!(scrapers.covered(at(1)), Timestamp::NEVER, "nobody has had anything");
        scrapers.asks("a", at(10));
        assert_eq!(scrapers.covered(at(10)), Timestamp::NEVER, "it is not sent yet");
        scrapers.has_had("a", at(10));
        assert_eq!(scrapers.covered(at(11)), at(10));
        scrapers.asks("b", at(20));
        assert_eq!(scrapers.covered(at(20)), Timestamp::NEVER, "another has not had it");
        scrapers.has_had("b", at(20));
        assert_eq!(scrapers.covered(at(21)), at(10));
        scrapers.asks("b", at(400));
        scrapers.has_had("b", at(400));
        assert_eq!(scrapers.covered(at(609)), at(10), "the first may come again");
        assert_eq!(scrapers.covered(at(610)), at(400), "it is gone");
        assert_eq!(scrapers.covered(at(1000)), Timestamp::NEVER);
    }

    #[test]
    fn more_scrapers_than_are_counted_hold_nothing() {
        let scrapers = Scrapers::default();
        let now = Timestamp::from_nanos(1);
        for name in 0..=SCRAPERS_MAX {
            scrapers.asks(&name.to_string(), now);
            if name < SCRAPERS_MAX {
                scrapers.has_had(&name.to_string(), now);
            }
        }
        assert_eq!(scrapers.covered(now), now);
    }
}
