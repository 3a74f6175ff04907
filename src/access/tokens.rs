//! Bearer tokens: what the policy says of one, and whether a request brings a valid one.
//!
//! A token is random, so that the policy needs no slow hash of it: SHA-256 takes a microsecond and cannot be reversed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use ring::digest;
use serde::{Deserialize, Deserializer, de};

use super::caller::Grant;
use super::credentials::CREDENTIALS_BYTES_MAX;
use super::rights::{Names, Quota, Rights};

/// A token of the policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// The SHA-256 of the token.
    pub(super) hash: Hash,
    /// From when on it counts no more; `None` if it always counts.
    pub expires: Option<SystemTime>,
    /// The rights of a client that brings it.
    pub rights: Rights,
}

/// A SHA-256.
pub(super) type Hash = [u8; 32];

/// An entry of the file. serde cannot flatten [`Rights`] and deny unknown keys at once.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    sha256: String,
    #[serde(default)]
    expires: Option<String>,
    #[serde(default)]
    push: Vec<Names>,
    #[serde(default)]
    scrape: bool,
    #[serde(default)]
    read: bool,
    #[serde(default)]
    admin: bool,
    #[serde(default)]
    quota: Quota,
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(entry: D) -> Result<Token, D::Error> {
        let Entry { sha256, expires, push, scrape, read, admin, quota } =
            Entry::deserialize(entry)?;
        let hash = hash_of_hex(&sha256).ok_or_else(|| {
            de::Error::custom(format!("sha256: {sha256:?} is not 64 hexadecimal digits"))
        })?;
        let time = |text: String| {
            time(&text).ok_or_else(|| {
                de::Error::custom(format!(
                    "expires: {text:?} is not a time such as 2027-01-31 or 2027-01-31T12:00:00Z"
                ))
            })
        };
        let expires = expires.map(time).transpose()?;
        Ok(Token { hash, expires, rights: Rights { push, scrape, read, admin, quota } })
    }
}

fn hash_of_hex(text: &str) -> Option<Hash> {
    let mut hash = Hash::default();
    if text.len() != 2 * hash.len() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in hash.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(hash)
}

/// A day, which begins in UTC, or a moment.
fn time(text: &str) -> Option<SystemTime> {
    let moment =
        if text.contains(['T', ' ']) { text.to_owned() } else { format!("{text}T00:00:00Z") };
    humantime::parse_rfc3339_weak(&moment).ok()
}

/// The tokens of the policy, by their hashes.
#[derive(Debug, Default)]
pub(super) struct Tokens(HashMap<Hash, Known, ahash::RandomState>);

/// A token that the policy has.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) name: Arc<str>,
    pub(super) expires: Option<SystemTime>,
    pub(super) grant: Arc<Grant>,
}

impl Tokens {
    pub(super) fn new(tokens: impl Iterator<Item = (Hash, Known)>) -> Tokens {
        Tokens(tokens.collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The token of this name.
    pub(super) fn named(&self, name: &str) -> Option<&Known> {
        self.0.values().find(|known| *known.name == *name)
    }

    /// The token with this text.
    pub(super) fn find(&self, token: &[u8]) -> Option<&Known> {
        let hash = digest::digest(&digest::SHA256, token);
        self.0.get(hash.as_ref())
    }
}

/// The token of an `Authorization` header; `None` if the header is of another scheme.
pub(super) fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.split_at_checked("Bearer ".len())?;
    let is_bearer = scheme.eq_ignore_ascii_case(b"Bearer ") && token.len() <= CREDENTIALS_BYTES_MAX;
    is_bearer.then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_from_its_header() {
        assert_eq!(bearer(b"Bearer abc"), Some(&b"abc"[..]));
        assert_eq!(bearer(b"bEARER  abc "), Some(&b"abc"[..]));
        let long = [b"Bearer ".as_slice(), &[b'x'; CREDENTIALS_BYTES_MAX + 1]].concat();
        for other in [&b""[..], b"Bearer", b"Basic YTpi", &long] {
            assert_eq!(bearer(other), None, "{other:?}");
        }
    }

    #[test]
    fn times_are_days_or_moments() {
        let seconds = |text| {
            let time = time(text)?;
            time.duration_since(SystemTime::UNIX_EPOCH).ok().map(|time| time.as_secs())
        };
        assert_eq!(seconds("1970-01-02"), Some(86_400));
        assert_eq!(seconds("1970-01-02T00:00:01Z"), Some(86_401));
        for bad in ["", "tomorrow", "2027-13-01", "1.1.2027", "2027"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_hash_is_64_hexadecimal_digits() {
        let hash = digest::digest(&digest::SHA256, b"test");
        let text = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        assert_eq!(hash_of_hex(text).as_ref().map(AsRef::as_ref), Some(hash.as_ref()));
        assert_eq!(hash_of_hex(&text.to_uppercase()), hash_of_hex(text));
        for bad in ["", &text[1..], &text.replace('9', "g"), &text.replace("9f", "\u{e9}")] {
            assert_eq!(hash_of_hex(bad), None, "{bad}");
        }
    }
}
