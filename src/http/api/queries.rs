//! The queries for groups: with everything they hold, without it, and the deletion of what a query finds.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::HeaderName;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::groups::{self, Deletion};
use super::json::{JSON, failed, success};
use super::listing::{Listing, list};
use super::metrics;
use super::query::Query;
use super::stream::streamed;
use super::turn::{API_ANSWERS_MAX, Turn, Turns};
use crate::http::body::chunks::Chunks;
use crate::http::failure::Failure;
use crate::http::reply::{Reply, with, with_type};
use crate::http::storage::Storage;
use crate::listen::Client;
use crate::parameters::ParameterError;

/// How many requests delete groups by selectors at a time.
const API_DELETES_MAX: usize = 1;

const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// What queries need.
#[derive(Debug)]
pub(crate) struct Queries {
    storage: Storage,
    turns: Turns,
    /// Apart from the turns: queries that read never delay a deletion.
    delete_slots: Arc<Semaphore>,
}

impl Queries {
    pub(crate) fn new(storage: Storage) -> Queries {
        let delete_slots = Arc::new(Semaphore::new(API_DELETES_MAX));
        Queries { storage, turns: Turns::new(API_ANSWERS_MAX), delete_slots }
    }

    /// Groups with everything they hold.
    pub(crate) async fn metrics(&self, query: &str, client: &Client) -> Reply {
        let shown = self.listing(query).await.map(|(listing, turn)| {
            let groups = listing.groups.into_iter().map(|summary| (summary.group, summary.bytes));
            let (groups, shards) = (groups.collect::<Vec<_>>(), self.storage.shards.clone());
            let body =
                streamed(client.source, turn, move |out| metrics::write(out, &shards, &groups));
            (body, listing.total)
        });
        shown.map_or_else(Refused::into, |(body, total)| answer(body, total))
    }

    /// Groups without what they hold.
    pub(crate) async fn groups(&self, query: &str, client: &Client) -> Reply {
        let shown = self.listing(query).await.map(|(listing, turn)| {
            let total = listing.total;
            let body = streamed(client.source, turn, move |out| groups::write(out, &listing));
            (body, total)
        });
        shown.map_or_else(Refused::into, |(body, total)| answer(body, total))
    }

    /// Deletes the groups that the query is about.
    pub(crate) async fn delete(&self, query: &str, client: &Client) -> Reply {
        self.delete_groups(query, client).await.map_or_else(Refused::into, success)
    }

    async fn listing(&self, query: &str) -> Result<(Listing, Arc<Turn>), Refused> {
        self.storage.readable()?;
        let turn = self.turns.take().await?;
        let until_listed = turn.stop.clone().drop_guard(); // Stops it if the client leaves.
        let (shards, query, runtime) =
            (self.storage.shards.clone(), query.to_owned(), Handle::current());
        // Regular expressions are compiled there as well. The turn goes along: the client may leave.
        let listing = tokio::task::spawn_blocking(move || {
            let query = Query::to_show(&query)?;
            Ok((list(&runtime, &shards, &query, &turn.stop)?, turn))
        });
        let listed = listing.await.expect("listing does not panic and is not aborted");
        until_listed.disarm();
        listed
    }

    async fn delete_groups(&self, query: &str, client: &Client) -> Result<Deletion, Refused> {
        self.storage.writable().await?;
        let slot = self.delete_slot()?;
        let (shards, query, runtime) =
            (self.storage.shards.clone(), query.to_owned(), Handle::current());
        let source = client.source;
        // There it comes to its end even when the client leaves.
        let deleting = tokio::task::spawn_blocking(move || {
            let _until_done = slot;
            let query = Query::to_delete(&query)?;
            let groups = list(&runtime, &shards, &query, &CancellationToken::new())?.groups;
            let mut deletion =
                Deletion { matched: groups.len() as u64, deleted: 0, dry_run: query.is_dry_run };
            if !deletion.dry_run {
                let groups = groups.into_iter().map(|summary| summary.group).collect();
                deletion.deleted = runtime.block_on(shards.delete_listed(groups))?;
            }
            let Deletion { matched, deleted, dry_run } = deletion;
            tracing::info!(%source, groups = %query.filter, matched, deleted, dry_run, "groups deleted");
            Ok(deletion)
        });
        deleting.await.expect("deleting does not panic and is not aborted")
    }

    fn delete_slot(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let reason = "groups are being deleted by another request; try again";
        let slot = Arc::clone(&self.delete_slots).try_acquire_owned();
        slot.map_err(|_| Failure::unavailable(reason))
    }
}

/// Why a query is not answered.
enum Refused {
    Query(ParameterError),
    Failure(Failure),
}

impl From<ParameterError> for Refused {
    fn from(error: ParameterError) -> Refused {
        Refused::Query(error)
    }
}

impl<E: Into<Failure>> From<E> for Refused {
    fn from(error: E) -> Refused {
        Refused::Failure(error.into())
    }
}

impl From<Refused> for Reply {
    fn from(refused: Refused) -> Reply {
        match refused {
            Refused::Query(error) => failed(StatusCode::BAD_REQUEST, error),
            Refused::Failure(failure) => Reply::from(&failure),
        }
    }
}

/// A body, with the number of groups on all pages in a header.
fn answer(body: Chunks, total: usize) -> Reply {
    with(with_type(StatusCode::OK, JSON, body), TOTAL_COUNT, total.into())
}
