//! The credentials of a client: a name and a password.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// Longer credentials count as damaged: to read them would take time and memory.
pub const CREDENTIALS_BYTES_MAX: usize = 4096;
/// A longer name is cut in the log.
const NAME_SHOWN_MAX: usize = 64;

/// Basic credentials. Neither shown nor logged with the password.
#[derive(Clone)]
pub struct Credentials {
    /// `name:password`.
    decoded: Vec<u8>,
    colon: usize,
}

impl Credentials {
    /// Reads the value of an `Authorization` header; `None` where it is not of the scheme `Basic`, or
    /// damaged.
    pub fn from_header(value: &[u8]) -> Option<Credentials> {
        let (scheme, encoded) = value.split_at_checked("Basic ".len())?;
        if encoded.len() > CREDENTIALS_BYTES_MAX || !scheme.eq_ignore_ascii_case(b"Basic ") {
            return None;
        }
        let decoded = BASE64_STANDARD.decode(encoded).ok()?;
        let colon = memchr::memchr(b':', &decoded)?;
        Some(Credentials { decoded, colon })
    }

    /// The user's name.
    pub fn name(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.decoded[..self.colon])
    }

    /// The name for the log, cut where it is long.
    pub fn shown_name(&self) -> String {
        self.name().chars().take(NAME_SHOWN_MAX).collect()
    }

    /// The password.
    pub(super) fn password(&self) -> &[u8] {
        &self.decoded[self.colon + 1..]
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("name", &self.shown_name()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_password_are_told_apart_at_the_first_colon() {
        let credentials = |text: &str| {
            let header = format!("bAsIc {}", BASE64_STANDARD.encode(text));
            Credentials::from_header(header.as_bytes())
        };
        let read = credentials("alice:se:cret").expect("it is well-formed");
        assert_eq!((&*read.name(), read.password()), ("alice", &b"se:cret"[..]));
        let empty = credentials(":").expect("both may be empty");
        assert_eq!((&*empty.name(), empty.password()), ("", &b""[..]));
        assert!(credentials("alice").is_none());
        let long = format!("Basic {}", "YTpi".repeat(CREDENTIALS_BYTES_MAX / 4));
        assert!(Credentials::from_header(long.as_bytes()).is_some());
        assert!(Credentials::from_header(format!("{long}YTpi").as_bytes()).is_none());
        for bad in ["", "Basic", "Basic ", "Bearer YTpi", "Basic YTp", "Basic  YTpi", "YTpi"] {
            assert!(Credentials::from_header(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let header = format!("Basic {}", BASE64_STANDARD.encode("alice:secret"));
        let credentials = Credentials::from_header(header.as_bytes()).expect("it is well-formed");
        let shown = format!("{credentials:?}");
        assert!(shown.contains("alice") && !shown.contains("secret"), "{shown}");
        let bytes = format!("{:?}", b"secret");
        assert!(!shown.contains(bytes.trim_matches(['[', ']'])), "{shown}");
    }
}
