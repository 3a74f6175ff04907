//! Answers, and the one table from errors to statuses.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{
    ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};

use crate::access::{DenialKind, Denied};
use crate::http::api::{API_ANSWERS_MAX, LISTING_WAIT};
use crate::http::body::chunks::{BodyError, Chunks};
use crate::own_metrics::Shed;
use crate::parameters::ParameterError;
use crate::persist::NotReady;
use crate::push::{InflateError, KeyError, Rejected};
use crate::selector::REGEX_MATCHED_BYTES_MAX;
use crate::shard::{Bound, Full, PushError, Unavailable, Whose};

/// What every endpoint answers.
pub(in crate::http) type Reply = Response<Chunks>;

pub(in crate::http) const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// What the reference puts before the reason why a push that reads well is refused.
const INCONSISTENT: &str = "pushed metrics are invalid or inconsistent with existing metrics: ";

/// A status and nothing else.
pub(in crate::http) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Chunks::default());
    *reply.status_mut() = status;
    reply
}

/// A text of our own, as it is.
pub(in crate::http) fn text(status: StatusCode, text: &'static str) -> Reply {
    with_type(status, TEXT, Bytes::from_static(text.as_bytes()).into())
}

/// A body of this type and no other, whatever it looks like.
pub(in crate::http) fn with_type(
    status: StatusCode,
    content_type: HeaderValue,
    body: Chunks,
) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, content_type);
    reply.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    reply
}

/// An error: its reason on a line of its own.
pub(in crate::http) fn error(status: StatusCode, reason: impl fmt::Display) -> Reply {
    with_type(status, TEXT, Bytes::from(format!("{reason}\n")).into())
}

pub(in crate::http) fn method_not_allowed(allowed: &'static str) -> Reply {
    let mut reply = error(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    reply
}

pub(in crate::http) fn options(allowed: &'static str) -> Reply {
    let mut reply = empty(StatusCode::OK);
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    reply
}

/// To another path, keeping the query.
pub(in crate::http) fn redirect(path: &str, query: Option<&str>) -> Reply {
    let location = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut reply = empty(StatusCode::MOVED_PERMANENTLY);
    if let Ok(location) = HeaderValue::from_str(&location) {
        reply.headers_mut().insert(LOCATION, location);
    }
    reply
}

/// Closes the connection behind an answer: what is left of the request is not worth reading.
pub(in crate::http) fn and_close(mut reply: Reply) -> Reply {
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}

/// Asks the client to try again after a time, rounded up to seconds.
pub(in crate::http) fn and_retry(mut reply: Reply, wait: Duration) -> Reply {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    reply
}

/// Anything that keeps a request from being done.
#[derive(Debug)]
pub(in crate::http) enum Failure {
    Denied(Denied),
    Key(KeyError),
    Body(BodyError),
    Inflate(InflateError),
    Rejected(Rejected),
    Push(PushError),
    Parameter(ParameterError),
    TooManyScrapes,
    TooManyAnswers,
    TooManyDeletes,
    SlowListing,
    StoppedQuery,
    DearQuery,
    Shedding,
    NotReady(NotReady),
}

impl From<NotReady> for Failure {
    fn from(not_ready: NotReady) -> Failure {
        Failure::NotReady(not_ready)
    }
}

impl From<Unavailable> for Failure {
    fn from(unavailable: Unavailable) -> Failure {
        Failure::Push(PushError::Unavailable(unavailable))
    }
}

impl From<&Failure> for Reply {
    fn from(failure: &Failure) -> Reply {
        let mut reply = error(failure.status(), failure);
        if let Some(seconds) = failure.retry_after() {
            reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        match failure {
            Failure::Body(BodyError::NoRoom { is_whole: true }) => reply,
            Failure::Body(_) => and_close(reply),
            Failure::Denied(denied) => match denied.kind() {
                DenialKind::Forbidden => reply,
                DenialKind::TooOften(wait) => and_retry(reply, wait),
                DenialKind::TooLarge => and_close(reply),
            },
            _ => reply,
        }
    }
}

impl Failure {
    /// What there was no room in, if that is why a push failed.
    pub(in crate::http) fn shed(&self) -> Option<Shed> {
        match self {
            Failure::Push(PushError::Full(Full { whose: Whose::Owner, .. })) => Some(Shed::Quota),
            Failure::Push(PushError::Full(Full { bound: Bound::Bytes, .. })) => Some(Shed::Bytes),
            Failure::Push(PushError::Full(_)) => Some(Shed::Series),
            Failure::Push(PushError::Unavailable(Unavailable::Overloaded)) => Some(Shed::Queue),
            Failure::Body(BodyError::NoRoom { .. })
            | Failure::Inflate(InflateError::NoRoom)
            | Failure::Rejected(Rejected::NoRoom) => Some(Shed::InFlight),
            _ => None,
        }
    }

    /// After how many seconds it may be worth another try. What is full is full until somebody gives up
    /// what is stored; anything else passes soon.
    fn retry_after(&self) -> Option<&'static str> {
        match self {
            Failure::Push(PushError::Full(_)) => Some("60"),
            _ if self.status() == StatusCode::SERVICE_UNAVAILABLE => Some("1"),
            _ => None,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Failure::Denied(denied) => match denied.kind() {
                DenialKind::Forbidden => StatusCode::FORBIDDEN,
                DenialKind::TooOften(_) => StatusCode::TOO_MANY_REQUESTS,
                DenialKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            },
            Failure::Key(_) | Failure::DearQuery | Failure::Body(BodyError::Broken(_)) => {
                StatusCode::BAD_REQUEST
            }
            Failure::Body(BodyError::TooLarge) | Failure::Inflate(InflateError::TooLarge) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Failure::Body(BodyError::TimedOut | BodyError::GaveWay) => StatusCode::REQUEST_TIMEOUT,
            Failure::Inflate(InflateError::Corrupt(..)) => StatusCode::BAD_REQUEST,
            Failure::Rejected(Rejected::Syntax(_) | Rejected::Refused(_)) => {
                StatusCode::BAD_REQUEST
            }
            Failure::Rejected(Rejected::TooLarge(_)) => StatusCode::PAYLOAD_TOO_LARGE,
            Failure::Push(PushError::Refused(_)) | Failure::Parameter(_) => StatusCode::BAD_REQUEST,
            Failure::Push(PushError::Newer(_)) => StatusCode::CONFLICT,
            Failure::Push(PushError::Full(Full { whose: Whose::Owner, .. })) => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Failure::Push(
                PushError::Full(_)
                | PushError::Unavailable(
                    Unavailable::Overloaded | Unavailable::InDoubt | Unavailable::Stopping,
                ),
            )
            | Failure::Body(BodyError::NoRoom { .. })
            | Failure::Inflate(InflateError::NoRoom)
            | Failure::Rejected(Rejected::NoRoom)
            | Failure::TooManyScrapes
            | Failure::TooManyAnswers
            | Failure::TooManyDeletes
            | Failure::SlowListing
            | Failure::StoppedQuery
            | Failure::Shedding
            | Failure::NotReady(_) => StatusCode::SERVICE_UNAVAILABLE,
            Failure::Push(PushError::Unavailable(Unavailable::Dead)) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Denied(denied) => denied.fmt(f),
            Failure::Key(error) => error.fmt(f),
            Failure::Body(BodyError::TooLarge) => {
                f.write_str("body larger than --push.max-body-bytes")
            }
            Failure::Body(BodyError::NoRoom { .. })
            | Failure::Inflate(InflateError::NoRoom)
            | Failure::Rejected(Rejected::NoRoom) => f
                .write_str("as many bytes of bodies as --push.max-bytes-in-flight allows are in memory; try again"),
            Failure::Body(BodyError::GaveWay) => f.write_str(
                "the body came so slowly that its room under --push.max-bytes-in-flight went to other pushes; send it again",
            ),
            Failure::Body(BodyError::TimedOut) => f.write_str("the body took too long to arrive"),
            Failure::Body(BodyError::Broken(error)) => write!(f, "cannot read the body: {error}"),
            Failure::Inflate(InflateError::TooLarge) => {
                f.write_str("body larger than --push.max-body-bytes once decompressed")
            }
            Failure::Inflate(error) => error.fmt(f),
            Failure::Parameter(error) => error.fmt(f),
            Failure::Rejected(Rejected::Syntax(error)) => error.fmt(f),
            Failure::Rejected(Rejected::Refused(refusal))
            | Failure::Push(PushError::Refused(refusal)) => {
                write!(f, "{INCONSISTENT}{refusal}")
            }
            Failure::Rejected(Rejected::TooLarge(too_large)) => too_large.fmt(f),
            Failure::Push(error) => error.fmt(f),
            Failure::NotReady(reason) => reason.fmt(f),
            Failure::Shedding => {
                f.write_str("pushes are being turned away: shards or bodies have no room for them")
            }
            Failure::TooManyScrapes => {
                f.write_str("as many scrapes as --web.max-scrapes allows are being made; try again")
            }
            Failure::TooManyAnswers => {
                write!(f, "{API_ANSWERS_MAX} queries are being answered; try again")
            }
            Failure::TooManyDeletes => {
                f.write_str("groups are being deleted by another request; try again")
            }
            Failure::SlowListing => write!(
                f,
                "going through all groups took more than {LISTING_WAIT:?}; name jobs with job=, use = instead of =~, or try again"
            ),
            Failure::StoppedQuery => f.write_str(
                "the query was stopped since another one was waiting; name jobs with job=, use = instead of =~, or try again",
            ),
            Failure::DearQuery => write!(
                f,
                "parameter match[]: its regular expressions would read more than {REGEX_MATCHED_BYTES_MAX} bytes of label values, or a word boundary stands beside letters that are not ASCII in a long value; name jobs with job=, or use = instead of =~"
            ),
        }
    }
}
