//! The query API, in the reference's shapes, and what the reference does not have: `/api/v1/groups`.
//!
//! `query` reads what is asked for, `listing` finds the groups, and `metrics` and `groups` write them to a
//! `stream`, in the shapes that `json` has for both.

mod check;
mod groups;
mod history;
mod json;
mod listing;
mod metrics;
mod query;
mod sd;
mod stream;
mod turn;

use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, HeaderName, HeaderValue,
};
use memchr::memchr;
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::Http;
use crate::http::body::chunks::Chunks;
use crate::http::reply::{Failure, Reply, empty, with_type};
use crate::listen::Client;
use crate::parameters::ParameterError;
use crate::shard::Unavailable;
use groups::Deletion;
use listing::{Listing, list};
use query::Query;
use turn::{Awaited, Stop, Turn, Turns};

pub(super) use listing::LISTING_WAIT;
pub(super) use turn::API_ANSWERS_MAX;

/// How many delete groups by selectors at a time.
const API_DELETES_MAX: usize = 1;

const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl Http {
    /// How the gateway was built and started.
    pub(super) fn api_status(&self) -> Reply {
        let flags: serde_json::Map<String, serde_json::Value> = self
            .config
            .flags
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_str().into()))
            .collect();
        let answer = json!({
            "status": "success",
            "data": {
                "build_information": {
                    "branch": "",
                    "buildDate": "",
                    "buildUser": "",
                    "goVersion": "",
                    "revision": option_env!("SHARDGATE_REVISION").unwrap_or_default(),
                    "version": env!("CARGO_PKG_VERSION"),
                },
                "flags": flags,
                "start_time": humantime::format_rfc3339_nanos(self.started).to_string(),
            },
        });
        with_type(StatusCode::OK, JSON, Bytes::from(answer.to_string()).into())
    }

    /// Groups with everything they hold.
    pub(super) async fn api_metrics(&self, query: &str, client: &Client) -> Reply {
        let shown = self.listing(query).await.map(|(listing, turn)| {
            let groups = listing.groups.into_iter().map(|summary| (summary.group, summary.bytes));
            let (groups, shards) = (groups.collect::<Vec<_>>(), self.shards.clone());
            let body = stream::streamed(client.source, turn, move |out| {
                metrics::write(out, &shards, &groups)
            });
            (body, listing.total)
        });
        shown.map_or_else(Refused::into, |(body, total)| answer(body, total))
    }

    /// Groups without what they hold.
    pub(super) async fn api_groups(&self, query: &str, client: &Client) -> Reply {
        let shown = self.listing(query).await.map(|(listing, turn)| {
            let total = listing.total;
            let body =
                stream::streamed(client.source, turn, move |out| groups::write(out, &listing));
            (body, total)
        });
        shown.map_or_else(Refused::into, |(body, total)| answer(body, total))
    }

    /// Forgets the groups that the query is about.
    pub(super) async fn api_delete_groups(&self, query: &str, client: &Client) -> Reply {
        match self.delete_groups(query, client).await {
            Ok(deletion) => {
                let answer = json!({ "status": "success", "data": deletion });
                with_type(StatusCode::OK, JSON, Bytes::from(answer.to_string()).into())
            }
            Err(refused) => refused.into(),
        }
    }

    async fn listing(&self, query: &str) -> Result<(Listing, Arc<Turn>), Refused> {
        self.readable()?;
        let turn = self.answers.turns.take().await?;
        let awaited = Awaited::new(&turn);
        let (shards, query, runtime) = (self.shards.clone(), query.to_owned(), Handle::current());
        // Regular expressions are compiled there as well. The turn goes along: the client may leave.
        let listing = tokio::task::spawn_blocking(move || {
            let query = Query::to_show(&query)?;
            Ok((list(&runtime, &shards, &query, &turn.stop)?, turn))
        });
        let listed = listing.await.expect("listing does not panic and is not aborted");
        awaited.answered();
        listed
    }

    async fn delete_groups(&self, query: &str, client: &Client) -> Result<Deletion, Refused> {
        self.writable().await?;
        let slot = self.answers.delete_slot()?;
        let (shards, query, runtime) = (self.shards.clone(), query.to_owned(), Handle::current());
        let source = client.source;
        // There it comes to its end even when the client leaves.
        let deleting = tokio::task::spawn_blocking(move || {
            let _until_done = slot;
            let query = Query::to_delete(&query)?;
            let groups = list(&runtime, &shards, &query, &Stop::default())?.groups;
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

    /// What a browser asks before it lets a page of another site call the API.
    pub(super) fn api_options(&self) -> Reply {
        empty(StatusCode::OK)
    }

    /// Lets pages of any site read the answer to a query, and no cache keep it.
    pub(super) fn with_cors(&self, path: &str, mut reply: Reply) -> Reply {
        // Where groups can be deleted, no page of another site may have its reader do so, however it spells the path.
        let may_delete = self.config.web.enable_admin_api
            && (path.ends_with("/groups") || memchr(b'%', path.as_bytes()).is_some());
        let methods = if may_delete { "GET, POST, OPTIONS" } else { "GET, POST, DELETE, OPTIONS" };
        let headers = [
            (ACCESS_CONTROL_ALLOW_HEADERS, "Accept, Authorization, Content-Type, Origin"),
            (ACCESS_CONTROL_ALLOW_METHODS, methods),
            (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (ACCESS_CONTROL_EXPOSE_HEADERS, "Date, X-Total-Count"),
            (CACHE_CONTROL, "no-cache, no-store, must-revalidate"),
        ];
        for (name, value) in headers {
            reply.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        reply
    }
}

/// What queries share.
#[derive(Debug)]
pub struct Answers {
    turns: Turns,
    /// The same for those that delete: who reads keeps nobody from that.
    delete_slots: Arc<Semaphore>,
}

impl Default for Answers {
    fn default() -> Answers {
        Answers {
            turns: Turns::new(API_ANSWERS_MAX),
            delete_slots: Arc::new(Semaphore::new(API_DELETES_MAX)),
        }
    }
}

impl Answers {
    fn delete_slot(&self) -> Result<OwnedSemaphorePermit, Failure> {
        Arc::clone(&self.delete_slots).try_acquire_owned().map_err(|_| Failure::TooManyDeletes)
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

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Refused {
        Refused::Failure(failure)
    }
}

impl From<Unavailable> for Refused {
    fn from(unavailable: Unavailable) -> Refused {
        Refused::Failure(unavailable.into())
    }
}

impl From<Refused> for Reply {
    fn from(refused: Refused) -> Reply {
        match refused {
            Refused::Query(error) => {
                let (status, error) = ("error", error.to_string());
                let answer = json!({ "status": status, "errorType": "bad_data", "error": error });
                with_type(StatusCode::BAD_REQUEST, JSON, Bytes::from(answer.to_string()).into())
            }
            Refused::Failure(failure) => Reply::from(&failure),
        }
    }
}

/// A body, and how many groups there are besides those it shows.
fn answer(body: Chunks, total: usize) -> Reply {
    let mut reply = with_type(StatusCode::OK, JSON, body);
    reply.headers_mut().insert(TOTAL_COUNT, total.into());
    reply
}
