//! The users, and the check whether a client is the user it claims to be.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tokio::sync::{OnceCell, OwnedSemaphorePermit};

use super::checks::{Checks, Tag};
use super::credentials::Credentials;
use crate::config::web::PasswordHash;

/// Salt and hash that no password matches; the cost goes before it.
const NOBODY: &str = "m6Wa/yYX2SVKU1lPz2sxKOCxwJhAkyy6vSzbUa9UdQY7oEjZQlKN6";

/// A user of the web configuration.
#[derive(Debug)]
pub struct User {
    name: String,
    hash: PasswordHash,
    /// The credentials that have matched last: they are accepted without hashing.
    known: ArcSwapOption<Tag>,
}

impl User {
    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// All users at one time.
#[derive(Debug)]
pub struct Users {
    by_name: HashMap<String, Arc<User>, ahash::RandomState>,
    /// The hash that passwords of unknown users are compared with, so that the time of an answer does not tell which users exist.
    nobody: PasswordHash,
    checks: Arc<Checks>,
}

/// The result of a check of credentials.
#[derive(Debug)]
pub enum Verdict {
    /// The credentials are those of this user.
    Right(Arc<User>),
    /// The credentials are wrong.
    Wrong,
    /// The password has to be hashed first.
    Unsure(Check),
    /// Too many other credentials wait to be checked.
    Busy,
}

impl Users {
    /// The users with these names and hashes. An unchanged user of `before` keeps its known credentials.
    pub(super) fn new(
        hashes: &BTreeMap<String, PasswordHash>,
        checks: &Arc<Checks>,
        before: Option<&Users>,
    ) -> Users {
        let user = |(name, hash): (&String, &PasswordHash)| {
            let same = before.and_then(|before| before.by_name.get(name));
            let user = same.filter(|user| user.hash == *hash).cloned().unwrap_or_else(|| {
                let (name, hash) = (name.clone(), hash.clone());
                Arc::new(User { name, hash, known: ArcSwapOption::empty() })
            });
            (name.clone(), user)
        };
        let cost = hashes.values().map(PasswordHash::cost).max().unwrap_or(bcrypt::DEFAULT_COST);
        let nobody = format!("$2y${cost:02}${NOBODY}").try_into();
        Users {
            by_name: hashes.iter().map(user).collect(),
            nobody: nobody.expect("it is a bcrypt hash"),
            checks: Arc::clone(checks),
        }
    }

    /// Whether there is a user of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Checks credentials. Known credentials cost the same whatever else is being checked.
    pub fn check(&self, credentials: &Credentials) -> Verdict {
        let user = self.by_name.get(&*credentials.name());
        let hash = user.map_or(&self.nobody, |user| &user.hash);
        let tag = self.checks.tag(credentials, hash);
        if let Some(user) = user
            && user.known.load().as_deref() == Some(&tag)
        {
            return Verdict::Right(Arc::clone(user));
        }
        if self.checks.is_wrong(tag) {
            return Verdict::Wrong;
        }
        let Some(result) = self.checks.wait(tag) else { return Verdict::Busy };
        Verdict::Unsure(Check {
            user: user.cloned(),
            hash: hash.clone(),
            credentials: credentials.clone(),
            tag,
            result,
            checks: Arc::clone(&self.checks),
        })
    }
}

/// A check that has to hash the password, with its place in the queue. It gives the place up when it is dropped.
#[derive(Debug)]
pub struct Check {
    user: Option<Arc<User>>,
    hash: PasswordHash,
    credentials: Credentials,
    tag: Tag,
    result: Arc<OnceCell<bool>>,
    checks: Arc<Checks>,
}

/// The hashing of one password, to be done on a thread that may block. The next one begins after this one has
/// ended, even when no request waits for its result any more.
#[derive(Debug)]
pub struct Hashing {
    credentials: Credentials,
    hash: PasswordHash,
    _turn: OwnedSemaphorePermit,
}

impl Hashing {
    /// Whether the password matches.
    pub fn run(self) -> bool {
        self.hash.matches(self.credentials.password())
    }
}

impl Check {
    /// Waits for its turn, lets `run` hash the password unless another request does so, and answers the user;
    /// `None` when the credentials are wrong.
    pub async fn settle<F: Future<Output = bool>>(
        self,
        run: impl FnOnce(Hashing) -> F,
    ) -> Option<Arc<User>> {
        let hashed = self.result.get_or_init(|| async {
            let (credentials, hash) = (self.credentials.clone(), self.hash.clone());
            let hashing = Hashing { credentials, hash, _turn: self.checks.turn().await };
            let matches = run(hashing).await;
            match &self.user {
                Some(user) if matches => user.known.store(Some(Arc::new(self.tag))),
                _ => self.checks.set_wrong(self.tag),
            }
            matches
        });
        let matches = *hashed.await;
        self.user.clone().filter(|_| matches)
    }

    /// The credentials that are checked.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use base64::Engine as _;

    use super::super::checks::AUTH_WAITERS_MAX;
    use super::*;

    fn credentials(text: &str) -> Credentials {
        let header = format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(text));
        Credentials::from_header(header.as_bytes()).expect("it is well-formed")
    }

    fn users(before: Option<&Users>, passwords: &[(&str, &str)]) -> Users {
        let hash = |(name, password): &(&str, &str)| {
            let hash = bcrypt::hash_with_salt(password, 4, [7; 16]).expect("it can be hashed");
            let hash = hash.to_string().try_into().expect("it is one");
            ((*name).to_owned(), hash)
        };
        let checks = before.map_or_else(Arc::default, |before| Arc::clone(&before.checks));
        Users::new(&passwords.iter().map(hash).collect(), &checks, before)
    }

    /// Whom the credentials let in, and whether they had to be hashed for that.
    async fn settled(users: &Users, text: &str) -> (Option<String>, bool) {
        let name = |user: Arc<User>| user.name().to_owned();
        match users.check(&credentials(text)) {
            Verdict::Right(user) => (Some(name(user)), false),
            Verdict::Wrong => (None, false),
            Verdict::Unsure(check) => {
                (check.settle(async |hashing: Hashing| hashing.run()).await.map(name), true)
            }
            Verdict::Busy => panic!("nobody else waits"),
        }
    }

    #[tokio::test]
    async fn hashes_are_not_shown() {
        let users = users(None, &[("alice", "right")]);
        let Verdict::Unsure(check) = users.check(&credentials("alice:right")) else {
            panic!("she is not known yet");
        };
        let shown = format!("{users:?} {check:?}");
        assert!(shown.contains("alice") && !shown.contains(check.hash.as_str()), "{shown}");
    }

    #[tokio::test]
    async fn passwords_are_hashed_once_right_or_wrong() {
        let users = users(None, &[("alice", "right"), ("bob", "other")]);
        let alice = Some("alice".to_owned());
        assert_eq!(settled(&users, "alice:right").await, (alice.clone(), true));
        assert_eq!(settled(&users, "alice:right").await, (alice.clone(), false));
        for wrong in ["alice:other", "bob:right", "carol:right", "alice:", ":"] {
            assert_eq!(settled(&users, wrong).await, (None, true), "{wrong}");
            assert_eq!(settled(&users, wrong).await, (None, false), "{wrong}");
        }
        assert_eq!(settled(&users, "alice:right").await, (alice, false));
    }

    #[tokio::test]
    async fn unknown_users_cost_a_hash_of_the_same_kind() {
        let users = users(None, &[("alice", "right")]);
        assert_eq!(users.nobody.cost(), 4);
    }

    #[tokio::test]
    async fn a_reload_forgets_only_what_has_changed() {
        let first = users(None, &[("alice", "right"), ("bob", "old")]);
        assert!(settled(&first, "alice:right").await.0.is_some());
        assert!(settled(&first, "bob:old").await.0.is_some());
        assert!(settled(&first, "bob:new").await.0.is_none());
        let second = users(Some(&first), &[("alice", "right"), ("bob", "new")]);
        assert_eq!(settled(&second, "alice:right").await, (Some("alice".to_owned()), false));
        assert_eq!(settled(&second, "bob:old").await, (None, true));
        assert_eq!(settled(&second, "bob:new").await, (Some("bob".to_owned()), true));
        let third = users(Some(&second), &[("alice", "right")]);
        assert_eq!(settled(&third, "bob:new").await.0, None);
    }

    #[tokio::test]
    async fn the_same_credentials_are_hashed_once_for_all_who_wait() {
        let users = users(None, &[("alice", "right")]);
        let hashed = AtomicU32::new(0);
        let check = || match users.check(&credentials("alice:right")) {
            Verdict::Unsure(check) => check,
            other => panic!("{other:?}"),
        };
        let settle = |check: Check| {
            check.settle(async |hashing: Hashing| {
                hashed.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                hashing.run()
            })
        };
        let (one, other) = tokio::join!(settle(check()), settle(check()));
        assert!(one.is_some() && other.is_some());
        assert_eq!(hashed.into_inner(), 1);
    }

    #[tokio::test]
    async fn guesses_that_wait_keep_no_known_user_out() {
        let users = users(None, &[("alice", "right")]);
        assert!(settled(&users, "alice:right").await.0.is_some());
        let guesses: Vec<_> = (0..AUTH_WAITERS_MAX)
            .map(|guess| users.check(&credentials(&format!("alice:{guess}"))))
            .collect();
        assert!(guesses.iter().all(|verdict| matches!(verdict, Verdict::Unsure(_))));
        assert!(matches!(users.check(&credentials("alice:one more")), Verdict::Busy));
        assert!(matches!(users.check(&credentials("alice:right")), Verdict::Right(_)));
        drop(guesses);
        assert!(matches!(users.check(&credentials("alice:one more")), Verdict::Unsure(_)));
    }
}
