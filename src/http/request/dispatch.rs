//! From a request to its endpoint, and the count of the answer.

use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use crate::config::WebSettings;
use crate::http::Http;
use crate::http::reply::{self, Reply};
use crate::http::request::framing;
use crate::http::request::prefix::route_under;
use crate::http::request::request_id::{RequestId, identify};
use crate::http::request::route::{Route, route};
use crate::http::ui;
use crate::listen::Client;
use crate::own_metrics::{Handler, Verb};
use crate::shard::Mode;

impl Http {
    /// Answers one request. The caller keeps what the answer has left of the body: see [`crate::http::unread_body`].
    pub(in crate::http) async fn answer(
        &self,
        head: &Parts,
        body: &mut Incoming,
        client: &Client,
    ) -> Reply {
        if let Some((status, reason)) = framing::objection(head) {
            let reply = reply::and_close(reply::error(status, reason));
            return self.with_headers(identify(reply, &head.headers));
        }
        let path = head.uri.path();
        let query = head.uri.query().unwrap_or_default();
        let route = self.route(&head.method, path);
        let is_query = route.is_query();
        let sender = match self.admit(&route, &head.headers, client).await {
            Ok(sender) => sender,
            Err(turned_away) => {
                let reply = self.turn_away(turned_away, &head.headers, client);
                let reply = if is_query { self.with_cors(path, reply) } else { reply };
                return self.with_headers(reply);
            }
        };
        let (counted, reply) = match route {
            Route::Push { mode, tail } => {
                let verb = if mode == Mode::Replace { Verb::Put } else { Verb::Post };
                (
                    Some((Handler::Push, verb)),
                    self.push(mode, &tail, &head.headers, body, &sender).await,
                )
            }
            Route::Delete { tail } => {
                let reply = self.delete(&tail, &head.headers, body, &sender).await;
                (Some((Handler::Delete, Verb::Delete)), reply)
            }
            Route::Scrape => (None, self.scrape(&head.headers, query, client).await),
            Route::Page(page) => {
                let is_static = matches!(page, ui::Page::Static(_));
                let handler = if is_static { Handler::Static } else { Handler::Status };
                // In a box, so that a push does not carry the room for it.
                let reply = Box::pin(self.page(page, query, &head.headers, &sender)).await;
                (Some((handler, Verb::Get)), reply)
            }
            Route::Form(form) => {
                let reply = Box::pin(self.form(form, &head.headers, body, &sender)).await;
                (Some((Handler::Status, Verb::Post)), reply)
            }
            Route::Healthy => (Some((Handler::Healthy, Verb::Get)), self.healthy()),
            Route::Ready => (Some((Handler::Ready, Verb::Get)), self.ready()),
            Route::Wipe => (Some((Handler::Wipe, Verb::Put)), self.wipe(&sender).await),
            Route::Place { tail } => {
                let placed = self.place(&tail, query, &head.headers, body, &sender);
                (Some((Handler::ApiPlace, Verb::Put)), Box::pin(placed).await)
            }
            Route::ApiStatus => (Some((Handler::ApiStatus, Verb::Get)), self.api_status()),
            Route::ApiMetrics => {
                (Some((Handler::ApiMetrics, Verb::Get)), self.api_metrics(query, client).await)
            }
            Route::ApiGroups => {
                (Some((Handler::ApiGroups, Verb::Get)), self.api_groups(query, client).await)
            }
            Route::ApiDeleteGroups => {
                let reply = self.api_delete_groups(query, client).await;
                (Some((Handler::ApiGroups, Verb::Delete)), reply)
            }
            Route::ApiHistory => (Some((Handler::ApiHistory, Verb::Get)), self.api_history()),
            Route::ApiSd => (Some((Handler::ApiSd, Verb::Get)), self.api_sd(head)),
            Route::ApiCheck => {
                let reply = self.api_check(query, &head.headers, body).await;
                (Some((Handler::ApiCheck, Verb::Post)), reply)
            }
            Route::ApiOptions => (Some((Handler::ApiOptions, Verb::Options)), self.api_options()),
            Route::Quit => (None, self.quit(&sender)),
            Route::QuitByGet => {
                let text = "Only POST or PUT requests allowed.";
                (None, reply::text(StatusCode::METHOD_NOT_ALLOWED, text))
            }
            Route::Options(allowed) => (None, reply::options(allowed)),
            Route::MethodNotAllowed(allowed) => (None, reply::method_not_allowed(allowed)),
            Route::Redirect(path) => (None, reply::redirect(&path, head.uri.query())),
            Route::NotFound => (None, reply::error(StatusCode::NOT_FOUND, NOT_FOUND)),
            Route::BadPath => (None, bad_path(head, client)),
        };
        if let Some((handler, verb)) = counted {
            self.own.answered(handler, verb, reply.status().as_u16());
        }
        let reply = if is_query { self.with_cors(path, reply) } else { reply };
        let reply = reply.map(|body| body.kept(&self.unread));
        self.with_headers(identify(reply, &head.headers))
    }

    /// Whose a request is.
    pub(in crate::http) fn route<'a>(&self, method: &Method, path: &'a str) -> Route<'a> {
        let WebSettings { route_prefix, telemetry_path, enable_admin_api, .. } = &self.config.web;
        if route_prefix.is_empty() {
            return route(method, path, telemetry_path, *enable_admin_api);
        }
        route_under(route_prefix, method, path, telemetry_path, *enable_admin_api)
    }
}

/// The answer to a path that cannot be decoded, which may be that of a push.
fn bad_path(head: &Parts, client: &Client) -> Reply {
    let (id, reason) = (RequestId::of(&head.headers), "invalid percent-encoding");
    if head.method == Method::PUT || head.method == Method::POST {
        let (job, source) = (head.uri.path(), client.source);
        tracing::info!(job, %source, request_id = id.text(), err = reason, "push rejected");
    }
    id.on(reply::error(StatusCode::BAD_REQUEST, reason))
}

const NOT_FOUND: &str = "404 page not found";
