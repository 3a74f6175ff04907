//! The table of endpoints. A row says everything about one: method, path, when it exists, the right it needs, the name that
//! requests are counted under, whether pages of other sites may read the answer, and what answers.
//!
//! To add an endpoint, write its handler in the file of its family, and add a row.

use std::future::Future;
use std::pin::Pin;

use hyper::StatusCode;

use crate::access::Right;
use crate::http::forward::set::Change;
use crate::http::reply::{Reply, empty, text};
use crate::http::request::admission::Request;
use crate::http::scrape::endpoint::Shown;
use crate::http::server::Http;
use crate::http::ui::error_page::PageError;
use crate::http::ui::page;
use crate::own_metrics::Verb;
use crate::shard::Mode;

use Exists::{Always, AtRoot, WithAdminApi};
use Path::{Below, Is, Names, Place, Preflight, Push, Telemetry};
use Readers::{AnySite, OwnSite};

/// One row of the table.
pub(crate) struct Endpoint {
    pub(crate) verb: Verb,
    pub(crate) path: Path,
    pub(crate) exists: Exists,
    /// The right that a request needs. Pushes and deletes need one for their job, which is known later.
    pub(crate) right: Option<Right>,
    /// The label `handler` of the requests counted; none for scrapes, which are counted apart, and for what the
    /// reference does not count.
    pub(crate) handler: Option<&'static str>,
    pub(crate) readers: Readers,
    pub(crate) call: Call,
}

impl Endpoint {
    /// What it may change, if it may change groups. In a replica set the leader answers such requests.
    pub(crate) fn change(&self) -> Option<Change> {
        let changes_nothing = [Is("/-/quit"), Is("/api/v1/check"), Is("/check")];
        if matches!(self.verb, Verb::Get | Verb::Options) || changes_nothing.contains(&self.path) {
            return None;
        }
        // PUT and DELETE of a group are idempotent (RFC 9110, 9.2.2), and so is what POST means here: it replaces families or
        // series. What deletes several groups is not: they may have been pushed again meanwhile.
        let is_idempotent = matches!(self.path, Push | Place);
        Some(Change { is_delete: self.verb == Verb::Delete, is_idempotent })
    }

    /// Whether HEAD is answered as GET is, without the body: probes and pages, which load balancers and link checkers ask so.
    pub(crate) fn answers_head(&self) -> bool {
        let is_seen = || matches!(self.handler, Some("status" | "static"));
        self.verb == Verb::Get && (matches!(self.call, Call::Probe(_)) || is_seen())
    }
}

/// Where an endpoint is, once the path is percent-decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    Is(&'static str),
    /// `--web.telemetry-path`.
    Telemetry,
    /// `/metrics/job`, and the group.
    Push,
    /// `/api/v1/admin/groups/job`, and the group.
    Place,
    /// This, and a group or a job that is not empty.
    Names(&'static str),
    /// This, and anything.
    Below(&'static str),
    /// Any path of the API, asked for with OPTIONS.
    Preflight,
}

/// When an endpoint exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exists {
    Always,
    /// With `--web.enable-admin-api`.
    WithAdminApi,
    /// At the root of all paths and not below `--web.route-prefix`, as the reference has it.
    AtRoot,
}

/// Which sites may read the answer in a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    OwnSite,
    /// The query API, as in the reference.
    AnySite,
}

/// What answers.
pub(crate) enum Call {
    /// A push. The only call that is not boxed: a push allocates nothing for it.
    Push(Mode),
    /// A probe, which connections above the limit are answered as well.
    Probe(fn(&Http) -> Reply),
    Other(for<'a> fn(&'a Http, Request<'a>) -> Answer<'a>),
}

/// An answer that is being made.
type Answer<'a> = Pin<Box<dyn Future<Output = Reply> + Send + 'a>>;

/// A call that takes its time, or not.
macro_rules! call {
    (|$http:ident, $request:ident| $answer:expr) => {
        Call::Other(|$http, $request| Box::pin(async move { $answer }))
    };
}

/// A call that answers with a page, or with an error page.
macro_rules! page {
    (|$http:ident, $visitor:ident, $request:ident| $page:expr) => {
        call!(|$http, $request| {
            let $visitor = &$http.site.visitor($request.headers(), &$request.sender.caller);
            $page.unwrap_or_else(|error| $visitor.error_page(&error))
        })
    };
}

const ANYBODY: Option<Right> = None;
const SCRAPE: Option<Right> = Some(Right::Scrape);
const READ: Option<Right> = Some(Right::Read);
const ADMIN: Option<Right> = Some(Right::Admin);

const fn row(
    verb: Verb,
    path: Path,
    exists: Exists,
    right: Option<Right>,
    handler: &'static str,
    readers: Readers,
    call: Call,
) -> Endpoint {
    let handler = if handler.is_empty() { None } else { Some(handler) };
    Endpoint { verb, path, exists, right, handler, readers, call }
}

/// All endpoints. Pushes come first, since they are looked for most.
#[rustfmt::skip]
pub(crate) static ENDPOINTS: &[Endpoint] = &[
    row(Verb::Put,     Push,                         Always,       ANYBODY, "push",                OwnSite, Call::Push(Mode::Replace)),
    row(Verb::Post,    Push,                         Always,       ANYBODY, "push",                OwnSite, Call::Push(Mode::Add)),
    row(Verb::Delete,  Push,                         Always,       ANYBODY, "delete",              OwnSite, call!(|http, request| http.groups.delete(request).await)),
    row(Verb::Get,     Telemetry,                    Always,       SCRAPE,  "",                    OwnSite, call!(|http, request| http.scrapes.scrape(Shown::Groups, request.headers(), request.query(), request.sender).await)),

    row(Verb::Get,     Is("/-/metrics"),             Always,       SCRAPE,  "",                    OwnSite, call!(|http, request| http.scrapes.scrape(Shown::Own, request.headers(), request.query(), request.sender).await)),
    row(Verb::Get,     Is("/-/healthy"),             Always,       ANYBODY, "healthy",             OwnSite, Call::Probe(|http| http.probes.healthy())),
    row(Verb::Get,     Is("/-/ready"),               Always,       ANYBODY, "ready",               OwnSite, Call::Probe(|http| http.probes.ready())),
    row(Verb::Get,     Is("/-/ready/pushes"),        Always,       ANYBODY, "ready",               OwnSite, Call::Probe(|http| http.probes.ready_for_pushes())),
    row(Verb::Get,     Is("/-/leading"),             Always,       ANYBODY, "leading",             OwnSite, Call::Probe(|http| http.probes.leading())),
    row(Verb::Put,     Is("/-/quit"),                Always,       ADMIN,   "",                    OwnSite, call!(|http, request| http.lifecycle.quit(&request))),
    row(Verb::Post,    Is("/-/quit"),                Always,       ADMIN,   "",                    OwnSite, call!(|http, request| http.lifecycle.quit(&request))),
    row(Verb::Get,     Is("/-/quit"),                AtRoot,       ANYBODY, "",                    OwnSite, call!(|_http, _request| text(StatusCode::METHOD_NOT_ALLOWED, "Only POST or PUT requests allowed."))),

    row(Verb::Options, Preflight,                    Always,       ANYBODY, "api/v1/options",      AnySite, call!(|_http, _request| empty(StatusCode::OK))),
    row(Verb::Get,     Is("/api/v1/status"),         Always,       READ,    "api/v1/status",       AnySite, call!(|http, _request| http.build_status.answer())),
    row(Verb::Get,     Is("/api/v1/metrics"),        Always,       READ,    "api/v1/metrics",      AnySite, call!(|http, request| http.queries.metrics(request.query(), request.client()).await)),
    row(Verb::Get,     Is("/api/v1/groups"),         Always,       READ,    "api/v1/groups",       AnySite, call!(|http, request| http.queries.groups(request.query(), request.client()).await)),
    row(Verb::Delete,  Is("/api/v1/groups"),         WithAdminApi, ADMIN,   "api/v1/groups",       AnySite, call!(|http, request| http.queries.delete(request.query(), request.client()).await)),
    row(Verb::Get,     Is("/api/v1/history"),        Always,       READ,    "api/v1/history",      AnySite, call!(|http, _request| http.history.answer())),
    row(Verb::Get,     Is("/api/v1/rejections"),    Always,       READ,    "api/v1/rejections",   OwnSite, call!(|http, request| http.rejections_api.answer(request.query()))),
    row(Verb::Get,     Is("/api/v1/sd"),             Always,       READ,    "api/v1/sd",           AnySite, call!(|http, request| http.discovery.answer(request.head))),
    row(Verb::Post,    Is("/api/v1/check"),          Always,       READ,    "api/v1/check",        AnySite, call!(|http, request| http.check_api.answer(request).await)),
    row(Verb::Put,     Is("/api/v1/admin/wipe"),     WithAdminApi, ADMIN,   "wipe",                OwnSite, call!(|http, request| http.admin.wipe(request.sender).await)),
    row(Verb::Put,     Place,                        WithAdminApi, ADMIN,   "api/v1/admin/groups", OwnSite, call!(|http, request| http.places.place(request).await)),

    row(Verb::Get,     Is("/"),                      Always,       READ,    "status",              OwnSite, page!(|http, visitor, request| http.overview.page(visitor, &http.status).await)),
    row(Verb::Get,     Is("/groups"),                Always,       READ,    "status",              OwnSite, page!(|http, visitor, request| http.views.groups(visitor, request.query()).await)),
    row(Verb::Get,     Names("/groups/job"),         Always,       READ,    "status",              OwnSite, page!(|http, visitor, request| http.views.group(visitor, request.tail, request.query()).await)),
    row(Verb::Get,     Is("/jobs"),                  Always,       READ,    "status",              OwnSite, page!(|http, visitor, request| http.views.jobs(visitor, request.query()).await)),
    row(Verb::Get,     Names("/jobs"),               Always,       READ,    "status",              OwnSite, page!(|http, visitor, request| http.views.job(visitor, request.tail).await)),
    row(Verb::Get,     Is("/expired"),               Always,       READ,    "status",              OwnSite, page!(|http, visitor, request| http.expired_pages.page(visitor, request.query()))),
    row(Verb::Get,     Is("/rejections"),            Always,       READ,    "status",              OwnSite, page!(|http, visitor, request| http.rejection_pages.page(visitor, request.query()))),
    row(Verb::Get,     Is("/manual"),                Always,       READ,    "status",              OwnSite, page!(|_http, visitor, _request| Ok::<_, PageError>(visitor.manual(b"")))),
    row(Verb::Get,     Below("/manual/"),            Always,       READ,    "status",              OwnSite, page!(|_http, visitor, request| Ok::<_, PageError>(visitor.manual(request.tail)))),
    row(Verb::Get,     Is("/status"),                Always,       READ,    "status",              OwnSite, page!(|http, visitor, request| http.status.page(visitor))),
    row(Verb::Get,     Is("/check"),                 Always,       READ,    "status",              OwnSite, page!(|http, visitor, request| http.console.page(visitor, request.query()))),
    row(Verb::Post,    Is("/check"),                 Always,       READ,    "status",              OwnSite, page!(|http, visitor, request| http.console.check(visitor, request.body).await)),
    row(Verb::Post,    Is("/groups/delete"),         Always,       READ,    "status",              OwnSite, page!(|http, visitor, request| http.forms.delete(visitor, request.body, request.sender.client).await)),
    row(Verb::Get,     Is("/wipe"),                  Always,       READ,    "status",              OwnSite, page!(|http, visitor, request| http.forms.ask_to_wipe(visitor))),
    row(Verb::Post,    Is("/wipe"),                  Always,       READ,    "status",              OwnSite, page!(|http, visitor, request| http.forms.wipe(visitor, request.body, request.sender.client).await)),
    row(Verb::Get,     Below("/static/"),            Always,       READ,    "static",              OwnSite, call!(|_http, request| page::asset(request.tail, request.query(), request.headers()))),
];

/// The names that requests are counted under.
pub fn handlers() -> impl Iterator<Item = &'static str> {
    ENDPOINTS.iter().filter_map(|endpoint| endpoint.handler)
}
