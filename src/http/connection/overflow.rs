//! Overflow connections, which are above the connection limit: a probe gets its answer, any other request 503.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;

use crate::http::connection::http2;
use crate::http::connection::rare::{Ready, select_rare};
use crate::http::connection::timeouts::HEADER_BYTES_MAX;
use crate::http::connection::unread_body::{linger, pass_over};
use crate::http::reply::{Reply, and_close, and_retry, error};
use crate::http::server::Http;
use crate::listen::{Client, Protocol};

/// How long each may take: to send its head, and to read its answer; over TLS with the handshake.
pub(crate) const OVERFLOW_WAIT: Duration = Duration::from_secs(5);
/// How long a client of HTTP/2 has to read its answer before the connection is ended.
const OVERFLOW_READ_WAIT: Duration = Duration::from_secs(1);
/// When a client may connect again.
const RETRY: Duration = Duration::from_secs(1);

/// Answers one request of a connection.
pub(crate) async fn serve_overflow(
    http: Arc<Http>,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    protocol: Protocol,
    client: &Client,
) {
    let settings = &http.config.web;
    let answered = Arc::new(Notify::new());
    let service = service_fn(|request: Request<Incoming>| {
        let (http, answered, client) = (Arc::clone(&http), Arc::clone(&answered), client.clone());
        async move {
            let (head, body) = request.into_parts();
            let reply = http.answer_overflow(&head, &client);
            if protocol == Protocol::Http2 {
                pass_over(&head.headers, body, ()).await;
            }
            answered.notify_one();
            Ok::<_, Infallible>(http.admission.with_headers(reply))
        }
    });
    let stream = TokioIo::new(stream);
    let served = async {
        match protocol {
            Protocol::Http1 => {
                let mut builder = http1::Builder::new();
                builder.keep_alive(false).half_close(true).max_buf_size(HEADER_BYTES_MAX);
                let mut connection = builder.serve_connection(stream, service);
                let served = Pin::new(&mut connection).await;
                linger(connection.into_parts().io.into_inner()).await;
                served
            }
            Protocol::Http2 => {
                let mut builder = http2::builder(settings);
                let connection = builder.max_concurrent_streams(1);
                let mut connection = pin!(connection.serve_connection(stream, service));
                // Python's h2 breaks off at the PING that goes with the end of a connection: the client reads its answer first.
                let has_read = async {
                    answered.notified().await;
                    tokio::time::sleep(OVERFLOW_READ_WAIT).await;
                };
                match select_rare(connection.as_mut(), pin!(has_read)).await {
                    Ready::Main(served) => served,
                    Ready::Rare(()) => {
                        connection.as_mut().graceful_shutdown();
                        connection.await
                    }
                }
            }
        }
    };
    if let Ok(Err(error)) = tokio::time::timeout(OVERFLOW_WAIT, served).await {
        tracing::debug!(err = %error, "overflow connection broken");
    }
}

impl Http {
    fn answer_overflow(&self, head: &Parts, client: &Client) -> Reply {
        let reply = self.answer_probe(head).unwrap_or_else(|| {
            self.connections.reject();
            let reason = "as many connections as --web.max-connections allows are being served";
            and_retry(error(StatusCode::SERVICE_UNAVAILABLE, reason), RETRY)
        });
        self.note_if_rejected(and_close(reply), head, client, String::new)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::Empty;
    use hyper::client::conn::http2::handshake;
    use hyper_util::rt::TokioExecutor;
    use tokio::time::Instant;

    use super::*;
    use crate::http::connection::serve::tests::http;
    use crate::listen::Source;

    #[tokio::test(start_paused = true)]
    async fn a_connection_of_http2_goes_with_its_first_answer() {
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let client = Client { source: Source::Unix, certificate: None };
        let serving =
            async move { serve_overflow(http(&[]), ours, Protocol::Http2, &client).await };
        let served = tokio::spawn(serving);
        let shaken = handshake(TokioExecutor::new(), TokioIo::new(theirs)).await;
        let (mut client, connection) = shaken.expect("both speak HTTP/2");
        tokio::spawn(connection);
        let since = Instant::now();
        let request = Request::get("https://x/metrics").body(Empty::<Bytes>::new());
        let answer = client.send_request(request.expect("it is one")).await;
        let answer = answer.expect("it is answered");
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.headers().contains_key("x-request-id"));
        served.await.expect("it ends");
        assert!(since.elapsed() < OVERFLOW_WAIT, "{:?}", since.elapsed());
    }
}
