//! Pages and assets as answers.

use std::fmt;

use askama::Template;
use bytes::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    IF_NONE_MATCH, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{HeaderMap, StatusCode};

use super::Visitor;
use crate::http::Http;
use crate::http::reply::{Failure, Reply, empty, error, with_type};
use crate::ui::{self, MessagePage};

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// Nothing from elsewhere, nothing in the page itself, and in nobody's frame. Forms go to ourselves only. The
/// referrer stays within: without one a browser would not say where a form comes from.
const CONFINED: [(HeaderName, &str); 4] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (REFERRER_POLICY, "same-origin"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
];

/// A page. No cache keeps it: it shows what is so now, and has a token in it.
pub(super) fn html(status: StatusCode, page: &impl Template) -> Reply {
    let text = page.render().unwrap_or_else(|error| error.to_string());
    let mut reply = with_type(status, HTML, Bytes::from(text).into());
    for (name, value) in CONFINED {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// On to another page, to be got: a reload does not send the form again.
pub(super) fn see_other(location: &str) -> Reply {
    let mut reply = empty(StatusCode::SEE_OTHER);
    if let Ok(location) = HeaderValue::from_str(location) {
        reply.headers_mut().insert(LOCATION, location);
    }
    reply
}

/// An asset. Its URL has the hash of what is in it, so that it can be kept for as long as anybody likes.
pub(super) fn asset(name: &str, query: &str, headers: &HeaderMap) -> Reply {
    let Some((asset, hash)) = ui::asset(name) else {
        return error(StatusCode::NOT_FOUND, "404 page not found");
    };
    let tag = format!("\"{hash}\"");
    let is_known = headers.get_all(IF_NONE_MATCH).iter().any(|known| {
        let known = known.to_str().unwrap_or_default();
        known.split(',').any(|known| known.trim().trim_start_matches("W/") == tag)
    });
    let mut reply = if is_known {
        empty(StatusCode::NOT_MODIFIED)
    } else {
        let content_type = HeaderValue::from_static(asset.content_type);
        with_type(StatusCode::OK, content_type, Bytes::from_static(asset.bytes).into())
    };
    let is_named = query.strip_prefix("v=") == Some(hash);
    let keep = if is_named { "public, max-age=31536000, immutable" } else { "no-cache" };
    let fields = reply.headers_mut();
    fields.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    fields.extend(HeaderValue::from_str(&tag).ok().map(|tag| (ETAG, tag)));
    reply
}

impl Http {
    /// A failure as a page, with the status and headers it has everywhere.
    pub(super) fn failed(&self, visitor: &Visitor<'_>, failure: &Failure) -> Reply {
        if let Failure::Denied(denied) = failure {
            self.count_denied(denied);
        }
        let plain = Reply::from(failure);
        let mut reply = self.message(visitor, plain.status(), "That did not work", failure);
        for (name, value) in plain.headers() {
            if *name != CONTENT_TYPE {
                reply.headers_mut().insert(name, value.clone());
            }
        }
        reply
    }

    /// A page that says one thing.
    pub(super) fn message(
        &self,
        visitor: &Visitor<'_>,
        status: StatusCode,
        title: &str,
        text: impl fmt::Display,
    ) -> Reply {
        let text = text.to_string();
        let frame = self.frame(visitor, "");
        html(status, &MessagePage { frame, title, text: &text })
    }
}
