//! Percent-encoding of the paths of URLs.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

/// What a path escapes. A slash stays, so that a whole path can be encoded.
const ESCAPED: &AsciiSet = &without(NON_ALPHANUMERIC, b"-_.~$&+,:;=@!*'()/");

/// Undoes percent-encoding; `None` when a `%` is not followed by two hexadecimal digits.
pub(crate) fn decode(path: &[u8]) -> Option<Cow<'_, [u8]>> {
    if memchr(b'%', path).is_none() {
        return Some(Cow::Borrowed(path)); // Nearly all paths, and quicker than `percent_decode`.
    }
    let has_digits = |at: usize| {
        path.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    memchr_iter(b'%', path).all(has_digits).then(|| percent_decode(path).into())
}

/// Percent-encodes a path.
pub(crate) fn encode(path: &[u8]) -> String {
    percent_encode(path, ESCAPED).to_string()
}

const fn without(set: &AsciiSet, plain: &[u8]) -> AsciiSet {
    let (mut set, mut at) = (set.remove(plain[0]), 1);
    while at < plain.len() {
        set = set.remove(plain[at]);
        at += 1;
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_where_they_are_whole() {
        for (path, decoded) in [
            (&b"/a/b"[..], Some(&b"/a/b"[..])),
            (b"/a%2Fb%20%c3%A9", Some("/a/b \u{e9}".as_bytes())),
            (b"%2541", Some(b"%41")),
            (b"%", None),
            (b"a%4", None),
            (b"%%41", None),
            (b"%4g", None),
            (b"%+4", None),
        ] {
            assert_eq!(decode(path).as_deref(), decoded, "{}", String::from_utf8_lossy(path));
        }
    }

    #[test]
    fn a_path_that_is_encoded_decodes_to_itself() {
        let every_byte: Vec<u8> = (0..=255).collect();
        let encoded = encode(&every_byte);
        assert_eq!(decode(encoded.as_bytes()).as_deref(), Some(&every_byte[..]));
        assert_eq!(encode(b"/a b/-_.~$&+,:;=@!*'()%"), "/a%20b/-_.~$&+,:;=@!*'()%25");
    }
}
