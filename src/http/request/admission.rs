//! Admission: who sends a request, and whether they may. `access` knows the rules; this file applies them to HTTP.
//!
//! As in the reference, a request that is not admitted reaches no handler: it is counted by its reason, and not in the
//! table of requests.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::Guard;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use hyper::http::request::Parts;
use hyper::{HeaderMap, StatusCode};

use crate::access::{
    Access, AuthFailure, Caller, Check, Credentials, Denied, Hashing, Right, Rules, User, Verdict,
};
use crate::http::failure::{Cause, Failure};
use crate::http::forward::signature::Sent;
use crate::http::reply::{Reply, and_retry, error, with};
use crate::http::request::request_id::{RequestId, identify};
use crate::listen::Client;

const BASIC: HeaderValue = HeaderValue::from_static("Basic");
const BAD_TOKEN: HeaderValue = HeaderValue::from_static("Bearer error=\"invalid_token\"");

/// When to try again after too many passwords were being checked: a few are hashed in that time.
const BUSY_WAIT: Duration = Duration::from_secs(1);

/// The sender of a request.
pub(crate) struct Sender<'c> {
    pub(crate) client: &'c Client,
    pub(crate) caller: Caller,
}

/// A request that is admitted, as its endpoint gets it.
pub(crate) struct Request<'a> {
    pub(crate) head: &'a Parts,
    pub(crate) body: &'a mut Incoming,
    /// What follows the fixed part of the path, percent-decoded.
    pub(crate) tail: &'a [u8],
    pub(crate) sender: &'a Sender<'a>,
}

impl<'a> Request<'a> {
    pub(crate) fn query(&self) -> &'a str {
        self.head.uri.query().unwrap_or_default()
    }

    pub(crate) fn headers(&self) -> &'a HeaderMap {
        &self.head.headers
    }

    pub(crate) fn client(&self) -> &'a Client {
        self.sender.client
    }
}

/// Why a request is not admitted.
pub(crate) enum NotAdmitted {
    /// The rate limit of all clients together is reached; there is room for one request after this time.
    RateLimited(Duration),
    /// The client has not proved to be the user of this name.
    Unknown(AuthFailure, String),
    /// The client lacks the right.
    Denied(Denied),
}

impl NotAdmitted {
    /// The name of the client for people, proved or claimed; empty for none.
    pub(crate) fn user(&self) -> String {
        match self {
            NotAdmitted::RateLimited(_) => String::new(),
            NotAdmitted::Unknown(_, user) => user.clone(),
            NotAdmitted::Denied(denied) => denied.known_as(),
        }
    }
}

/// What admission needs.
#[derive(Debug)]
pub(crate) struct Admission {
    pub(crate) access: Arc<Access>,
}

impl Admission {
    /// Admits a request that needs this right. Whether a push may go to its job is asked later, once the job is known.
    /// Another replica that has passed the request on has checked the password or token of its client (`sent`).
    pub(crate) async fn admit<'c>(
        &self,
        right: Option<Right>,
        headers: &HeaderMap,
        client: &'c Client,
        sent: Option<&Sent>,
    ) -> Result<Sender<'c>, NotAdmitted> {
        let Some(rules) = self.access.rules() else {
            return Ok(Sender { client, caller: Caller::default() });
        };
        // One request is judged by one version of the rules, whatever becomes of them while a password is hashed.
        let rules = Guard::into_inner(rules);
        self.access.take_request().map_err(NotAdmitted::RateLimited)?;
        if let Some(sent) = sent {
            let caller = rules.vouched_for(&sent.proof, names(client));
            let caller = caller.map_err(|(failure, name)| NotAdmitted::Unknown(failure, name))?;
            return admitted(client, caller, right);
        }
        let header = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        let bearer = header.and_then(|header| rules.bearer(header)).transpose();
        let bearer = bearer.map_err(|(failure, name)| NotAdmitted::Unknown(failure, name))?;
        let user = match bearer {
            Some(_) => None,
            None => match known_user(&rules, header, client)? {
                Known::Anybody => None,
                Known::User(user) => Some(user),
                // In a box, so that requests that need not wait do not carry the room for it.
                Known::NotYet(check) => Some(Box::pin(settle(check)).await?),
            },
        };
        let caller = bearer.unwrap_or_else(|| rules.caller(user, names(client)));
        admitted(client, caller, right)
    }

    /// Answers a request that is not admitted.
    pub(crate) fn reject(&self, not_admitted: NotAdmitted, head: &Parts, client: &Client) -> Reply {
        let headers = &head.headers;
        let (failure, user) = match not_admitted {
            NotAdmitted::RateLimited(wait) => {
                let reply = error(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
                return and_retry(identify(reply, headers), wait);
            }
            NotAdmitted::Denied(denied) => {
                let failure = Failure::from(denied);
                count_denied(&self.access, &failure);
                return deny(&failure, head, client);
            }
            NotAdmitted::Unknown(failure, user) => (failure, user),
        };
        self.access.failed(failure);
        let (source, reason, id) = (client.source, failure.label(), RequestId::of(headers));
        let (method, path) = (&head.method, head.uri.path());
        tracing::info!(%source, user, reason, %method, path, request_id = id.text(), "not let in");
        let is_bearer = headers.get(AUTHORIZATION).is_some_and(|header| {
            header.as_bytes().get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"Bearer "))
        });
        let reply = match failure {
            AuthFailure::Busy => {
                let reason = "too many passwords are being checked; try again";
                and_retry(error(StatusCode::SERVICE_UNAVAILABLE, reason), BUSY_WAIT)
            }
            AuthFailure::Expired => {
                let reason = "Unauthorized: the token has expired";
                with(error(StatusCode::UNAUTHORIZED, reason), WWW_AUTHENTICATE, BAD_TOKEN)
            }
            AuthFailure::WrongCredentials if is_bearer => {
                let reason = "Unauthorized: the token is not known";
                with(error(StatusCode::UNAUTHORIZED, reason), WWW_AUTHENTICATE, BAD_TOKEN)
            }
            _ => with(error(StatusCode::UNAUTHORIZED, "Unauthorized"), WWW_AUTHENTICATE, BASIC),
        };
        id.on(reply)
    }

    /// Adds the configured headers to an answer; they replace its own of the same name.
    pub(crate) fn with_headers(&self, mut reply: Reply) -> Reply {
        let Some(rules) = self.access.rules() else { return reply };
        for (name, value) in rules.headers() {
            let name = HeaderName::from_bytes(name.as_bytes());
            let value = HeaderValue::from_maybe_shared(value.clone());
            if let (Ok(name), Ok(value)) = (name, value) {
                reply.headers_mut().insert(name, value);
            }
        }
        reply
    }
}

/// The names in the certificate of a client.
fn names(client: &Client) -> impl Iterator<Item = &str> {
    client.certificate.iter().flat_map(|certificate| {
        let common = certificate.common_name.iter();
        common.chain(&certificate.alternative_names).map(String::as_str)
    })
}

/// Admits a client that is known, if it has the right.
fn admitted(
    client: &Client,
    caller: Caller,
    right: Option<Right>,
) -> Result<Sender<'_>, NotAdmitted> {
    if let Some(right) = right {
        caller.may(right).map_err(NotAdmitted::Denied)?;
    }
    Ok(Sender { client, caller })
}

/// Counts a failure if the client lacks the right. Quotas count for themselves.
pub(crate) fn count_denied(access: &Access, failure: &Failure) {
    if failure.cause() == Cause::Forbidden {
        access.failed(AuthFailure::Denied);
    }
}

/// Answers a request that is denied, and logs it.
pub(crate) fn deny(failure: &Failure, head: &Parts, client: &Client) -> Reply {
    let (source, id) = (client.source, RequestId::of(&head.headers));
    let (method, path) = (&head.method, head.uri.path());
    tracing::info!(%source, %method, path, request_id = id.text(), err = %failure, "request denied");
    id.on(Reply::from(failure))
}

/// Has a password hashed, off the threads that serve requests.
async fn settle(check: Check) -> Result<Arc<User>, NotAdmitted> {
    let name = check.credentials().shown_name();
    let hash = async |hashing: Hashing| {
        let hashed = tokio::task::spawn_blocking(move || hashing.run());
        hashed.await.expect("hashing does not panic and is not aborted");
    };
    check.settle(hash).await.map_err(|failure| NotAdmitted::Unknown(failure, name))
}

/// What is known of a user without hashing a password.
enum Known {
    Anybody,
    User(Arc<User>),
    NotYet(Check),
}

/// Which user it is, as far as that is known without hashing a password.
fn known_user(rules: &Rules, header: Option<&[u8]>, client: &Client) -> Result<Known, NotAdmitted> {
    let Some(users) = rules.users() else { return Ok(Known::Anybody) };
    let Some(credentials) = header.and_then(Credentials::from_header) else {
        return Err(NotAdmitted::Unknown(AuthFailure::NoCredentials, String::new()));
    };
    let failure = match users.check(&credentials, client.source.host()) {
        Verdict::Right(user) => return Ok(Known::User(user)),
        Verdict::Unsure(check) => return Ok(Known::NotYet(check)),
        Verdict::Wrong => AuthFailure::WrongCredentials,
        Verdict::Busy => AuthFailure::Busy,
    };
    Err(NotAdmitted::Unknown(failure, credentials.shown_name()))
}
