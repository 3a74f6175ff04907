//! The scrape.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, VARY,
};
use hyper::{HeaderMap, StatusCode};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::exposition::Escaping;
use crate::http::Http;
use crate::http::body::chunks::Chunks;
use crate::http::reply::{Failure, Reply, error};
use crate::http::request::request_id::RequestId;
use crate::http::scrape::render::{INLINE_BYTES_MAX, bytes, render};
use crate::http::scrape::selection::selection;
use crate::listen::Client;
use crate::own_metrics::{body_families, connection_families};
use crate::scrape::{Answer, Form, OwnFamily, Runs, Scrape, accepts_gzip, negotiate};
use crate::shard::{Part, Selection};

const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// With more families than this, putting them in order takes a millisecond.
const FAMILIES_INLINE_MAX: usize = 1024;

/// How long a scrape waits for its turn to be made. One takes milliseconds.
const SCRAPE_WAIT: Duration = Duration::from_secs(5);
/// How many scrapes may wait for each one that may be made at a time.
const SCRAPES_WAITING_MAX: usize = 16;

/// What scrapes share.
#[derive(Debug)]
pub struct Scrapes {
    scrapes_max: usize,
    /// One permit for each scrape that may be made at a time.
    slots: Semaphore,
    /// One permit for each scrape that is made or waits for its turn.
    places: Semaphore,
    /// Fragments kept from one scrape to the next.
    runs: Arc<Runs>,
}

impl Scrapes {
    /// Room to make so many scrapes at a time.
    pub fn new(scrapes_max: usize) -> Scrapes {
        let places = Semaphore::new(scrapes_max * (1 + SCRAPES_WAITING_MAX));
        Scrapes { scrapes_max, slots: Semaphore::new(scrapes_max), places, runs: Arc::default() }
    }

    /// How many are being made.
    pub(in crate::http) fn taken(&self) -> u64 {
        (self.scrapes_max - self.slots.available_permits()) as u64
    }

    /// Room for one more, once one of those before it has been made.
    async fn slot(&self) -> Result<[SemaphorePermit<'_>; 2], Failure> {
        let place = self.places.try_acquire().map_err(|_| Failure::TooManyScrapes)?;
        let slot = tokio::time::timeout(SCRAPE_WAIT, self.slots.acquire());
        let slot = slot.await.ok().and_then(Result::ok).ok_or(Failure::TooManyScrapes)?;
        Ok([place, slot])
    }

    /// How many bytes of fragments are kept, those of the pages apart.
    pub fn kept_bytes(&self) -> usize {
        self.runs.kept_bytes()
    }
}

impl Http {
    pub(in crate::http) async fn scrape(
        &self,
        headers: &HeaderMap,
        query: &str,
        client: &Client,
    ) -> Reply {
        let selection = match selection(query) {
            Ok(selection) => selection,
            Err(reason) => return error(StatusCode::BAD_REQUEST, reason),
        };
        let since = Instant::now();
        let at_hand = self.own.scrape_begins();
        let negotiated = negotiate(values(headers, ACCEPT), self.config.web.enable_open_metrics);
        let form = Form {
            format: negotiated.format,
            escaping: if self.has_quoted_names() {
                negotiated.escaping
            } else {
                Escaping::AllowUtf8 // There is nothing to escape.
            },
            gzip: accepts_gzip(values(headers, ACCEPT_ENCODING)),
            part: selection.part,
        };
        let (reply, plain_bytes) = match self.exposition(selection, form).await {
            Ok((mut reply, plain_bytes)) => {
                let content_type = HeaderValue::from_str(&negotiated.content_type());
                let content_type = content_type.expect("a content type is visible ASCII");
                reply.headers_mut().insert(CONTENT_TYPE, content_type);
                (reply, plain_bytes)
            }
            Err(failure) => {
                let (id, source) = (RequestId::of(headers), client.source);
                tracing::warn!(%source, request_id = id.text(), err = %failure, "scrape failed");
                (id.on(Reply::from(&failure)), 0)
            }
        };
        at_hand.answered(reply.status().as_u16(), plain_bytes as u64, since);
        reply
    }

    async fn exposition(
        &self,
        selection: Selection,
        form: Form,
    ) -> Result<(Reply, usize), Failure> {
        self.readable()?;
        // Held while the answer is made, not until it is read: a slow reader costs nobody a scrape.
        let _until_made = self.scrapes.slot().await?;
        let own = self.own_families(&selection);
        let is_whole = selection.is_whole();
        let snapshots = self.shards.snapshot(selection).await?;
        let families: usize = snapshots.iter().map(|snapshot| snapshot.families.len()).sum();
        let beginning = move || Scrape::new(snapshots, own, form);
        let (mut scrape, tasks) =
            if form.escaping == Escaping::AllowUtf8 && families <= FAMILIES_INLINE_MAX {
                beginning()
            } else {
                let beginning = tokio::task::spawn_blocking(beginning);
                beginning.await.expect("merging does not panic and is not aborted")
            };
        if is_whole {
            self.own.families_hidden(form.format, scrape.hidden());
        }
        let is_small = bytes(&tasks) <= INLINE_BYTES_MAX;
        for done in render(tasks, &self.shards).await {
            scrape.take(done);
        }
        let runs = Arc::clone(&self.scrapes.runs);
        let assembling = move || scrape.answer(&runs);
        let Answer { chunks, plain_bytes } = if is_small {
            assembling()
        } else {
            let assembling = tokio::task::spawn_blocking(assembling);
            assembling.await.expect("assembling does not panic and is not aborted")
        };
        let mut reply = Reply::new(Chunks::from(chunks));
        reply.headers_mut().insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
        if form.gzip {
            reply.headers_mut().insert(CONTENT_ENCODING, GZIP);
        }
        Ok((reply, plain_bytes))
    }

    /// What the gateway says about itself. It belongs to no job, and is not split: the first part has it.
    fn own_families(&self, selection: &Selection) -> Vec<OwnFamily> {
        let is_shown = selection.jobs.is_empty() && selection.part.is_none_or(Part::is_first);
        let is_named = |family: &OwnFamily| {
            let names = &selection.families;
            names.is_empty() || names.iter().any(|name| name == family.name())
        };
        let persistence = self.persistence.as_deref();
        let families =
            self.own.families(&self.shards, self.scrapes.kept_bytes(), &self.access, persistence);
        let seats = self.seats.taken();
        let connections = connection_families(
            seats.serving,
            self.config.web.connections_max,
            seats.reserve,
            seats.refused,
        );
        let bytes_max = self.config.bounds.in_flight_bytes_max;
        let bodies = body_families(self.in_flight.taken(), bytes_max);
        let families = families.into_iter().chain(connections).chain(bodies);
        let families =
            families.map(|own| if is_shown && is_named(&own) { own } else { own.hidden() });
        families.collect()
    }
}

/// The values of all headers of that name, those that are text.
fn values(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Poll;

    use crate::http::connection::serve::tests::http;

    #[tokio::test(start_paused = true)]
    async fn a_scrape_waits_its_turn_and_is_refused_only_after_a_while() {
        let http = http(&["--web.max-scrapes=1"]);
        let client = Client { source: crate::listen::Source::Unix, certificate: None };
        let headers = HeaderMap::new();
        let slot = http.scrapes.slot().await.expect("there is one");
        let refused = http.scrape(&headers, "", &client).await;
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.headers().contains_key("retry-after"));
        let (waiting, ()) = tokio::join!(http.scrape(&headers, "", &client), async {
            tokio::time::sleep(SCRAPE_WAIT / 2).await;
            drop(slot);
        });
        assert_eq!(waiting.status(), StatusCode::OK);
        assert_eq!(http.scrapes.taken(), 0, "it counts no more, read or not");
    }

    #[tokio::test(start_paused = true)]
    async fn more_scrapes_than_may_wait_are_refused_at_once() {
        let scrapes = Scrapes::new(1);
        let slot = scrapes.slot().await.expect("there is one");
        let mut waiting: Vec<_> =
            (0..SCRAPES_WAITING_MAX).map(|_| Box::pin(scrapes.slot())).collect();
        for one in &mut waiting {
            let polled = std::future::poll_fn(|context| Poll::Ready(one.as_mut().poll(context)));
            assert!(polled.await.is_pending());
        }
        let since = tokio::time::Instant::now();
        assert!(matches!(scrapes.slot().await, Err(Failure::TooManyScrapes)));
        assert_eq!(since.elapsed(), Duration::ZERO);
        drop((slot, waiting));
        assert!(scrapes.slot().await.is_ok());
    }
}
