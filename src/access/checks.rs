//! Credentials that were found wrong, and the key of the hashes that stand for credentials.

use std::sync::{Arc, Mutex, PoisonError};

use ring::{hmac, rand};

use super::credentials::Credentials;
use super::tag::Tag;
use super::turns::Turns;
use crate::config::web::PasswordHash;

/// How many wrong credentials are remembered.
pub const WRONG_MAX: usize = 100;
/// How many are forgotten when there is no more room.
const FORGOTTEN: usize = WRONG_MAX / 10;

/// The checks of the gateway. A reload keeps them: it does not change which credentials match which hash.
#[derive(Debug)]
pub(super) struct Checks {
    key: hmac::Key,
    wrong: Mutex<Vec<Tag>>,
    pub(super) turns: Arc<Turns>,
}

impl Default for Checks {
    fn default() -> Checks {
        let random = rand::SystemRandom::new();
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &random);
        Checks {
            key: key.expect("the system gives random numbers"),
            wrong: Mutex::default(),
            turns: Arc::default(),
        }
    }
}

impl Checks {
    pub(super) fn tag(&self, credentials: &Credentials, hash: &PasswordHash) -> Tag {
        let name = credentials.name();
        let mut context = hmac::Context::with_key(&self.key);
        for part in [hash.as_str().as_bytes(), name.as_bytes()] {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
        context.update(credentials.password());
        let mut tag = [0; 32];
        tag.copy_from_slice(context.sign().as_ref());
        Tag(tag)
    }

    pub(super) fn is_wrong(&self, tag: Tag) -> bool {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).contains(&tag)
    }

    /// Remembers wrong credentials. When there is no room, some others are forgotten; a client cannot predict which.
    pub(super) fn set_wrong(&self, tag: Tag) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        if wrong.len() >= WRONG_MAX {
            for byte in &tag.0[..FORGOTTEN] {
                let at = usize::from(*byte) % wrong.len();
                wrong.swap_remove(at);
            }
        }
        wrong.push(tag);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::turns::{AUTH_WAITERS_MAX, Asker};
    use super::*;

    /// Tags of different credentials.
    pub(in super::super) fn tags(count: usize) -> (Checks, Vec<Tag>) {
        let checks = Checks::default();
        let hash = bcrypt::hash_with_salt("", 4, [0; 16]).expect("it can be hashed").to_string();
        let hash = hash.try_into().expect("it is one");
        let tag = |number: usize| {
            let header =
                base64::Engine::encode(&base64::prelude::BASE64_STANDARD, format!("user:{number}"));
            let credentials = Credentials::from_header(format!("Basic {header}").as_bytes());
            checks.tag(&credentials.expect("it is well-formed"), &hash)
        };
        let tags = (0..count).map(tag).collect();
        (checks, tags)
    }

    #[test]
    fn wrong_ones_are_remembered_within_a_bound() {
        let (checks, tags) = tags(WRONG_MAX + 2 * FORGOTTEN + 1);
        for (at, tag) in tags.iter().enumerate() {
            assert!(!checks.is_wrong(*tag));
            checks.set_wrong(*tag);
            assert!(checks.is_wrong(*tag));
            let known = tags.iter().filter(|tag| checks.is_wrong(**tag)).count();
            assert!(known <= WRONG_MAX && known > at.min(WRONG_MAX - FORGOTTEN), "{known}");
        }
    }

    #[test]
    fn different_ones_wait_within_a_bound_and_the_same_together() {
        let (checks, tags) = tags(AUTH_WAITERS_MAX + 1);
        let (last, first) = tags.split_last().expect("there are some");
        let wait = |tag: &Tag| checks.turns.wait(*tag, 4, Asker::default());
        let mut waiting: Vec<_> = first.iter().map(wait).collect();
        assert!(waiting.iter().all(Option::is_some));
        assert!(wait(last).is_none());
        let joined = wait(&first[0]).expect("the same may wait");
        assert!(waiting[0].as_ref().is_some_and(|first| Arc::ptr_eq(first, &joined)));
        waiting.pop();
        assert!(wait(last).is_some(), "somebody has gone");
    }
}
