//! Tokens in forms: a page of another site can make a browser send a form here, with the user's
//! credentials, but it cannot read our pages to learn the token.
//!
//! A token is a keyed hash of who asked for the page, under a key that this process has drawn. So nothing is
//! stored for it, one user's tokens are worth nothing in the hands of another, and none outlives the process.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ring::{hmac, rand};

/// Makes and checks tokens.
#[derive(Debug)]
pub(super) struct Tokens {
    key: hmac::Key,
}

impl Default for Tokens {
    fn default() -> Tokens {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new());
        Tokens { key: key.expect("the system gives random numbers") }
    }
}

impl Tokens {
    /// The token for somebody.
    pub(super) fn token(&self, of: &str) -> String {
        BASE64.encode(hmac::sign(&self.key, of.as_bytes()))
    }

    /// Whether that is their token. Takes as long whatever is wrong with it.
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
        for bad in ["", "a", &token[1..], &format!("{token}A"), "é"] {
            assert!(!tokens.is_token("alice", bad), "{bad}");
        }
    }
}
