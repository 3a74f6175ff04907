//! Tokens in forms. A page of another site can make a browser send a form here with the credentials of its user, but it
//! cannot read our pages to learn the token.
//!
//! A token is a keyed hash of the visitor's name, under a key that this process has drawn. So nothing is stored for it, no
//! other user can use it, and it ends with the process. The replicas of a set derive the key from their shared secret instead.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ring::{hmac, rand};

/// Makes and checks tokens.
#[derive(Debug)]
pub(crate) struct Tokens {
    key: hmac::Key,
}

impl Default for Tokens {
    fn default() -> Tokens {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new());
        Tokens { key: key.expect("the system gives random numbers") }
    }
}

impl Tokens {
    /// Those of a replica set: a page of one replica may send its form to another one. They end with the secret.
    pub(crate) fn of_set(secret: &[u8]) -> Tokens {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let key = hmac::sign(&secret, b"shardgate form token v1");
        Tokens { key: hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()) }
    }

    /// The token of a visitor.
    pub(super) fn token(&self, of: &str) -> String {
        BASE64.encode(hmac::sign(&self.key, of.as_bytes()))
    }

    /// Whether this is the visitor's token. Takes the same time for every wrong token.
    pub(super) fn is_token(&self, of: &str, token: &str) -> bool {
        let tag = BASE64.decode(token).unwrap_or_default();
        hmac::verify(&self.key, of.as_bytes(), &tag).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_user_and_process_only() {
        let tokens = Tokens::default();
        let token = tokens.token("alice");
        assert!(tokens.is_token("alice", &token));
        assert!(!tokens.is_token("bob", &token));
        assert!(!Tokens::default().is_token("alice", &token));
        let (one, other) = (Tokens::of_set(b"secret"), Tokens::of_set(b"secret"));
        assert!(one.is_token("alice", &other.token("alice")), "a set shares its tokens");
        assert!(!Tokens::of_set(b"another").is_token("alice", &one.token("alice")));
        for bad in ["", "a", &token[1..], &format!("{token}A"), "é"] {
            assert!(!tokens.is_token("alice", bad), "{bad}");
        }
    }
}
