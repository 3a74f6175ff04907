//! The users, and the check whether a client is the user it claims to be.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use ring::hmac;

use super::AuthFailure;
use super::checks::Checks;
use super::credentials::Credentials;
use super::tag::Tag;
use super::turns::{Asker, Place, Stage, Turn};
pub use super::user::User;
use crate::config::web::PasswordHash;

/// Salt and hash that no password matches; the cost goes before it.
const NOBODY: &str = "m6Wa/yYX2SVKU1lPz2sxKOCxwJhAkyy6vSzbUa9UdQY7oEjZQlKN6";

/// All users at one time.
#[derive(Debug)]
pub struct Users {
    by_name: HashMap<String, Arc<User>, ahash::RandomState>,
    /// The hashes that passwords of unknown users are compared with: one for each user, of the same cost.
    stand_ins: Vec<PasswordHash>,
    stand_in_key: hmac::Key,
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
            let user = same
                .filter(|user| user.hash == *hash)
                .cloned()
                .unwrap_or_else(|| Arc::new(User::new(name, hash)));
            (name.clone(), user)
        };
        let stand_in = |hash: &PasswordHash| -> PasswordHash {
            let stand_in = format!("$2y${:02}${NOBODY}", hash.cost()).try_into();
            stand_in.expect("it is a bcrypt hash")
        };
        // Secret, and the same after a restart: a name keeps its stand-in for as long as the users stay.
        let secret: String = hashes.values().map(PasswordHash::as_str).collect();
        Users {
            by_name: hashes.iter().map(user).collect(),
            stand_ins: hashes.values().map(stand_in).collect(),
            stand_in_key: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
            checks: Arc::clone(checks),
        }
    }

    /// Whether there is a user of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The user of this name.
    pub(super) fn named(&self, name: &str) -> Option<Arc<User>> {
        self.by_name.get(name).cloned()
    }

    /// The hash that passwords of this name are compared with if no user has the name. Each name always has the cost of the
    /// same user, so the time of an answer does not tell which users exist.
    fn stand_in(&self, name: &str) -> &PasswordHash {
        let drawn = hmac::sign(&self.stand_in_key, name.as_bytes());
        let number =
            drawn.as_ref().iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        &self.stand_ins[number as usize % self.stand_ins.len()]
    }

    /// Checks credentials of a client at this address. Known credentials cost the same whatever else is being checked.
    pub fn check(&self, credentials: &Credentials, source: Option<IpAddr>) -> Verdict {
        let name = credentials.name();
        let user = self.by_name.get(&*name);
        let own_tag = user.map(|user| self.checks.tag(credentials, &user.hash));
        if let Some(user) = user
            && user.known.load().as_deref() == own_tag.as_ref()
        {
            return Verdict::Right(Arc::clone(user));
        }
        // Drawn for users as well: it takes time.
        let stand_in = self.stand_in(&name);
        let hash = user.map_or(stand_in, |user| &user.hash);
        let tag = own_tag.unwrap_or_else(|| self.checks.tag(credentials, hash));
        if self.checks.is_wrong(tag) {
            return Verdict::Wrong;
        }
        let asker = Asker { user: user.cloned(), source };
        let Some(place) = self.checks.turns.wait(tag, hash.cost(), asker) else {
            return Verdict::Busy;
        };
        Verdict::Unsure(Check {
            user: user.cloned(),
            hash: hash.clone(),
            credentials: credentials.clone(),
            tag,
            place,
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
    place: Arc<Place>,
    checks: Arc<Checks>,
}

/// The hashing of one password, to be done on a thread that may block. The next one begins after this one has
/// ended, even when no request waits for its result any more.
#[derive(Debug)]
pub struct Hashing {
    user: Option<Arc<User>>,
    hash: PasswordHash,
    credentials: Credentials,
    tag: Tag,
    place: Arc<Place>,
    checks: Arc<Checks>,
    _turn: Turn,
}

impl Hashing {
    /// Hashes the password, and tells the result to all requests that wait for it.
    pub fn run(self) {
        let matches = self.hash.matches(self.credentials.password());
        match &self.user {
            Some(user) if matches => user.known.store(Some(Arc::new(self.tag))),
            _ => self.checks.set_wrong(self.tag),
        }
        self.place.stage.send_replace(Stage::Checked(matches));
    }
}

impl Check {
    /// Waits for its turn, lets `run` hash the password unless another request does so, and answers the user.
    ///
    /// # Errors
    /// When the credentials are wrong, or another check has taken the place.
    pub async fn settle<F: Future<Output = ()>>(
        self,
        run: impl FnOnce(Hashing) -> F,
    ) -> Result<Arc<User>, AuthFailure> {
        let (mut stage, mut run) = (self.place.stage.subscribe(), Some(run));
        loop {
            match *stage.borrow_and_update() {
                Stage::Checked(matches) => {
                    let user = self.user.filter(|_| matches);
                    return user.ok_or(AuthFailure::WrongCredentials);
                }
                Stage::GaveWay => return Err(AuthFailure::Busy),
                Stage::Waits | Stage::HasTurn => {}
            }
            if let Some(turn) = self.place.take_turn()
                && let Some(run) = run.take()
            {
                run(self.hashing(turn)).await;
            } else {
                stage.changed().await.expect("the place is held here");
            }
        }
    }

    fn hashing(&self, turn: Turn) -> Hashing {
        Hashing {
            user: self.user.clone(),
            hash: self.hash.clone(),
            credentials: self.credentials.clone(),
            tag: self.tag,
            place: Arc::clone(&self.place),
            checks: Arc::clone(&self.checks),
            _turn: turn,
        }
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

    use super::super::turns::AUTH_WAITERS_MAX;
    use super::*;

    impl User {
        pub(in super::super) fn of_test(name: &str) -> User {
            let hash = bcrypt::hash_with_salt(name, 4, [7; 16]).expect("it can be hashed");
            User::new(name, &hash.to_string().try_into().expect("it is one"))
        }
    }

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
        match users.check(&credentials(text), None) {
            Verdict::Right(user) => (Some(name(user)), false),
            Verdict::Wrong => (None, false),
            Verdict::Unsure(check) => {
                (check.settle(async |hashing: Hashing| hashing.run()).await.ok().map(name), true)
            }
            Verdict::Busy => panic!("nobody else waits"),
        }
    }

    #[tokio::test]
    async fn hashes_are_not_shown() {
        let users = users(None, &[("alice", "right")]);
        let Verdict::Unsure(check) = users.check(&credentials("alice:right"), None) else {
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

    #[test]
    fn unknown_users_cost_a_hash_of_the_same_kind() {
        let users = users(None, &[("alice", "right")]);
        assert_eq!(users.stand_in("carol").cost(), 4);
    }

    #[test]
    fn the_cost_of_a_name_does_not_tell_whether_it_is_a_users() {
        let hash = |(name, cost): (&str, u32)| {
            let hash = format!("$2y${cost:02}${NOBODY}").try_into().expect("it is one");
            (name.to_owned(), hash)
        };
        let hashes = [("alice", 4), ("bob", 10), ("carol", 13)].map(hash).into();
        let users = || Users::new(&hashes, &Arc::default(), None);
        let (users, restarted) = (users(), users());
        let mut names = [0; 14];
        for at in 0..300 {
            let name = format!("name{at}");
            names[users.stand_in(&name).cost() as usize] += 1;
            assert_eq!(users.stand_in(&name), restarted.stand_in(&name), "it stays the same");
        }
        assert!([4, 10, 13].iter().all(|cost| names[*cost] > 50), "{names:?}");
    }

    #[tokio::test]
    async fn what_was_hashed_is_known_though_the_client_has_left() {
        let users = users(None, &[("alice", "right")]);
        let check = || match users.check(&credentials("alice:right"), None) {
            Verdict::Unsure(check) => check,
            other => panic!("{other:?}"),
        };
        let (left, waiting) = (check(), check());
        let (tell, told) = tokio::sync::oneshot::channel();
        let hold = move |hashing: Hashing| async move {
            tell.send(hashing).expect("it is awaited");
            std::future::pending::<()>().await;
        };
        let leaving = tokio::spawn(left.settle(hold));
        let hashing = told.await.expect("it has the turn");
        leaving.abort();
        assert!(leaving.await.is_err());
        let waiting = waiting.settle(async |_: Hashing| unreachable!("it is being hashed"));
        let (settled, ()) = tokio::join!(waiting, async { hashing.run() });
        assert!(settled.is_ok());
        assert!(matches!(users.check(&credentials("alice:right"), None), Verdict::Right(_)));
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
        let check = || match users.check(&credentials("alice:right"), None) {
            Verdict::Unsure(check) => check,
            other => panic!("{other:?}"),
        };
        let settle = |check: Check| {
            check.settle(async |hashing: Hashing| {
                hashed.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                hashing.run();
            })
        };
        let (one, other) = tokio::join!(settle(check()), settle(check()));
        assert!(one.is_ok() && other.is_ok());
        assert_eq!(hashed.into_inner(), 1);
    }

    #[tokio::test]
    async fn guesses_that_wait_keep_no_known_user_out() {
        let users = users(None, &[("alice", "right")]);
        assert!(settled(&users, "alice:right").await.0.is_some());
        let guesses: Vec<_> = (0..AUTH_WAITERS_MAX)
            .map(|guess| users.check(&credentials(&format!("alice:{guess}")), None))
            .collect();
        assert!(guesses.iter().all(|verdict| matches!(verdict, Verdict::Unsure(_))));
        assert!(matches!(users.check(&credentials("alice:one more"), None), Verdict::Busy));
        assert!(matches!(users.check(&credentials("alice:right"), None), Verdict::Right(_)));
        drop(guesses);
        assert!(matches!(users.check(&credentials("alice:one more"), None), Verdict::Unsure(_)));
    }
}
