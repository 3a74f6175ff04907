//! Guards: one counts a scrape as ended however it ends, the other counts tasks that panic.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use super::OwnMetrics;
use super::table::family;
use crate::scrape::OwnFamily;

/// A scrape that is being served. It is not any more once this is dropped, be it that its client has left.
#[derive(Debug)]
#[must_use]
pub struct ScrapeAtHand<'a>(&'a OwnMetrics);

impl ScrapeAtHand<'_> {
    /// Records the answer to the scrape: the size of the text and the time until it was ready to be sent.
    pub fn answered(self, code: u16, bytes: u64, since: Instant) {
        self.0.scraped(code, bytes, since);
    }
}

impl Drop for ScrapeAtHand<'_> {
    fn drop(&mut self) {
        self.0.scrapes_in_flight.fetch_sub(1, Relaxed);
    }
}

/// Counts and logs it if the task that it is in panics. What the task served is cut off.
#[derive(Debug)]
#[must_use]
pub struct PanicWatch<'a>(&'a OwnMetrics);

impl Drop for PanicWatch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.connection_panics.fetch_add(1, Relaxed);
            tracing::error!(
                "the task of a connection has panicked, and the connection is cut; please report it"
            );
        }
    }
}

impl OwnMetrics {
    /// Notes that a scrape has begun.
    pub fn scrape_begins(&self) -> ScrapeAtHand<'_> {
        self.scrapes_in_flight.fetch_add(1, Relaxed);
        ScrapeAtHand(self)
    }

    /// Watches the task that serves a connection, or one of its requests.
    pub fn watch_panics(&self) -> PanicWatch<'_> {
        PanicWatch(self)
    }

    pub(super) fn connection_panics(&self) -> OwnFamily {
        let panics = self.connection_panics.load(Relaxed);
        family("shardgate_connection_panics_total").value(panics as f64)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_scrape_whose_client_has_left_is_not_served_any_more() {
        let own = OwnMetrics::new([]);
        let abandoned = async {
            let at_hand = own.scrape_begins();
            std::future::pending::<()>().await;
            at_hand.answered(200, 1, Instant::now());
        };
        let left = tokio::time::timeout(std::time::Duration::ZERO, abandoned).await;
        assert!(left.is_err());
        assert_eq!(own.scrapes_in_flight.load(Relaxed), 0);
        own.scrape_begins().answered(200, 1, Instant::now());
        assert_eq!(own.scrapes_in_flight.load(Relaxed), 0);
        assert_eq!(own.scrapes[0].load(Relaxed), 1);
    }

    #[tokio::test]
    async fn a_connection_that_panics_is_counted() {
        let own = Arc::new(OwnMetrics::new([]));
        for panics in [false, true] {
            let of_task = Arc::clone(&own);
            let task = tokio::spawn(async move {
                let _watch = of_task.watch_panics();
                tokio::task::yield_now().await;
                assert!(!panics, "asked to");
            });
            assert_eq!(task.await.is_err(), panics);
            assert_eq!(own.connection_panics.load(Relaxed), u64::from(panics));
        }
    }
}
