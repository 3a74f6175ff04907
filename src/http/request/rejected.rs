//! Notes the requests that are rejected, for `/rejections` and `/api/v1/rejections`.

use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use crate::exposition::{NameRules, unescape};
use crate::http::endpoints::Path;
use crate::http::reply::{Reason, Reply};
use crate::http::request::request_id::{X_REQUEST_ID, identify};
use crate::http::request::route::Route;
use crate::http::server::Http;
use crate::listen::Client;
use crate::push::GroupingKey;
use crate::rejections::{Rejection, group_of};
use crate::shard::Timestamp;

impl Http {
    /// Puts an id on an answer that is an error, and notes the rejection. `user` names the client.
    pub(crate) fn note_if_rejected(
        &self,
        reply: Reply,
        head: &Parts,
        client: &Client,
        user: impl FnOnce() -> String,
    ) -> Reply {
        let mut reply = identify(reply, &head.headers);
        let Some(Reason(reason)) = reply.extensions_mut().remove::<Reason>() else { return reply };
        if !self.rejections.is_enabled() {
            return reply;
        }
        let route = self.paths.route(&head.method, head.uri.path());
        if is_no_loss(&route, head, reply.status()) {
            return reply;
        }
        let key = match &route {
            Route::Endpoint(endpoint, tail)
                if matches!(endpoint.path, Path::Push | Path::Place) =>
            {
                GroupingKey::parse(tail, NameRules::Utf8).ok()
            }
            _ => None,
        };
        let id = reply.headers().get(X_REQUEST_ID).and_then(|id| id.to_str().ok());
        self.rejections.add(Rejection {
            number: 0,
            time: Timestamp::now(),
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            job: key.as_ref().map_or_else(String::new, |key| unescape(key.job()).into_owned()),
            group: key.map(|key| group_of(&key.identity())),
            source: client.source.to_string(),
            user: user(),
            status: reply.status().as_u16(),
            reason: String::from_utf8_lossy(&reason).trim_end().to_owned(),
            request_id: id.unwrap_or_default().to_owned(),
        });
        reply
    }
}

/// Whether an error is no rejection: a page that is not there, or a check that has found something.
fn is_no_loss(route: &Route<'_>, head: &Parts, status: StatusCode) -> bool {
    match route {
        Route::Endpoint(endpoint, _) => {
            status == StatusCode::BAD_REQUEST && endpoint.path == Path::Is("/api/v1/check")
        }
        Route::NotFound => matches!(head.method, Method::GET | Method::HEAD),
        _ => false,
    }
}
