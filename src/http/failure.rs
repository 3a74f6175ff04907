//! Why a request fails: its status, its reason, and what the client does next.
//!
//! A failure is a plain value and knows no endpoint. An endpoint turns its own errors into failures in its own file.
//! This file is the table for the errors of the folders that `http` imports.

use std::fmt;
use std::time::Duration;

use hyper::StatusCode;

use crate::access::{DenialKind, Denied};
use crate::cluster;
use crate::http::reply::{Deposed, Reply, and_close, and_retry, error};
use crate::own_metrics::Shed;
use crate::persist::NotReady;
use crate::push::{InflateError, KeyError, Refusal, Rejected};
use crate::shard::{Bound, Full, PushError, Unavailable, Whose};

/// How the reference begins the reason for a push that contradicts itself or what is stored.
const INCONSISTENT: &str = "pushed metrics are invalid or inconsistent with existing metrics: ";
/// When to try again after a status of 503.
const RETRY: Duration = Duration::from_secs(1);
/// When to try again after the gateway was full. It stays full until something is deleted.
const RETRY_WHEN_FULL: Duration = Duration::from_secs(60);

/// Anything that keeps a request from being answered as asked.
#[derive(Debug)]
pub(crate) struct Failure {
    status: StatusCode,
    reason: String,
    retry_wait: Option<Duration>,
    /// Whether the connection is closed, since the rest of the body is not worth reading.
    closes: bool,
    cause: Cause,
}

/// What the counters and quotas need to know of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The client may not do it, now or ever.
    Forbidden,
    /// The client has reached a quota for single pushes.
    Denied,
    /// The body is larger than a push may be.
    TooLarge,
    /// The push contradicts itself or what is stored.
    Inconsistent,
    /// The client has reached its quota of this.
    Quota(Bound),
    /// There is no room in this.
    Full(Shed),
    /// It was applied, and nobody knows whether it counts.
    InDoubt,
    /// Another replica of the set leads.
    NotLeading,
    Other,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, reason: impl fmt::Display) -> Failure {
        let retry_wait = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY);
        let (reason, closes, cause) = (reason.to_string(), false, Cause::Other);
        Failure { status, reason, retry_wait, closes, cause }
    }

    pub(crate) fn bad_request(reason: impl fmt::Display) -> Failure {
        Failure::new(StatusCode::BAD_REQUEST, reason)
    }

    pub(crate) fn unavailable(reason: impl fmt::Display) -> Failure {
        Failure::new(StatusCode::SERVICE_UNAVAILABLE, reason)
    }

    /// There is no room for a body, or for what it decodes to.
    pub(crate) fn no_room() -> Failure {
        let reason =
            "as many bytes of bodies as --push.max-bytes-in-flight allows are in memory; try again";
        Failure::unavailable(reason).caused(Cause::Full(Shed::InFlight))
    }

    fn inconsistent(refusal: &Refusal) -> Failure {
        Failure::bad_request(format_args!("{INCONSISTENT}{refusal}")).caused(Cause::Inconsistent)
    }

    /// The same, with what the client may do about it.
    pub(crate) fn with_advice(self, advice: impl fmt::Display) -> Failure {
        Failure { reason: format!("{}; {advice}", self.reason), ..self }
    }

    pub(crate) fn caused(self, cause: Cause) -> Failure {
        Failure { cause, ..self }
    }

    /// The same, and the connection is closed behind the answer.
    pub(crate) fn closing(self) -> Failure {
        Failure { closes: true, ..self }
    }

    fn retry_after(self, wait: Duration) -> Failure {
        Failure { retry_wait: Some(wait), ..self }
    }

    pub(crate) fn cause(&self) -> Cause {
        self.cause
    }

    /// What there was no room in, if the push was shed.
    pub(crate) fn shed(&self) -> Option<Shed> {
        match self.cause {
            Cause::Quota(_) => Some(Shed::Quota),
            Cause::Full(shed) => Some(shed),
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl From<&Failure> for Reply {
    fn from(failure: &Failure) -> Reply {
        let reply = error(failure.status, failure);
        let mut reply = if failure.closes { and_close(reply) } else { reply };
        match failure.cause {
            Cause::InDoubt => drop(reply.extensions_mut().insert(Deposed::InDoubt)),
            Cause::NotLeading => drop(reply.extensions_mut().insert(Deposed::Before)),
            _ => {}
        }
        failure.retry_wait.into_iter().fold(reply, and_retry)
    }
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Failure {
        let new = |status, cause| Failure::new(status, &denied).caused(cause);
        match denied.kind() {
            DenialKind::Forbidden => new(StatusCode::FORBIDDEN, Cause::Forbidden),
            DenialKind::TooOften(wait) => {
                new(StatusCode::TOO_MANY_REQUESTS, Cause::Denied).retry_after(wait)
            }
            DenialKind::TooLarge => new(StatusCode::PAYLOAD_TOO_LARGE, Cause::Denied).closing(),
        }
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Failure {
        Failure::bad_request(error)
    }
}

impl From<InflateError> for Failure {
    fn from(error: InflateError) -> Failure {
        match error {
            InflateError::NoRoom => Failure::no_room(),
            InflateError::TooLarge => {
                let reason = "body larger than --push.max-body-bytes once decompressed";
                Failure::new(StatusCode::PAYLOAD_TOO_LARGE, reason).caused(Cause::TooLarge)
            }
            InflateError::Corrupt(..) => Failure::bad_request(error),
        }
    }
}

impl From<Rejected> for Failure {
    fn from(rejected: Rejected) -> Failure {
        match rejected {
            Rejected::Syntax(error) => Failure::bad_request(error),
            Rejected::Refused(refusal) => Failure::inconsistent(&refusal),
            Rejected::TooLarge(error) => Failure::new(StatusCode::PAYLOAD_TOO_LARGE, error),
            Rejected::NoRoom => Failure::no_room(),
        }
    }
}

impl From<PushError> for Failure {
    fn from(error: PushError) -> Failure {
        match error {
            PushError::Refused(refusal) => Failure::inconsistent(&refusal),
            PushError::Newer(_) => Failure::new(StatusCode::CONFLICT, error),
            PushError::Unavailable(unavailable) => unavailable.into(),
            PushError::Full(full) => full.into(),
        }
    }
}

impl From<Full> for Failure {
    fn from(full: Full) -> Failure {
        let (status, cause) = match full {
            Full { whose: Whose::Owner, bound } => {
                (StatusCode::TOO_MANY_REQUESTS, Cause::Quota(bound))
            }
            Full { bound: Bound::Bytes, .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, Cause::Full(Shed::Bytes))
            }
            _ => (StatusCode::SERVICE_UNAVAILABLE, Cause::Full(Shed::Series)),
        };
        Failure::new(status, full).caused(cause).retry_after(RETRY_WHEN_FULL)
    }
}

impl From<Unavailable> for Failure {
    fn from(unavailable: Unavailable) -> Failure {
        match unavailable {
            Unavailable::Dead => Failure::new(StatusCode::INTERNAL_SERVER_ERROR, unavailable),
            Unavailable::Overloaded => {
                Failure::unavailable(unavailable).caused(Cause::Full(Shed::Queue))
            }
            Unavailable::InDoubt => Failure::unavailable(unavailable).caused(Cause::InDoubt),
            Unavailable::NotLeading => Failure::unavailable(unavailable).caused(Cause::NotLeading),
            Unavailable::Stopping => Failure::unavailable(unavailable),
        }
    }
}

impl From<NotReady> for Failure {
    fn from(not_ready: NotReady) -> Failure {
        Failure::unavailable(not_ready)
    }
}

/// Nothing was changed, so another replica may be asked.
impl From<cluster::NotReady> for Failure {
    fn from(not_ready: cluster::NotReady) -> Failure {
        Failure::unavailable(not_ready).caused(Cause::NotLeading)
    }
}
