//! From a request to its endpoint, and the count of the answer.

use hyper::body::Incoming;
use hyper::{Request, StatusCode};

use super::Http;
use super::client::Client;
use super::reply::{self, Reply};
use super::route::{Route, route};
use crate::own_metrics::{Handler, Verb};
use crate::shard::Mode;

impl Http {
    /// Answers one request.
    pub(super) async fn answer(&self, request: Request<Incoming>, client: &Client) -> Reply {
        let (head, body) = request.into_parts();
        let config = &self.config;
        let path = head.uri.path();
        let route =
            route(&head.method, path, &config.web.telemetry_path, config.web.enable_admin_api);
        let (counted, reply) = match route {
            Route::Push { mode, tail } => {
                let verb = if mode == Mode::Replace { Verb::Put } else { Verb::Post };
                (
                    Some((Handler::Push, verb)),
                    self.push(mode, &tail, &head.headers, body, client).await,
                )
            }
            Route::Delete { tail } => {
                let reply = self.delete(&tail, body).await;
                (Some((Handler::Delete, Verb::Delete)), reply)
            }
            Route::Scrape => {
                let query = head.uri.query().unwrap_or_default();
                (None, self.scrape(&head.headers, query).await)
            }
            Route::Status => (Some((Handler::Status, Verb::Get)), self.status_page()),
            Route::Static => {
                (Some((Handler::Static, Verb::Get)), reply::error(StatusCode::NOT_FOUND, NOT_FOUND))
            }
            Route::Healthy => (Some((Handler::Healthy, Verb::Get)), self.healthy()),
            Route::Ready => (Some((Handler::Ready, Verb::Get)), self.ready()),
            Route::Wipe => (Some((Handler::Wipe, Verb::Put)), self.wipe().await),
            Route::ApiStatus => (Some((Handler::ApiStatus, Verb::Get)), self.api_status()),
            Route::ApiMetrics => (Some((Handler::ApiMetrics, Verb::Get)), self.api_metrics().await),
            Route::ApiHistory => (Some((Handler::ApiHistory, Verb::Get)), self.api_history()),
            Route::ApiCheck => {
                let query = head.uri.query().unwrap_or_default();
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
        reply
    }
}

const NOT_FOUND: &str = "404 page not found";
