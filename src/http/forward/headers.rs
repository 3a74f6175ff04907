//! The headers of a forwarded request and of its answer.

use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, DATE, EXPECT, HOST, HeaderName, HeaderValue,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::request::Parts;
use hyper::{HeaderMap, StatusCode};

use super::signature::FORWARDED;

/// The sequence that a replica must have applied to show what the leader's answer is about. Every answer to a request whose
/// signature the leader accepts has it.
pub(crate) const POSITION: HeaderName = HeaderName::from_static("shardgate-position");
/// An answer of a replica that does not lead: it has done nothing. The value is the URL of the leader that it knows of.
pub(crate) const LEADER: HeaderName = HeaderName::from_static("shardgate-leader");
/// An answer of a leader that does not know whether the change counts.
pub(crate) const IN_DOUBT: HeaderName = HeaderName::from_static("shardgate-in-doubt");

/// An answer of a leader that has done nothing, because the request was signed at another time than now. The value is how many
/// milliseconds the two are apart.
pub(crate) const LATE: HeaderName = HeaderName::from_static("shardgate-late");

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// What is about one connection and not about the message (RFC 9110, 7.6.1).
const OF_CONNECTION: [HeaderName; 9] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    PROXY_CONNECTION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// The headers of a request as they are passed on. The client's password or token stays here, and the body has another
/// framing.
pub(super) fn of_request(head: &Parts) -> HeaderMap {
    let mut headers = head.headers.clone();
    remove_of_connection(&mut headers);
    for name in [AUTHORIZATION, CONTENT_LENGTH, EXPECT, FORWARDED] {
        headers.remove(name);
    }
    // The host that the client has asked, by which a form is known to come from one of our pages. HTTP/2 has it in the URI.
    if !headers.contains_key(HOST)
        && let Some(host) = head.uri.authority()
        && let Ok(host) = HeaderValue::from_str(host.as_str())
    {
        headers.insert(HOST, host);
    }
    headers
}

/// The headers of the leader's answer as the client gets them.
pub(super) fn of_answer(mut headers: HeaderMap) -> HeaderMap {
    remove_of_connection(&mut headers);
    for name in [CONTENT_LENGTH, DATE, POSITION, LEADER, IN_DOUBT, LATE] {
        headers.remove(name);
    }
    headers
}

fn remove_of_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.into_iter().chain(OF_CONNECTION) {
        headers.remove(name);
    }
}

/// What an answer to a forwarded request means for the replica that has forwarded it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It is the answer for the client. This sequence has to be applied first.
    Answer(u64),
    /// The replica does not lead, and has done nothing.
    NotLeading,
    /// It has come too late, or the clocks of the two differ: by so many milliseconds. Nothing was done.
    Late(u64),
    /// The leader was deposed meanwhile.
    InDoubt,
    /// The other side did not accept the signature, and has taken the request for one of this replica's own.
    NotVouched,
}

pub(super) fn meaning(status: StatusCode, headers: &HeaderMap) -> Meaning {
    let number = |name| headers.get(name).and_then(|value| value.to_str().ok()?.parse().ok());
    let (position, late) = (number(POSITION), number(LATE));
    match position {
        None => Meaning::NotVouched,
        _ if status != StatusCode::SERVICE_UNAVAILABLE => Meaning::Answer(position.unwrap_or(0)),
        _ if late.is_some() => Meaning::Late(late.unwrap_or(0)),
        _ if headers.contains_key(LEADER) => Meaning::NotLeading,
        _ if headers.contains_key(IN_DOUBT) => Meaning::InDoubt,
        Some(position) => Meaning::Answer(position),
    }
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn map(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        headers.collect()
    }

    #[test]
    fn what_is_about_the_connection_or_secret_is_not_passed_on() {
        let request = Request::put("http://gateway:9091/metrics/job/a").body(());
        let (mut head, ()) = request.expect("it is a request").into_parts();
        head.headers = map(&[
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("expect", "100-continue"),
            ("authorization", "Basic eDp5"),
            ("shardgate-forwarded", "v1 x y"),
            ("content-encoding", "gzip"),
            ("shardgate-merge", "series"),
            ("x-request-id", "a"),
        ]);
        let passed = of_request(&head);
        let kept = map(&[
            ("content-encoding", "gzip"),
            ("shardgate-merge", "series"),
            ("x-request-id", "a"),
            ("host", "gateway:9091"),
        ]);
        assert_eq!(passed, kept);
        head.headers.insert(HOST, HeaderValue::from_static("x"));
        assert_eq!(of_request(&head).get(HOST), Some(&HeaderValue::from_static("x")));
        let answer = map(&[
            ("shardgate-position", "3"),
            ("keep-alive", "1"),
            ("retry-after", "1"),
            ("content-length", "3"),
        ]);
        assert_eq!(of_answer(answer), map(&[("retry-after", "1")]));
    }

    #[test]
    fn an_answer_without_a_position_is_not_from_a_leader_that_trusts_us() {
        let (ok, busy) = (StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE);
        let position = ("shardgate-position", "7");
        for (status, headers, meant) in [
            (ok, &[position][..], Meaning::Answer(7)),
            (busy, &[position], Meaning::Answer(7)),
            (busy, &[position, ("shardgate-leader", "")], Meaning::NotLeading),
            (busy, &[position, ("shardgate-in-doubt", "true")], Meaning::InDoubt),
            (busy, &[position, ("shardgate-late", "6000")], Meaning::Late(6000)),
            (busy, &[("shardgate-late", "6000")], Meaning::NotVouched),
            (ok, &[], Meaning::NotVouched),
            (busy, &[("shardgate-leader", "")], Meaning::NotVouched),
            (ok, &[("shardgate-position", "x")], Meaning::NotVouched),
        ] {
            assert_eq!(meaning(status, &map(headers)), meant);
        }
    }
}
