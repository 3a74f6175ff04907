//! One user of the web configuration.

use std::sync::atomic::AtomicU64;

use arc_swap::ArcSwapOption;

use super::tag::Tag;
use crate::config::web::PasswordHash;

/// A user of the web configuration.
#[derive(Debug)]
pub struct User {
    name: String,
    pub(super) hash: PasswordHash,
    /// The credentials that have matched last: they are accepted without hashing.
    pub(super) known: ArcSwapOption<Tag>,
    /// When a password of the user was hashed last, in turns.
    pub(super) last_turn: AtomicU64,
}

impl User {
    pub(super) fn new(name: &str, hash: &PasswordHash) -> User {
        let (known, last_turn) = (ArcSwapOption::empty(), AtomicU64::new(0));
        User { name: name.to_owned(), hash: hash.clone(), known, last_turn }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }
}
