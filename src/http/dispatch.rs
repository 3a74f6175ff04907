//! From a request to its endpoint, and the count of the answer.

use hyper::body::Incoming;
use hyper::{Request, StatusCode};

use super::Http;
use super::api;
use super::client::Client;
use super::reply::{self, Reply};
use super::route::{Route, route};
use super::ui;
use crate::own_metrics::{Handler, Verb};
use crate::shard::Mode;

impl Http {
    /// Answers one request.
    pub(super) async fn answer(&self, request: Request<Incoming>, client: &Client) -> Reply {
        let (head, body) = request.into_parts();
        let config = &self.config;
        let path = head.uri.path();
        let query = head.uri.query().unwrap_or_default();
        let route =
            route(&head.method, path, &config.web.telemetry_path, config.web.enable_admin_api);
        let caller = match self.admit(&route, &head.headers, client).await {
            Ok(caller) => caller,
            Err(turned_away) => return self.with_headers(turned_away.into()),
        };
        let (counted, reply) = match route {
            Route::Push { mode, tail } => {
                let verb = if mode == Mode::Replace { Verb::Put } else { Verb::Post };
                (
                    Some((Handler::Push, verb)),
                    self.push(mode, &tail, &head.headers, body, client, &caller).await,
                )
            }
            Route::Delete { tail } => {
                let reply = self.delete(&tail, body, client, &caller).await;
                (Some((Handler::Delete, Verb::Delete)), reply)
            }
            Route::Scrape => (None, self.scrape(&head.headers, query).await),
            Route::Page(page) => {
                let is_static = matches!(page, ui::Page::Static(_));
                let handler = if is_static { Handler::Static } else { Handler::Status };
                // In a box, so that a push does not carry the room for it.
                let reply = Box::pin(self.page(page, query, &head.headers, &caller)).await;
                (Some((handler, Verb::Get)), reply)
            }
            Route::Form(form) => {
                let reply = Box::pin(self.form(form, &head.headers, body, client, &caller)).await;
                (Some((Handler::Status, Verb::Post)), reply)
            }
            Route::Healthy => (Some((Handler::Healthy, Verb::Get)), self.healthy()),
            Route::Ready => (Some((Handler::Ready, Verb::Get)), self.ready()),
            Route::Wipe => (Some((Handler::Wipe, Verb::Put)), self.wipe().await),
            Route::ApiStatus => (Some((Handler::ApiStatus, Verb::Get)), self.api_status()),
            Route::ApiMetrics => {
                (Some((Handler::ApiMetrics, Verb::Get)), self.api_metrics(query).await)
            }
            Route::ApiGroups => {
                (Some((Handler::ApiGroups, Verb::Get)), self.api_groups(query).await)
            }
            Route::ApiDeleteGroups => {
                let reply = self.api_delete_groups(query, client).await;
                (Some((Handler::ApiGroups, Verb::Delete)), reply)
            }
            Route::ApiHistory => (Some((Handler::ApiHistory, Verb::Get)), self.api_history()),
            Route::ApiCheck => {
                let reply = self.api_check(query, &head.headers, body).await;
                (Some((Handler::ApiCheck, Verb::Post)), reply)
            }
            Route::ApiOptions => (Some((Handler::ApiOptions, Verb::Options)), self.api_options()),
            Route::Quit => (None, self.quit()),
            Route::QuitByGet => {
                let text = "Only POST or PUT requests allowed.";
                (None, reply::text(StatusCode::METHOD_NOT_ALLOWED, text))
            }
            Route::Options(allowed) => (None, reply::options(allowed)),
            Route::MethodNotAllowed(allowed) => (None, reply::method_not_allowed(allowed)),
            Route::Redirect(path) => (None, reply::redirect(&path, head.uri.query())),
            Route::NotFound => (None, reply::error(StatusCode::NOT_FOUND, NOT_FOUND)),
            Route::BadPath => {
                (None, reply::error(StatusCode::BAD_REQUEST, "invalid percent-encoding"))
            }
        };
        if let Some((handler, verb)) = counted {
            self.own.answered(handler, verb, reply.status().as_u16());
        }
        let reply = if path.starts_with(api::PATH) { api::with_cors(reply) } else { reply };
        self.with_headers(reply)
    }
}

const NOT_FOUND: &str = "404 page not found";
