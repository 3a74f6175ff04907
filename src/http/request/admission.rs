//! The door: who sends a request, and whether it goes any further. `access` knows the rules; here they
//! meet HTTP.
//!
//! As in the reference, what is turned away here has not reached a handler: it is counted by its reason, not in
//! the table of requests.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::Guard;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use hyper::{HeaderMap, StatusCode};

use crate::access::{
    AuthFailure, Caller, Check, Credentials, DenialKind, Denied, Hashing, Right, Rules, User,
    Verdict,
};
use crate::http::Http;
use crate::http::reply::{Failure, Reply, and_retry, error};
use crate::http::request::request_id::{RequestId, identify};
use crate::http::request::route::Route;
use crate::listen::Client;

const BASIC: HeaderValue = HeaderValue::from_static("Basic");

/// How long who cannot be checked now is asked to wait: a few passwords are hashed in that time.
const BUSY_WAIT: Duration = Duration::from_secs(1);

/// Who sends a request: where from, and as whom.
pub(in crate::http) struct Sender<'c> {
    pub(in crate::http) client: &'c Client,
    pub(in crate::http) caller: Caller,
}

/// Why a request is turned away.
pub(in crate::http) enum TurnedAway {
    /// All clients together have sent too many; there is room for one after this time.
    TooOften(Duration),
    /// It is not known who sends it; with the name that is given.
    Unknown(AuthFailure, String),
    /// It is known, and they may not do that.
    Denied(Denied),
}

impl Http {
    /// Lets a request in, or says why not. What a push needs is found out later, once its job is known.
    pub(in crate::http) async fn admit<'c>(
        &self,
        route: &Route<'_>,
        headers: &HeaderMap,
        client: &'c Client,
    ) -> Result<Sender<'c>, TurnedAway> {
        let Some(rules) = self.access.rules() else {
            return Ok(Sender { client, caller: Caller::default() });
        };
        // One request is judged by one version of the rules, whatever becomes of them while a password is hashed.
        let rules = Guard::into_inner(rules);
        self.access.take_request().map_err(TurnedAway::TooOften)?;
        let user = match known_user(&rules, headers)? {
            Known::Anybody => None,
            Known::User(user) => Some(user),
            // In a box, so that requests that need not wait do not carry the room for it.
            Known::NotYet(check) => Some(Box::pin(settle(check)).await?),
        };
        let names = client.certificate.iter().flat_map(|certificate| {
            let common = certificate.common_name.iter();
            common.chain(&certificate.alternative_names).map(String::as_str)
        });
        let caller = rules.caller(user, names);
        if let Some(right) = needed(route) {
            caller.may(right).map_err(TurnedAway::Denied)?;
        }
        Ok(Sender { client, caller })
    }

    /// Answers a request that goes no further.
    pub(in crate::http) fn turn_away(
        &self,
        turned_away: TurnedAway,
        headers: &HeaderMap,
        client: &Client,
    ) -> Reply {
        let (failure, user) = match turned_away {
            TurnedAway::TooOften(wait) => {
                let reply = error(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
                return and_retry(identify(reply, headers), wait);
            }
            TurnedAway::Denied(denied) => {
                self.count_denied(&denied);
                return deny(&Failure::Denied(denied), headers, client);
            }
            TurnedAway::Unknown(failure, user) => (failure, user),
        };
        self.access.failed(failure);
        let (source, reason, id) = (client.source, failure.label(), RequestId::of(headers));
        tracing::info!(%source, user, reason, request_id = id.text(), "not let in");
        let reply = if failure == AuthFailure::Busy {
            let reason = "too many passwords are being checked; try again";
            and_retry(error(StatusCode::SERVICE_UNAVAILABLE, reason), BUSY_WAIT)
        } else {
            let mut reply = error(StatusCode::UNAUTHORIZED, "Unauthorized");
            reply.headers_mut().insert(WWW_AUTHENTICATE, BASIC);
            reply
        };
        id.on(reply)
    }

    /// Counts that somebody may not do what they ask for. Quotas count for themselves.
    pub(in crate::http) fn count_denied(&self, denied: &Denied) {
        if denied.kind() == DenialKind::Forbidden {
            self.access.failed(AuthFailure::Denied);
        }
    }

    /// Puts the headers that every answer is to have into one, over its own of the same name.
    pub(in crate::http) fn with_headers(&self, mut reply: Reply) -> Reply {
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

/// Answers what somebody may not do, and logs it.
pub(in crate::http) fn deny(failure: &Failure, headers: &HeaderMap, client: &Client) -> Reply {
    let (source, id) = (client.source, RequestId::of(headers));
    tracing::info!(%source, request_id = id.text(), err = %failure, "request denied");
    id.on(Reply::from(failure))
}

/// Has a password hashed, off the threads that serve requests.
async fn settle(check: Check) -> Result<Arc<User>, TurnedAway> {
    let name = check.credentials().shown_name();
    let hash = async |hashing: Hashing| {
        let hashed = tokio::task::spawn_blocking(move || hashing.run());
        hashed.await.expect("hashing does not panic and is not aborted")
    };
    let user = check.settle(hash).await;
    user.ok_or(TurnedAway::Unknown(AuthFailure::WrongCredentials, name))
}

/// What is known of a user at once.
enum Known {
    Anybody,
    User(Arc<User>),
    NotYet(Check),
}

/// Which user it is, as far as that can be said at once.
fn known_user(rules: &Rules, headers: &HeaderMap) -> Result<Known, TurnedAway> {
    let Some(users) = rules.users() else { return Ok(Known::Anybody) };
    let header = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let Some(credentials) = header.and_then(Credentials::from_header) else {
        return Err(TurnedAway::Unknown(AuthFailure::NoCredentials, String::new()));
    };
    let failure = match users.check(&credentials) {
        Verdict::Right(user) => return Ok(Known::User(user)),
        Verdict::Unsure(check) => return Ok(Known::NotYet(check)),
        Verdict::Wrong => AuthFailure::WrongCredentials,
        Verdict::Busy => AuthFailure::Busy,
    };
    Err(TurnedAway::Unknown(failure, credentials.shown_name()))
}

/// The right that a request needs, whatever it is about.
fn needed(route: &Route<'_>) -> Option<Right> {
    match route {
        Route::Scrape => Some(Right::Scrape),
        Route::Page(_)
        | Route::Form(_)
        | Route::ApiStatus
        | Route::ApiMetrics
        | Route::ApiGroups
        | Route::ApiHistory
        | Route::ApiCheck
        | Route::ApiSd => Some(Right::Read),
        Route::Wipe | Route::Place { .. } | Route::Quit | Route::ApiDeleteGroups => {
            Some(Right::Admin)
        }
        // Pushes and deletes need one for their job. Probes are for everybody, and the others say
        // nothing about what is stored.
        Route::Push { .. }
        | Route::Delete { .. }
        | Route::Healthy
        | Route::Ready
        | Route::QuitByGet
        | Route::ApiOptions
        | Route::Options(_)
        | Route::MethodNotAllowed(_)
        | Route::Redirect(_)
        | Route::NotFound
        | Route::BadPath => None,
    }
}
