//! Pushes from web pages: which sites `--push.cors-origin` allows, and what their browsers are told.
//!
//! A browser asks first, with OPTIONS and without credentials. That question is answered before admission.

use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderName, HeaderValue, ORIGIN, VARY,
};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use crate::http::reply::{Reply, empty};

/// What a page may send along with a push.
const HEADERS: &str = "Authorization, Content-Encoding, Content-Type, Idempotency-Key, Shardgate-Push-Id, X-Request-Id";
/// What it may read of the answer.
const EXPOSED: &str = "Retry-After, X-Request-Id";
/// For how many seconds a browser need not ask again.
const ASKED_SECONDS: &str = "600";

/// The sites whose pages may push.
#[derive(Debug)]
pub(crate) struct PushOrigins(pub(crate) Vec<String>);

impl PushOrigins {
    /// The site that a push comes from, if it is allowed.
    pub(crate) fn of_push(&self, is_push: bool, head: &Parts) -> Option<HeaderValue> {
        if self.0.is_empty() {
            return None; // Nearly always: no push looks for the header then.
        }
        let origin = head.headers.get(ORIGIN).filter(|_| is_push)?;
        let is_allowed = |allowed: &String| {
            allowed == "*" || allowed.as_bytes().eq_ignore_ascii_case(origin.as_bytes())
        };
        self.0.iter().any(is_allowed).then(|| origin.clone())
    }

    /// The answer to a browser that asks whether a page may push; `None` if the request is another, or the page may not.
    /// `is_push` tells whether the path is that of a push with a method.
    pub(crate) fn preflight(
        &self,
        head: &Parts,
        is_push: impl FnOnce(&Method) -> bool,
    ) -> Option<Reply> {
        if head.method != Method::OPTIONS || self.0.is_empty() {
            return None;
        }
        let asked = head.headers.get(ACCESS_CONTROL_REQUEST_METHOD)?;
        let asked = Method::from_bytes(asked.as_bytes()).ok()?;
        let origin = self.of_push(is_push(&asked), head)?;
        let reply = with_all(
            empty(StatusCode::NO_CONTENT),
            [
                (ACCESS_CONTROL_ALLOW_METHODS, "POST, PUT"),
                (ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
                (ACCESS_CONTROL_MAX_AGE, ASKED_SECONDS),
            ],
        );
        Some(readable_by(origin, reply))
    }
}

/// Lets the pages of a site read an answer.
pub(crate) fn readable_by(origin: HeaderValue, mut reply: Reply) -> Reply {
    reply.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    with_all(reply, [(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED), (VARY, "Origin")])
}

fn with_all<const N: usize>(mut reply: Reply, headers: [(HeaderName, &'static str); N]) -> Reply {
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    reply.headers_mut().extend(headers);
    reply
}
