//! The framing check: rejects requests whose length two servers could read in two ways. Such requests are used to smuggle
//! others past the first server. Also rejects a head that is too large and has arrived at one go: hyper looks at the size only
//! while it waits for more of the head.

use hyper::header::{HOST, HeaderName, HeaderValue, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::{HeaderMap, StatusCode, Version};

use crate::http::connection::timeouts::HEADER_BYTES_MAX;

/// The status and reason for a request that is rejected; its connection is then closed. hyper has already rejected what
/// cannot be framed at all.
pub(crate) fn check(head: &Parts) -> Result<(), (StatusCode, &'static str)> {
    if head.version > Version::HTTP_11 {
        return Ok(()); // HTTP/2 frames bodies itself, and names the host apart.
    }
    if bytes(head) > HEADER_BYTES_MAX {
        let reason = "the request has more than 65536 bytes in its URL and headers";
        return Err((StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, reason));
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

/// How large the head was, without blanks that mean nothing.
fn bytes(head: &Parts) -> usize {
    let url = head.uri.path_and_query().map_or(0, |path| path.as_str().len());
    let line = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + 4;
    url + head.headers.iter().map(line).sum::<usize>()
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
    fn a_head_is_bounded_also_if_it_arrives_at_one_go() {
        let with = |bytes: usize| {
            let value = "y".repeat(bytes);
            status(Version::HTTP_11, &[("host", "x"), ("a", &value), ("b", &value)])
        };
        assert_eq!((with(32_000), with(33_000)), (None, Some(431)));
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
