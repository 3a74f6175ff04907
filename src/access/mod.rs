//! Who may connect, and who may do what.
//!
//! The web configuration has the rate limit, the users and the headers of all answers. The policy has the rights
//! and quotas of users and of clients with a certificate. Both may change while the gateway runs.
//! Start reading at [`Access`]. No I/O and no HTTP types here.
//!
//! - `credentials`, `users` and `checks` find out who a client is, and `turns` says whose password is hashed next. A slow
//!   password check never delays a known client.
//! - `tokens` are random secrets that the policy has the hashes of; no password check is needed for one.
//! - `policy` is the content of the policy file, `families` are its rules for metric families, `owner` counts the use of a quota, `caller` is an admitted client.
//! - `vouched` is a client that another replica of the set has authenticated.
//!
//! **Invariant:** without users, policy and rate limit a request pays for two loads of a byte.

mod caller;
mod checks;
mod credentials;
pub mod families;
mod owner;
pub mod policy;
mod rights;
mod tag;
mod tokens;
mod turns;
mod user;
mod users;
mod vouched;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::{ArcSwap, Guard};
use bytes::Bytes;

use crate::config::web::{ClientAuth, WebConfig};
use crate::rate::Bucket;
use caller::{Grant, Who};
use checks::Checks;
use owner::Owners;
use policy::{Policy, Rights};
use tokens::{Known, Tokens};

pub use caller::{Caller, DenialKind, Denied, Right};
pub use checks::WRONG_MAX;
pub use credentials::{CREDENTIALS_BYTES_MAX, Credentials};
pub use owner::Exhausted;
pub use turns::AUTH_WAITERS_MAX;
pub use users::{Check, Hashing, User, Users, Verdict};
pub use vouched::Proof;

/// The rules of access. Requests read them, and a reload replaces them.
#[derive(Debug, Default)]
pub struct Access {
    has_rules: AtomicBool,
    rules: ArcSwap<Rules>,
    /// Held while rules are replaced.
    owners: Mutex<Owners>,
    rate: Bucket,
    checks: Arc<Checks>,
    failures: [AtomicU64; AuthFailure::ALL.len()],
    rate_limited: AtomicU64,
}

/// The rules that hold for a request from its begin to its end.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    headers: Vec<(String, Bytes)>,
    users: Option<Arc<Users>>,
    client_auth: ClientAuth,
    grants: Option<Arc<Grants>>,
}

/// The policy, each entry with its owner.
#[derive(Debug)]
struct Grants {
    users: HashMap<String, Arc<Grant>, ahash::RandomState>,
    certificates: HashMap<Arc<str>, Arc<Grant>, ahash::RandomState>,
    tokens: Tokens,
    everybody: Arc<Grant>,
    /// All of them under the names that the metrics give them.
    by_label: Vec<(String, Arc<Grant>)>,
}

/// Why a request is rejected before it reaches its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthFailure {
    /// It has no credentials, or damaged ones.
    NoCredentials,
    /// The user is unknown, or the password is wrong.
    WrongCredentials,
    /// Too many credentials wait to be checked.
    Busy,
    /// The client is known and lacks the right.
    Denied,
    /// The token counts no more.
    Expired,
}

impl AuthFailure {
    const ALL: [(AuthFailure, &'static str); 5] = [
        (AuthFailure::NoCredentials, "no_credentials"),
        (AuthFailure::WrongCredentials, "wrong_credentials"),
        (AuthFailure::Busy, "busy"),
        (AuthFailure::Denied, "denied"),
        (AuthFailure::Expired, "expired_token"),
    ];

    /// The value of the label `reason`.
    pub fn label(self) -> &'static str {
        AuthFailure::ALL[self as usize].1
    }
}

/// Rules that are valid and probably a mistake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// The policy names a user that the web configuration lacks.
    #[error("the policy names user {0:?}, whom --web.config.file does not know")]
    UnknownUser(String),
    /// The policy has entries for clients that the gateway cannot tell apart.
    #[error(
        "the policy cannot tell clients apart: --web.config.file has neither users nor client certificates"
    )]
    NobodyToTellApart,
}

impl Access {
    /// Applies a web configuration from now on.
    pub fn replace_web(&self, config: &WebConfig) {
        let _held = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rules = Rules::clone(&self.rules.load());
        let header = |(name, value): (&String, &String)| (name.clone(), Bytes::from(value.clone()));
        rules.headers = config.headers.iter().map(header).collect();
        self.rate.set(config.rate_limit);
        let users = || Users::new(&config.users, &self.checks, rules.users.as_deref());
        rules.users = (!config.users.is_empty()).then(users).map(Arc::new);
        rules.client_auth = client_auth(config);
        self.replace(rules, config.rate_limit.is_some());
    }

    /// The key that keeps clients out now, and would no longer do so with this configuration.
    pub fn opened_by(&self, config: &WebConfig) -> Option<&'static str> {
        let rules = self.rules.load();
        let is_kept_out = |by: ClientAuth| by.requires() && by.verifies();
        if rules.users.is_some() && config.users.is_empty() {
            return Some("basic_auth_users");
        }
        (is_kept_out(rules.client_auth) && !is_kept_out(client_auth(config)))
            .then_some("client_auth_type")
    }

    /// Applies a policy from now on.
    pub fn replace_policy(&self, policy: Policy) {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rules = Rules::clone(&self.rules.load());
        rules.grants = Some(Arc::new(Grants::new(policy, &mut owners)));
        self.replace(rules, self.rate.is_bounded());
    }

    fn replace(&self, rules: Rules, is_bounded: bool) {
        let has_rules = is_bounded
            || !rules.headers.is_empty()
            || rules.users.is_some()
            || rules.grants.is_some();
        self.rules.store(Arc::new(rules));
        // After the rules: a request that sees the flag sees the rules too.
        self.has_rules.store(has_rules, Ordering::Release);
    }

    /// What the author of the rules should know.
    pub fn doubts(&self) -> Vec<Doubt> {
        let rules = self.rules.load();
        let Some(grants) = &rules.grants else { return Vec::new() };
        let has_users = !grants.users.is_empty();
        if rules.users.is_none() && !rules.client_auth.verifies() {
            let names_some = has_users || !grants.certificates.is_empty();
            return names_some.then_some(Doubt::NobodyToTellApart).into_iter().collect();
        }
        let is_known = |name: &str| rules.users.as_ref().is_some_and(|users| users.has(name));
        let mut unknown: Vec<_> =
            grants.users.keys().filter(|name| !is_known(name)).cloned().collect();
        unknown.sort_unstable();
        unknown.into_iter().map(Doubt::UnknownUser).collect()
    }

    /// The rules, if there are any.
    pub fn rules(&self) -> Option<Guard<Arc<Rules>>> {
        self.has_rules.load(Ordering::Acquire).then(|| self.rules.load())
    }

    /// Takes a request from the rate limit of all clients together.
    ///
    /// # Errors
    /// The time until the next request is allowed.
    pub fn take_request(&self) -> Result<(), Duration> {
        self.rate.take().inspect_err(|_| {
            self.rate_limited.fetch_add(1, Ordering::Relaxed);
        })
    }

    /// Counts a rejected request.
    pub fn failed(&self, failure: AuthFailure) {
        self.failures[failure as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many requests were rejected for each reason.
    pub fn failures(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.failures.iter().map(|count| count.load(Ordering::Relaxed));
        AuthFailure::ALL.iter().map(|(_, label)| *label).zip(counts)
    }

    /// How many requests the rate limit has rejected.
    pub fn rate_limited(&self) -> u64 {
        self.rate_limited.load(Ordering::Relaxed)
    }

    /// How often each quota rejected a push: the entry, the key of the quota, and the count.
    pub fn refusals(&self) -> Vec<(String, &'static str, u64)> {
        let rules = self.rules.load();
        let by_label = rules.grants.iter().flat_map(|grants| &grants.by_label);
        let each = by_label.flat_map(|(label, grant)| {
            grant.owner.refusals().map(|(quota, count)| (label.clone(), quota, count))
        });
        each.collect()
    }
}

fn client_auth(config: &WebConfig) -> ClientAuth {
    config.tls.as_ref().map(|tls| tls.client_auth).unwrap_or_default()
}

impl Rules {
    /// Headers of every answer.
    pub fn headers(&self) -> &[(String, Bytes)] {
        &self.headers
    }

    /// The users; `None` where a client needs no password.
    pub fn users(&self) -> Option<&Arc<Users>> {
        self.users.as_ref()
    }

    /// The caller that a bearer token in an `Authorization` header names. `None` if the header has none, or the policy
    /// knows no tokens: then the client is known in another way, or not at all.
    ///
    /// # Errors
    /// That the token is unknown or expired, with its name if it is known.
    pub fn bearer(&self, header: &[u8]) -> Option<Result<Caller, (AuthFailure, String)>> {
        let tokens = &self.grants.as_ref()?.tokens;
        let token = tokens::bearer(header).filter(|_| !tokens.is_empty())?;
        let Some(Known { name, expires, grant }) = tokens.find(token) else {
            return Some(Err((AuthFailure::WrongCredentials, String::new())));
        };
        if expires.is_some_and(|expires| expires <= SystemTime::now()) {
            return Some(Err((AuthFailure::Expired, name.to_string())));
        }
        Some(Ok(Caller { who: Who::Token(Arc::clone(name)), grant: Some(Arc::clone(grant)) }))
    }

    /// The caller that is this user, or has a verified certificate with these names. The user counts before the
    /// certificate, and the names count in their order.
    pub fn caller<'n>(
        &self,
        user: Option<Arc<User>>,
        names: impl Iterator<Item = &'n str>,
    ) -> Caller {
        let who = user.map_or(Who::Anybody, Who::User);
        let Some(grants) = &self.grants else { return Caller { who, grant: None } };
        if let Who::User(user) = &who
            && let Some(grant) = grants.users.get(user.name())
        {
            return Caller { grant: Some(Arc::clone(grant)), who };
        }
        for name in names {
            if let Some((name, grant)) = grants.certificates.get_key_value(name) {
                let who = Who::Certificate(Arc::clone(name));
                return Caller { who, grant: Some(Arc::clone(grant)) };
            }
        }
        Caller { who, grant: Some(Arc::clone(&grants.everybody)) }
    }
}

impl Grants {
    fn new(policy: Policy, owners: &mut Owners) -> Grants {
        let mut by_label = Vec::new();
        let families = Arc::new(policy.families);
        // No user's name has a colon in it.
        let mut grant = |label: String, rights: Rights| {
            let owner = owners.bounded(&label, &rights.quota);
            let grant = Arc::new(Grant { rights, owner, families: Arc::clone(&families) });
            by_label.push((label, Arc::clone(&grant)));
            grant
        };
        let users =
            policy.users.into_iter().map(|(name, rights)| (name.clone(), grant(name, rights)));
        let users = users.collect();
        let certificates = policy.certificates.into_iter().map(|(name, rights)| {
            let label = format!("certificate:{name}");
            (Arc::from(name), grant(label, rights))
        });
        let certificates = certificates.collect();
        let tokens = policy.tokens.into_iter().map(|(name, token)| {
            let grant = grant(format!("token:{name}"), token.rights);
            (token.hash, Known { name: name.into(), expires: token.expires, grant })
        });
        let tokens = Tokens::new(tokens);
        let everybody = grant(":default".to_owned(), policy.everybody);
        Grants { users, certificates, tokens, everybody, by_label }
    }
}

#[cfg(test)]
mod tests;
