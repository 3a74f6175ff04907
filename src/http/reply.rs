//! Answers: how each kind of reply is built.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Body;
use hyper::header::{
    ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};

use crate::http::body::chunks::Chunks;

/// What every endpoint answers.
pub(crate) type Reply = Response<Chunks>;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
pub(crate) const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// A status and nothing else.
pub(crate) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Chunks::default());
    *reply.status_mut() = status;
    reply
}

/// A text of our own, as it is.
pub(crate) fn text(status: StatusCode, text: &'static str) -> Reply {
    with_type(status, TEXT, Bytes::from_static(text.as_bytes()))
}

/// A body that browsers take for this type and no other.
pub(crate) fn with_type(
    status: StatusCode,
    content_type: HeaderValue,
    body: impl Into<Chunks>,
) -> Reply {
    let mut reply = Response::new(body.into());
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, content_type);
    with(reply, X_CONTENT_TYPE_OPTIONS, NOSNIFF)
}

/// The reason of an error, which goes along with its answer to those who note what is rejected.
#[derive(Debug, Clone)]
pub(crate) struct Reason(pub(crate) Bytes);

/// Marks the answer to a change that this replica of a set could not make, for the replica that has passed it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deposed {
    /// Nobody knows whether the change counts.
    InDoubt,
    /// Nothing was changed.
    Before,
}

/// An error: its reason on a line of its own.
pub(crate) fn error(status: StatusCode, reason: impl fmt::Display) -> Reply {
    let reason = Bytes::from(format!("{reason}\n"));
    let mut reply = with_type(status, TEXT, reason.clone());
    reply.extensions_mut().insert(Reason(reason));
    reply
}

pub(crate) fn method_not_allowed(allowed: &str, reason: &str) -> Reply {
    with_text(error(StatusCode::METHOD_NOT_ALLOWED, reason), ALLOW, allowed)
}

/// The same without its body, whose length is still told.
pub(crate) fn without_body(reply: Reply) -> Reply {
    let bytes = reply.body().size_hint().exact().filter(|bytes| *bytes > 0);
    let reply = reply.map(|_| Chunks::default());
    bytes.into_iter().fold(reply, |reply, bytes| with(reply, CONTENT_LENGTH, bytes.into()))
}

pub(crate) fn options(allowed: &str) -> Reply {
    with_text(empty(StatusCode::OK), ALLOW, allowed)
}

/// To another path, keeping the query.
pub(crate) fn redirect(path: &str, query: Option<&str>) -> Reply {
    let location = query.map_or(path.to_owned(), |query| format!("{path}?{query}"));
    with_text(empty(StatusCode::MOVED_PERMANENTLY), LOCATION, &location)
}

/// Adds a header, or replaces the one of that name.
pub(crate) fn with(mut reply: Reply, name: HeaderName, value: HeaderValue) -> Reply {
    reply.headers_mut().insert(name, value);
    reply
}

/// Adds a header whose value is a text; leaves it out if the text cannot stand in a header.
pub(crate) fn with_text(reply: Reply, name: HeaderName, value: &str) -> Reply {
    match HeaderValue::from_str(value) {
        Ok(value) => with(reply, name, value),
        Err(_) => reply,
    }
}

/// Closes the connection behind an answer: the rest of the request is not worth reading.
pub(crate) fn and_close(reply: Reply) -> Reply {
    with(reply, CONNECTION, HeaderValue::from_static("close"))
}

/// Asks the client to try again after a time, rounded up to seconds.
pub(crate) fn and_retry(reply: Reply, wait: Duration) -> Reply {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    with(reply, RETRY_AFTER, seconds.max(1).into())
}
