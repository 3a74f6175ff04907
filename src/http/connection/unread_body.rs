//! Bodies that an early answer has left unread, for instance a rejection.
//!
//! A client that still sends must not lose the answer. If the gateway stopped reading at once, TCP would reset the connection
//! of HTTP/1 and HTTP/2 would reset the stream, and some clients would then drop the answer (curl 7.88 does). So the gateway
//! reads and discards the rest of the body for a bounded time.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::{Body, Incoming};
use hyper::header::EXPECT;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// How long an answer waits for the rest of the body.
const BEFORE_WAIT: Duration = Duration::from_millis(250);
/// How long the rest of a body is discarded after the answer.
pub(crate) const UNREAD_WAIT: Duration = Duration::from_secs(2);
/// How many bytes are read at a time.
const PIECE_BYTES: usize = 16 << 10;

/// Discards the rest of a body before its answer. Returns whether the body has ended. A client that expects a 100 sends
/// nothing before the answer, so there is no wait for it.
///
/// Over HTTP/1 the connection can be kept then. Over HTTP/2 this is for curl: it stops sending once it sees an error and ends
/// its stream with less than the announced length, and `h2` answers that with a reset that can overtake the rest of the answer.
pub(crate) async fn is_taken_in(headers: &HeaderMap, body: &mut Incoming) -> bool {
    !headers.contains_key(EXPECT) && timeout(BEFORE_WAIT, read_to_end(body)).await.is_ok()
}

/// Passes over the rest of a body of HTTP/2: first before the answer, then beside it. Where the client still sends after
/// [`UNREAD_WAIT`], the stream is reset without an error, after the answer (RFC 9113, 8.1). `guard` is kept as long.
pub(crate) async fn pass_over(headers: &HeaderMap, mut body: Incoming, guard: impl Send + 'static) {
    if body.is_end_stream() || is_taken_in(headers, &mut body).await {
        return;
    }
    tokio::spawn(async move {
        let _late = timeout(UNREAD_WAIT, read_to_end(&mut body)).await;
        drop((body, guard)); // If it is late, this resets the stream.
    });
}

async fn read_to_end(body: &mut Incoming) {
    while body.frame().await.is_some_and(|frame| frame.is_ok()) {}
}

/// Closes a connection of HTTP/1 behind its last answer: first the gateway's side, then, once the client has closed its own
/// side or after [`UNREAD_WAIT`], the rest. Nothing that is left unread resets the connection before the client has read the answer.
pub(crate) async fn linger(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let lingering = async {
        let mut piece = [0; PIECE_BYTES];
        if stream.shutdown().await.is_ok() {
            while stream.read(&mut piece).await.is_ok_and(|bytes| bytes > 0) {}
        }
    };
    let _late = timeout(UNREAD_WAIT, lingering).await;
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use h2::Reason;
    use h2::client::{ResponseFuture, SendRequest, handshake};
    use hyper::{Method, Request, StatusCode};
    use tokio::sync::watch;
    use tokio::time::Instant;

    use super::*;
    use crate::http::connection::serve::serve;
    use crate::http::connection::serve::tests::http;
    use crate::listen::{Client, Protocol, Source};

    type Body = h2::SendStream<Bytes>;

    async fn connect() -> SendRequest<Bytes> {
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let http = http(&["--push.max-body-bytes=10"]);
        let client = Client { source: Source::Unix, certificate: None };
        let stop = watch::Sender::new(false);
        let stopping = stop.subscribe();
        tokio::spawn(async move {
            serve(http, ours, Protocol::Http2, client, stopping).await;
            drop(stop);
        });
        let (client, connection) = handshake(theirs).await.expect("both speak HTTP/2");
        tokio::spawn(connection);
        client.ready().await.expect("there is room")
    }

    fn push(client: &mut SendRequest<Bytes>, path: &str) -> (ResponseFuture, Body) {
        let request = Request::builder().method(Method::PUT).uri(format!("https://x{path}"));
        let request = request.body(()).expect("a request");
        client.send_request(request, false).expect("it is sent")
    }

    async fn whole(answer: ResponseFuture) -> (StatusCode, Bytes) {
        let answer = answer.await.expect("an answer");
        let (status, mut body) = (answer.status(), answer.into_body());
        let text = body.data().await.expect("it has a body").expect("it is not cut");
        assert!(body.data().await.is_none(), "the answer is whole");
        (status, text)
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_comes_behind_its_refusal_resets_nothing() {
        let mut client = connect().await;
        for (path, refused) in [
            ("/nothing", StatusCode::NOT_FOUND),
            ("/metrics/job/a%zz", StatusCode::BAD_REQUEST),
            ("/metrics/job/a", StatusCode::PAYLOAD_TOO_LARGE),
        ] {
            let (answer, mut body) = push(&mut client, path);
            body.send_data("m 1\n".repeat(10).into(), false).expect("it is open");
            let (status, reason) = whole(answer).await;
            assert_eq!(status, refused, "{reason:?}");
            body.send_data("m 2\n".into(), true).expect("the stream is open still");
            let reset = is_reset(&mut body).await;
            assert!(!reset, "{path}: the stream was reset");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_end_is_reset_without_an_error_behind_the_answer() {
        let mut client = connect().await;
        let (answer, mut body) = push(&mut client, "/nothing");
        let since = Instant::now();
        assert_eq!(whole(answer).await.0, StatusCode::NOT_FOUND);
        assert!(since.elapsed() < BEFORE_WAIT * 2, "{:?}", since.elapsed());
        let reset = std::future::poll_fn(|context| body.poll_reset(context)).await;
        assert_eq!(reset.expect("it is reset"), Reason::NO_ERROR);
        let waited = since.elapsed();
        assert!((UNREAD_WAIT..UNREAD_WAIT * 2).contains(&waited), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_expects_a_100_is_refused_at_once() {
        let mut client = connect().await;
        let request = Request::put("https://x/nothing").header(EXPECT, "100-continue");
        let request = request.body(()).expect("a request");
        let (answer, _body) = client.send_request(request, false).expect("it is sent");
        let since = Instant::now();
        assert_eq!(whole(answer).await.0, StatusCode::NOT_FOUND);
        assert!(since.elapsed() < BEFORE_WAIT, "{:?}", since.elapsed());
    }

    /// Whether the stream is reset, once it could have been.
    async fn is_reset(body: &mut Body) -> bool {
        let reset = std::future::poll_fn(|context| body.poll_reset(context));
        let reset = timeout(UNREAD_WAIT * 3, reset).await;
        reset.is_ok_and(|reset| reset.is_ok())
    }
}
