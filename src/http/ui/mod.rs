//! The pages for people. `ui` knows what they look like; here they meet requests.
//!
//! `paths` says which page a path is, `show` and `glance` answer those that only show something, `console` the one
//! that checks pushes, and `act` those that delete, behind the `guard`, which knows our own forms from others'. `instead` is what comes in the place of a page.

mod act;
mod console;
mod glance;
mod guard;
mod instead;
mod page;
mod paths;
mod show;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::access::Caller;
use crate::http::Http;
use crate::http::api::LISTING_WAIT;
use crate::http::body::chunks::collect;
use crate::http::body::in_flight::{InFlight, Room};
use crate::http::push_priority::Manners;
use crate::http::reply::{Failure, Reply};
use crate::http::request::admission::Sender;
use crate::percent;
use crate::shard::GroupSummary;
use crate::ui::{Frame, Row, Tokens};

pub(super) use paths::{Form, Page, form, page};

/// How many pages that go through all groups are made at a time.
pub(super) const PAGES_MAX: usize = 4;
/// How long one waits for its turn.
pub(super) const PAGE_WAIT: Duration = Duration::from_secs(2);
/// How many bytes of grouping keys a page looks at before others have their turn: a search has many words.
const LOOKED_AT_BYTES_MAX: usize = 64 << 10;
/// How large a form may be that deletes something, in bytes.
pub(super) const FORM_BYTES_MAX: usize = 1 << 20;
/// How many groups one may name.
pub(super) const SELECTED_MAX: usize = 1000;

/// What the pages share.
#[derive(Debug)]
pub struct Forms {
    tokens: Tokens,
    /// One permit for each page that may go through all groups.
    turns: Arc<Semaphore>,
}

impl Default for Forms {
    fn default() -> Forms {
        Forms { tokens: Tokens::default(), turns: Arc::new(Semaphore::new(PAGES_MAX)) }
    }
}

impl Forms {
    async fn turn(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let turn = tokio::time::timeout(PAGE_WAIT, Arc::clone(&self.turns).acquire_owned());
        turn.await.ok().and_then(Result::ok).ok_or(Failure::TooManyAnswers)
    }
}

/// Who asks for a page, and what goes into its forms.
struct Visitor<'a> {
    caller: &'a Caller,
    headers: &'a HeaderMap,
    name: String,
    token: String,
    /// What all paths begin with as seen from outside, ready to be sent; empty for nothing.
    prefix: String,
}

impl Http {
    /// Answers a request for a page.
    pub(super) async fn page(
        &self,
        page: Page,
        query: &str,
        headers: &HeaderMap,
        sender: &Sender<'_>,
    ) -> Reply {
        let visitor = self.visitor(headers, &sender.caller);
        let shown = match page {
            Page::Overview => self.overview(&visitor).await,
            Page::Groups => self.groups_page(&visitor, query).await,
            Page::Group(tail) => self.group_page(&visitor, &tail, query).await,
            Page::Jobs => self.jobs_page(&visitor, query).await,
            Page::Job(tail) => self.job_page(&visitor, &tail).await,
            Page::Status => self.status_page(&visitor),
            Page::Check => self.console(&visitor, query),
            Page::Wipe => self.ask_to_wipe(&visitor),
            Page::Static(name) => return page::asset(&name, query, headers),
        };
        shown.unwrap_or_else(|instead| self.instead(&visitor, &instead))
    }

    /// Answers a form that was sent.
    pub(super) async fn form(
        &self,
        form: Form,
        headers: &HeaderMap,
        body: &mut Incoming,
        sender: &Sender<'_>,
    ) -> Reply {
        let visitor = self.visitor(headers, &sender.caller);
        let client = sender.client;
        let answered = match form {
            Form::Check => self.check_form(&visitor, body).await,
            Form::Delete => self.delete_form(&visitor, body, client).await,
            Form::Wipe => self.wipe_form(&visitor, body, client).await,
        };
        answered.unwrap_or_else(|instead| self.instead(&visitor, &instead))
    }

    /// Reads what a form has sent.
    async fn form_body(
        &self,
        body: &mut Incoming,
        bytes_max: usize,
    ) -> Result<(Bytes, Room<&InFlight>), Failure> {
        let mut room = Room::of(&*self.in_flight);
        let wait = self.config.web.body_wait;
        let body = collect(body, bytes_max, &mut room, wait).await.map_err(Failure::Body)?;
        Ok((body, room))
    }

    fn visitor<'a>(&self, headers: &'a HeaderMap, caller: &'a Caller) -> Visitor<'a> {
        let name = caller.name();
        let token = self.forms.tokens.token(&name);
        let prefix = percent::encode(self.config.web.external_prefix.as_bytes());
        Visitor { caller, headers, name, token, prefix }
    }

    fn frame<'a>(&'a self, visitor: &'a Visitor<'_>, section: &'static str) -> Frame<'a> {
        Frame {
            prefix: &visitor.prefix,
            telemetry_path: &self.config.web.telemetry_path,
            is_admin: self.config.web.enable_admin_api,
            section,
            token: &visitor.token,
        }
    }

    /// Goes through all groups, or those of some jobs, given as their escaped names. Whoever holds the permit makes
    /// a page of them.
    async fn each_group(
        &self,
        jobs: Vec<String>,
        mut take: impl FnMut(GroupSummary),
    ) -> Result<OwnedSemaphorePermit, Failure> {
        self.readable()?;
        let turn = self.forms.turn().await?;
        let (began, manners) = (Instant::now(), Manners::new(self.shards.clone()));
        let mut looked_at_bytes = 0;
        let mut roll = self.shards.scan(jobs).await?;
        while let Some(next) = roll.next().await? {
            for group in next {
                looked_at_bytes += group.group.key.len();
                take(group);
                if looked_at_bytes > LOOKED_AT_BYTES_MAX {
                    looked_at_bytes = 0;
                    tokio::task::yield_now().await; // Also where it ends if nobody waits for it.
                }
            }
            if began.elapsed() > LISTING_WAIT {
                return Err(Failure::SlowListing);
            }
            if let Some(pause) = manners.pause() {
                tokio::time::sleep(pause).await;
            }
        }
        Ok(turn)
    }
}

impl From<&GroupSummary> for Row {
    fn from(summary: &GroupSummary) -> Row {
        Row {
            key: Arc::clone(&summary.group.key),
            has_empty_instance: summary.has_empty_instance,
            pushed: summary.pushed,
            failed: summary.failed,
            families: summary.families,
            series: summary.series,
            bytes: summary.bytes,
        }
    }
}

/// Makes something of many groups where nobody waits behind it, and then lets the next have its turn.
async fn aside<T: Send + 'static>(
    turn: OwnedSemaphorePermit,
    make: impl FnOnce() -> T + Send + 'static,
) -> T {
    let making = tokio::task::spawn_blocking(move || {
        let _until_done = turn;
        make()
    });
    making.await.expect("making a page does not panic and is not aborted")
}
