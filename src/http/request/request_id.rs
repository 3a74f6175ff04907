//! The id that names a request in the log: the one that the client sent, or a new one.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

use crate::http::reply::{Reply, with};

/// A longer id is replaced.
pub(crate) const REQUEST_ID_BYTES_MAX: usize = 128;

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of one request.
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// The id of a request with these headers. Without a usable id in the headers each call makes a new one, so the caller
    /// that logs the id also puts it on the answer.
    pub(crate) fn of(headers: &HeaderMap) -> RequestId {
        let given = headers.get(X_REQUEST_ID).filter(|id| is_fit(id.as_bytes()));
        RequestId(given.cloned().unwrap_or_else(made))
    }

    /// The id as the log shows it.
    pub(crate) fn text(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// Puts it on the answer.
    pub(crate) fn on(self, reply: Reply) -> Reply {
        with(reply, X_REQUEST_ID, self.0)
    }
}

/// Puts an id on an answer that is an error and has none. `headers` are those of its request.
pub(crate) fn identify(reply: Reply, headers: &HeaderMap) -> Reply {
    let status = reply.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || reply.headers().contains_key(X_REQUEST_ID) {
        return reply;
    }
    RequestId::of(headers).on(reply)
}

fn is_fit(id: &[u8]) -> bool {
    (1..=REQUEST_ID_BYTES_MAX).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

fn made() -> HeaderValue {
    static RANDOM: LazyLock<ahash::RandomState> = LazyLock::new(ahash::RandomState::new);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let id = format!("{:016x}", RANDOM.hash_one(COUNT.fetch_add(1, Relaxed)));
    HeaderValue::try_from(id).expect("hexadecimal digits are visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(id: &[u8]) -> HeaderValue {
        let id = HeaderValue::from_bytes(id).expect("it is allowed in a header");
        RequestId::of(&HeaderMap::from_iter([(X_REQUEST_ID, id)])).0
    }

    #[test]
    fn an_id_that_can_be_shown_is_kept_and_others_are_replaced() {
        assert_eq!(given(b"a-1/B"), "a-1/B");
        let longest = [b'x'; REQUEST_ID_BYTES_MAX];
        assert_eq!(given(&longest).as_bytes(), longest);
        for bad in [&b""[..], b"a b", b"\xe9", &[b'x'; REQUEST_ID_BYTES_MAX + 1]] {
            let id = given(bad);
            assert!(id.len() == 16 && id.as_bytes() != bad, "{id:?}");
        }
        assert_ne!(made(), made());
    }
}
