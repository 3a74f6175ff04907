//! The framing check: rejects requests whose length two servers could read in two ways. Such requests are used to smuggle
//! others past the first server.

use hyper::header::{HOST, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::{HeaderMap, StatusCode, Version};

/// The status and reason for a request that is rejected; its connection is then closed. hyper has already rejected what
/// cannot be framed at all.
pub(crate) fn check(head: &Parts) -> Result<(), (StatusCode, &'static str)> {
    if head.version > Version::HTTP_11 {
        return Ok(()); // HTTP/2 frames bodies itself, and names the host apart.
    }
    if !is_chunked_at_most(&head.headers) {
        let reason = "a Transfer-Encoding other than chunked, once, is not understood";
        return Err((StatusCode::NOT_IMPLEMENTED, reason));
    }
    let mut hosts = head.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(_), None) => Ok(()),
        (None, _) if head.version < Version::HTTP_11 => Ok(()),
        _ => Err((StatusCode::BAD_REQUEST, "a request has one Host header")),
    }
}

fn is_chunked_at_most(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn status(version: Version, headers: &[(&str, &str)]) -> Option<u16> {
        let mut request = Request::builder().version(version);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).expect("a request").into_parts();
        check(&head).err().map(|(status, _)| status.as_u16())
    }

    #[test]
    fn there_is_one_host_from_http_1_1_on() {
        let host = ("host", "x");
        assert_eq!(status(Version::HTTP_11, &[host]), None);
        assert_eq!(status(Version::HTTP_11, &[]), Some(400));
        assert_eq!(status(Version::HTTP_11, &[host, host]), Some(400));
        assert_eq!(status(Version::HTTP_10, &[]), None);
        assert_eq!(status(Version::HTTP_10, &[host, host]), Some(400));
        assert_eq!(status(Version::HTTP_2, &[]), None);
    }

    #[test]
    fn chunked_is_the_only_coding() {
        let with =
            |coding| status(Version::HTTP_11, &[("host", "x"), ("transfer-encoding", coding)]);
        assert_eq!((with("chunked"), with("Chunked")), (None, None));
        for coding in ["chunked, chunked", "gzip, chunked", "identity, chunked", ""] {
            assert_eq!(with(coding), Some(501), "{coding}");
        }
    }
}
