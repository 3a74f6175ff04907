//! The scrape: waits for a slot, takes a cut of all shards, has the pages rendered, and answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, VARY,
};
use hyper::{HeaderMap, StatusCode};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::access::Access;
use crate::config::Config;
use crate::exposition::{Escaping, NameRules};
use crate::http::body::chunks::Chunks;
use crate::http::body::in_flight::InFlight;
use crate::http::connection::limit::ConnectionLimit;
use crate::http::failure::Failure;
use crate::http::forward::set::ReplicaSet;
use crate::http::reply::{Reply, error, with, with_text};
use crate::http::request::admission::Sender;
use crate::http::request::request_id::RequestId;
use crate::http::scrape::render::{is_small, render, render_here};
use crate::http::scrape::selection::selection;
use crate::http::storage::Storage;
use crate::own_metrics::{OwnMetrics, body_families, connection_families};
use crate::scrape::{Answer, Form, OwnFamily, Runs, Scrape, accepts_gzip, negotiate};
use crate::shard::{Part, Scrapers as Readers, Selection, Timestamp};

const GZIP: HeaderValue = HeaderValue::from_static("gzip");
const VARY_VALUE: HeaderValue = HeaderValue::from_static("Accept, Accept-Encoding");

/// With more families than this, putting them in order takes a millisecond.
const FAMILIES_INLINE_MAX: usize = 1024;

/// How long a scrape waits for a slot. Making one takes milliseconds.
const SCRAPE_WAIT: Duration = Duration::from_secs(5);
/// How much of `Accept` tells scrapers apart, in bytes.
const READER_ACCEPT_BYTES_MAX: usize = 1024;
/// How many scrapes may wait for each one that may be made at a time.
const SCRAPES_WAITING_MAX: usize = 16;

/// What scrapes need.
#[derive(Debug)]
pub(crate) struct Scrapes {
    pub(crate) config: Arc<Config>,
    pub(crate) storage: Storage,
    pub(crate) own: Arc<OwnMetrics>,
    pub(crate) access: Arc<Access>,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) connections: Arc<ConnectionLimit>,
    pub(crate) slots: Slots,
    /// The scrapers that groups are held for; `None` without rules for groups.
    pub(crate) readers: Option<Arc<Readers>>,
    /// Fragments kept from one scrape to the next.
    pub(crate) runs: Arc<Runs>,
    /// The replica set; `None` for a gateway that stands alone.
    pub(crate) set: Option<Arc<ReplicaSet>>,
}

/// What a scrape shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// What is pushed; and, unless this is a replica of a set, what the gateway says about itself.
    Groups,
    /// Only what the gateway says about itself.
    Own,
}

/// The scrape slots.
#[derive(Debug)]
pub(crate) struct Slots {
    scrapes_max: usize,
    /// One permit for each scrape that may be made at a time.
    making: Semaphore,
    /// One permit for each scrape that is made or waits for a slot.
    waiting: Semaphore,
}

impl Slots {
    pub(crate) fn new(scrapes_max: usize) -> Slots {
        let waiting = Semaphore::new(scrapes_max * (1 + SCRAPES_WAITING_MAX));
        Slots { scrapes_max, making: Semaphore::new(scrapes_max), waiting }
    }

    /// Takes a slot, after waiting for an earlier scrape if necessary.
    async fn take(&self) -> Result<[SemaphorePermit<'_>; 2], Failure> {
        let rejected = || {
            let reason = "as many scrapes as --web.max-scrapes allows are being made; try again";
            Failure::unavailable(reason)
        };
        let waiting = self.waiting.try_acquire().map_err(|_| rejected())?;
        let slot = tokio::time::timeout(SCRAPE_WAIT, self.making.acquire());
        let slot = slot.await.ok().and_then(Result::ok).ok_or_else(rejected)?;
        Ok([waiting, slot])
    }
}

impl Scrapes {
    /// How many scrapes are being made.
    pub(crate) fn taken(&self) -> u64 {
        (self.slots.scrapes_max - self.slots.making.available_permits()) as u64
    }

    /// Whether any name in an exposition may be in quotes.
    fn has_quoted_names(&self) -> bool {
        let status = self.storage.persistence();
        let membership = self.storage.membership();
        status.is_some_and(|status| status.has_quoted_names())
            || membership.is_some_and(|membership| membership.has_quoted_names())
            || self.config.name_rules == NameRules::Utf8
    }

    pub(crate) async fn scrape(
        &self,
        shown: Shown,
        headers: &HeaderMap,
        query: &str,
        sender: &Sender<'_>,
    ) -> Reply {
        let client = sender.client;
        let selection = match selection(query) {
            Ok(selection) => selection,
            Err(reason) => return error(StatusCode::BAD_REQUEST, reason),
        };
        let since = Instant::now();
        // What the gateway says about itself is no part of the figures of scrapes.
        let at_hand = (shown == Shown::Groups).then(|| self.own.scrape_begins());
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
        let reader = self
            .readers
            .as_ref()
            .filter(|_| shown == Shown::Groups && selection.is_whole())
            .map(|readers| {
                let reader = Reader { readers: Arc::clone(readers), name: name(sender, headers) };
                (reader.asks(), reader)
            });
        let (reply, plain_bytes) = match self.exposition(shown, selection, form).await {
            Ok((reply, plain_bytes)) => {
                let reply = match reader {
                    Some((moment, reader)) => {
                        reply.map(|body| body.and_then(move || reader.has_had(moment)))
                    }
                    None => reply,
                };
                (with_text(reply, CONTENT_TYPE, &negotiated.content_type()), plain_bytes)
            }
            Err(failure) => {
                let (id, source) = (RequestId::of(headers), client.source);
                tracing::warn!(%source, request_id = id.text(), err = %failure, "scrape failed");
                (id.on(Reply::from(&failure)), 0)
            }
        };
        if let Some(at_hand) = at_hand {
            at_hand.answered(reply.status().as_u16(), plain_bytes as u64, since);
        }
        reply
    }

    async fn exposition(
        &self,
        shown: Shown,
        selection: Selection,
        form: Form,
    ) -> Result<(Reply, usize), Failure> {
        // Held while the answer is made and not until it is read: a slow reader delays no other scrape.
        let _until_made = match shown {
            Shown::Groups => {
                self.storage.readable()?;
                Some(self.slots.take().await?)
            }
            Shown::Own => None, // It is small, and is there when scrapes are not.
        };
        let own = self.own_families(shown, &selection);
        let is_whole = shown == Shown::Groups && selection.is_whole();
        let snapshots = match shown {
            Shown::Groups => self.storage.shards.snapshot(selection).await?,
            Shown::Own => Vec::new(),
        };
        if self.set.is_some() && shown == Shown::Groups {
            self.storage.readable()?; // Still: the process may have been paused.
        }
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
        let (shards, is_small) = (&self.storage.shards, is_small(&scrape, &tasks));
        let done = if is_small { render_here(tasks, shards) } else { render(tasks, shards).await };
        done.into_iter().for_each(|done| scrape.take(done));
        let runs = Arc::clone(&self.runs);
        let assembling = move || scrape.answer(&runs);
        let Answer { chunks, plain_bytes } = if is_small {
            assembling()
        } else {
            let assembling = tokio::task::spawn_blocking(assembling);
            assembling.await.expect("assembling does not panic and is not aborted")
        };
        let reply = with(Reply::new(Chunks::from(chunks)), VARY, VARY_VALUE);
        let reply = if form.gzip { with(reply, CONTENT_ENCODING, GZIP) } else { reply };
        Ok((reply, plain_bytes))
    }

    /// What the gateway says about itself. It belongs to no job, and is not split: the first part has it. A scrape of a replica
    /// set shows none of it: all replicas show the same.
    fn own_families(&self, shown: Shown, selection: &Selection) -> Vec<OwnFamily> {
        let is_of_all = selection.jobs.is_empty() && selection.part.is_none_or(Part::is_first);
        let is_shown = is_of_all && (shown == Shown::Own || self.set.is_none());
        let is_named = |family: &OwnFamily| {
            let names = &selection.families;
            names.is_empty() || names.iter().any(|name| name == family.name())
        };
        let persistence = self.storage.persistence().map(|status| &**status);
        let (shards, kept_bytes) = (&self.storage.shards, self.runs.kept_bytes());
        let families = self.own.families(shards, kept_bytes, &self.access, persistence);
        let connections = self.connections.connections();
        let connections = connection_families(
            connections.serving,
            self.config.web.connections_max,
            connections.overflow,
            connections.rejected,
        );
        let bytes_max = self.config.bounds.in_flight_bytes_max;
        let bodies = body_families(self.in_flight.taken(), bytes_max);
        let of_set = self.set.as_ref().map(|set| {
            let membership = &set.membership;
            self.own.cluster_families(membership, set.held())
        });
        let families = families.into_iter().chain(connections).chain(bodies);
        let families = families.chain(of_set.into_iter().flatten());
        let families =
            families.map(|own| if is_shown && is_named(&own) { own } else { own.hidden() });
        families.collect()
    }
}

/// A scraper that groups are held for.
struct Reader {
    readers: Arc<Readers>,
    name: String,
}

impl Reader {
    /// Notes that it asks for everything, and answers the moment before which all pushes will be in the answer.
    fn asks(&self) -> Timestamp {
        let now = Timestamp::now();
        self.readers.asks(&self.name, now);
        now
    }

    fn has_had(self, moment: Timestamp) {
        self.readers.has_had(&self.name, moment);
    }
}

/// The name of a scraper: its user, certificate or address, and what it accepts.
fn name(sender: &Sender<'_>, headers: &HeaderMap) -> String {
    let accept = headers.get(ACCEPT).map(HeaderValue::as_bytes).unwrap_or_default();
    let accept = String::from_utf8_lossy(&accept[..accept.len().min(READER_ACCEPT_BYTES_MAX)]);
    let known = sender.caller.known_as();
    match known.is_empty() {
        true => format!("{:?} {accept}", sender.client.source.host()),
        false => format!("{known} {accept}"),
    }
}

/// The values of all headers of this name that are text.
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
        let client =
            crate::listen::Client { source: crate::listen::Source::Unix, certificate: None };
        let sender = Sender { client: &client, caller: crate::access::Caller::default() };
        let headers = HeaderMap::new();
        let slot = http.scrapes.slots.take().await.expect("there is one");
        let refused = http.scrapes.scrape(Shown::Groups, &headers, "", &sender).await;
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.headers().contains_key("retry-after"));
        let (waiting, ()) =
            tokio::join!(http.scrapes.scrape(Shown::Groups, &headers, "", &sender), async {
                tokio::time::sleep(SCRAPE_WAIT / 2).await;
                drop(slot);
            });
        assert_eq!(waiting.status(), StatusCode::OK);
        assert_eq!(http.scrapes.taken(), 0, "it counts no more, read or not");
    }

    #[tokio::test(start_paused = true)]
    async fn more_scrapes_than_may_wait_are_refused_at_once() {
        let slots = Slots::new(1);
        let slot = slots.take().await.expect("there is one");
        let mut waiting: Vec<_> =
            (0..SCRAPES_WAITING_MAX).map(|_| Box::pin(slots.take())).collect();
        for one in &mut waiting {
            let polled = std::future::poll_fn(|context| Poll::Ready(one.as_mut().poll(context)));
            assert!(polled.await.is_pending());
        }
        let since = tokio::time::Instant::now();
        assert!(slots.take().await.is_err());
        assert_eq!(since.elapsed(), Duration::ZERO);
        drop((slot, waiting));
        assert!(slots.take().await.is_ok());
    }
}
