//! A connection that speaks HTTP/2.

use std::pin::pin;
use std::sync::Arc;

use hyper::Request;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};
use tokio_util::io::{InspectReader, InspectWriter};

use crate::config::WebSettings;
use crate::http::body::unread_answers::STREAMS_MAX;
use crate::http::connection::activity::Activity;
use crate::http::connection::rare::{Ready, select_rare};
use crate::http::connection::timeouts::{End, HEADER_BYTES_MAX, end_of};
use crate::http::connection::unread_body;
use crate::http::server::Http;
use crate::listen::{Client, Protocol};

/// The size limit of a frame.
const FRAME_BYTES_MAX: u32 = 16 << 10;
/// How many bytes of bodies one connection may send before the gateway has read them.
const WINDOW_BYTES_MAX: u32 = 1 << 20;
/// How much of one answer may wait to be sent, besides its last chunk.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Serves requests side by side, each on a task of its own.
pub(crate) async fn serve(
    http: Arc<Http>,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    client: Client,
    stopping: watch::Receiver<bool>,
) -> hyper::Result<()> {
    let activity = Arc::new(Activity::new(Protocol::Http2));
    let client = Arc::new(client);
    let source = client.source;
    let stream = InspectWriter::new(stream, |bytes: &[u8]| activity.wrote(bytes.len()));
    let stream = InspectReader::new(stream, |bytes: &[u8]| activity.read(bytes.len()));
    let room = Arc::new(Semaphore::new(STREAMS_MAX as usize));
    let service = {
        let (http, activity) = (Arc::clone(&http), Arc::clone(&activity));
        service_fn(move |request| {
            activity.take_request();
            let (http, client) = (Arc::clone(&http), Arc::clone(&client));
            let activity = Arc::clone(&activity);
            let room = Arc::clone(&room);
            async move {
                // A client can reset its stream at any time. The work for the request still goes on to its end, and the
                // place of the request becomes free only then.
                let place = room.acquire_owned().await;
                let answering = tokio::spawn(async move {
                    let (_at_hand, _watch) = (activity.at_hand(), http.own.watch_panics());
                    let (head, mut body) = Request::into_parts(request);
                    let answer = http.answer(&head, &mut body, &client).await;
                    answer.body().sent_on(activity.cut());
                    unread_body::pass_over(&head.headers, body, place).await;
                    answer
                });
                answering.await
            }
        })
    };
    let mut connection =
        pin!(builder(&http.config.web).serve_connection(TokioIo::new(stream), service));
    let mut end = pin!(end_of(&activity, &http.config.web, stopping));
    match select_rare(connection.as_mut(), end.as_mut()).await {
        Ready::Main(served) => served,
        Ready::Rare(End::Stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        Ready::Rare(End::Idle | End::SlowHead) => {
            tracing::debug!(%source, "idle connection closed");
            Ok(())
        }
    }
}

/// The settings of HTTP/2.
pub(crate) fn builder(settings: &WebSettings) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_BYTES_MAX as u32)
        .max_frame_size(FRAME_BYTES_MAX)
        .initial_stream_window_size(WINDOW_BYTES_MAX)
        .initial_connection_window_size(WINDOW_BYTES_MAX)
        .max_send_buf_size(ANSWER_BYTES_MAX)
        .keep_alive_interval(settings.idle_wait)
        .keep_alive_timeout(settings.header_wait);
    builder
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use bytes::Bytes;
    use http_body_util::BodyExt;
    use hyper::body::{Body, Frame};
    use hyper::client::conn::http2::{SendRequest, handshake};
    use hyper::{Method, StatusCode};
    use tokio::sync::mpsc;
    use tokio::task::JoinHandle;

    use super::*;
    use crate::http::connection::serve::tests::http;
    use crate::listen::Source;

    /// A body that is sent piece by piece.
    struct Pieces(mpsc::UnboundedReceiver<Bytes>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.0.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
        }
    }

    struct Connection {
        stop: watch::Sender<bool>,
        client: SendRequest<Pieces>,
        served: JoinHandle<hyper::Result<()>>,
    }

    async fn connect(flags: &[&str]) -> Connection {
        connect_from(Source::Unix, &http(flags)).await
    }

    async fn connect_from(source: Source, http: &Arc<Http>) -> Connection {
        let http = Arc::clone(http);
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let client = Client { source, certificate: None };
        let stop = watch::Sender::new(false);
        let served = tokio::spawn(serve(http, ours, client, stop.subscribe()));
        let shaken = handshake(TokioExecutor::new(), TokioIo::new(theirs)).await;
        let (client, connection) = shaken.expect("both speak HTTP/2");
        tokio::spawn(connection);
        Connection { stop, client, served }
    }

    /// Sends a request; its body goes on for as long as the sender lives.
    fn send(
        client: &mut SendRequest<Pieces>,
        method: Method,
        path: &str,
        body: &str,
    ) -> (mpsc::UnboundedSender<Bytes>, JoinHandle<(StatusCode, Bytes)>) {
        let (sender, pieces) = mpsc::unbounded_channel();
        if !body.is_empty() {
            sender.send(Bytes::from(body.to_owned())).expect("it is received");
        }
        let request = Request::builder().method(method).uri(format!("https://x{path}"));
        let request = request.body(Pieces(pieces)).expect("a request");
        let answered = client.send_request(request);
        let answer = tokio::spawn(async move {
            let answer = answered.await.expect("an answer");
            let status = answer.status();
            let body = answer.into_body().collect().await.expect("a body");
            (status, body.to_bytes())
        });
        (sender, answer)
    }

    async fn ask(connection: &mut Connection, method: Method, path: &str, body: &str) -> String {
        let (sender, answer) = send(&mut connection.client, method, path, body);
        drop(sender);
        let (status, body) = answer.await.expect("it is answered");
        assert_eq!(status, StatusCode::OK);
        String::from_utf8(body.to_vec()).expect("text")
    }

    #[tokio::test]
    async fn pushes_are_taken_side_by_side_and_scraped() {
        let mut connection = connect(&[]).await;
        let mut waiting = Vec::new();
        for at in 0..100 {
            let path = format!("/metrics/job/j{at}");
            waiting.push(send(&mut connection.client, Method::PUT, &path, "m 1"));
        }
        // All are at hand before the first body ends.
        for (sender, answer) in waiting.into_iter().rev() {
            sender.send(Bytes::from_static(b"7\n")).expect("it is received");
            drop(sender);
            assert_eq!(answer.await.expect("it is answered").0, StatusCode::OK);
        }
        let scrape = ask(&mut connection, Method::GET, "/metrics", "").await;
        assert_eq!(scrape.matches("\nm{").count(), 100);
        assert!(scrape.contains("m{instance=\"\",job=\"j99\"} 17\n"));
    }

    #[tokio::test]
    async fn a_body_and_an_answer_may_be_larger_than_the_windows() {
        let mut connection = connect(&["--push.max-label-bytes=4194304"]).await;
        let bytes = 2 * WINDOW_BYTES_MAX as usize;
        let body = format!("# HELP m {}\nm 1\n", "x".repeat(bytes));
        ask(&mut connection, Method::PUT, "/metrics/job/j", &body).await;
        let scrape = ask(&mut connection, Method::GET, "/metrics", "").await;
        assert!(scrape.len() > bytes);
    }

    #[tokio::test]
    async fn a_request_at_hand_is_answered_when_the_gateway_stops() {
        let mut connection = connect(&[]).await;
        let (sender, answer) = send(&mut connection.client, Method::PUT, "/metrics/job/j", "m ");
        // Streams are taken in turn: what comes behind the push is answered when the push is at hand.
        ask(&mut connection, Method::GET, "/-/healthy", "").await;
        connection.stop.send_replace(true);
        tokio::task::yield_now().await;
        sender.send(Bytes::from_static(b"1\n")).expect("it is received");
        drop(sender);
        assert_eq!(answer.await.expect("it is answered").0, StatusCode::OK);
        let served = tokio::time::timeout(Duration::from_secs(10), connection.served).await;
        assert!(matches!(served, Ok(Ok(Ok(())))), "{served:?}");
    }

    #[tokio::test]
    async fn the_bodies_of_many_streams_leave_room_for_other_clients() {
        let http = http(&["--push.max-bytes-in-flight=4194304", "--push.max-body-bytes=1048576"]);
        // Twice the room if each takes as much again as has arrived, all from one client.
        let piece = format!("# {}\nm ", "x".repeat(1000));
        let (mut attack, mut connections) = (Vec::new(), Vec::new());
        for _ in 0..33 {
            let mut connection = connect_from(Source::Unix, &http).await;
            for at in 0..STREAMS_MAX {
                let path = format!("/metrics/job/attack{at}");
                attack.push(send(&mut connection.client, Method::PUT, &path, &piece));
            }
            connections.push(connection);
        }
        let taken = || http.groups.prologue.in_flight.taken();
        let mut before = 0;
        while taken() != before || before == 0 {
            before = taken();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(before > 2 << 20, "{before} bytes: the attack has begun");
        assert!(before <= (3 << 20) + 4096, "{before} bytes: a quarter is left for others");
        let address = std::net::SocketAddr::from(([127, 0, 0, 9], 1));
        let mut honest = connect_from(Source::Ip(address), &http).await;
        for _ in 0..20 {
            let body = format!("{}m 1\n", "# comment\n".repeat(1000));
            ask(&mut honest, Method::PUT, "/metrics/job/honest", &body).await;
        }
    }

    #[tokio::test]
    async fn pages_that_a_client_asks_for_and_does_not_read_are_counted() {
        const PAGES: usize = 100;
        let http = http(&[]);
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let client = Client { source: Source::Unix, certificate: None };
        let stop = watch::Sender::new(false);
        tokio::spawn(serve(Arc::clone(&http), ours, client, stop.subscribe()));
        let mut builder = h2::client::Builder::new();
        let shaken = builder.initial_window_size(0).handshake::<_, Bytes>(theirs).await;
        let (mut client, connection) = shaken.expect("both speak HTTP/2");
        tokio::spawn(connection);
        let mut unread = Vec::new();
        let mut bytes = 0;
        for _ in 0..PAGES {
            client = client.ready().await.expect("there is room");
            let request = Request::get("https://x/check").body(()).expect("a request");
            let (answer, _) = client.send_request(request, true).expect("it is sent");
            let answer = answer.await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::OK);
            bytes = answer.headers()["content-length"]
                .to_str()
                .expect("text")
                .parse()
                .expect("a number");
            unread.push(answer);
        }
        let counted = http.unread.counted_bytes();
        assert!((1000..16 << 10).contains(&bytes), "{bytes}: HTTP/1 would not count it");
        assert!(counted >= PAGES * bytes, "{counted} of {PAGES} pages of {bytes} bytes");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_is_given_up() {
        let mut connection = connect(&["--web.body-timeout=3s"]).await;
        let (_sender, answer) = send(&mut connection.client, Method::PUT, "/metrics/job/j", "m ");
        assert_eq!(answer.await.expect("it is answered").0, StatusCode::REQUEST_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_asks_for_nothing_is_closed() {
        let flags = ["--web.header-timeout=2s", "--web.idle-timeout=60s"];
        let since = tokio::time::Instant::now();
        let silent = connect(&flags).await;
        silent.served.await.expect("it ends").expect("without an error");
        assert_eq!(since.elapsed().as_secs(), 2);
        let mut idle = connect(&flags).await;
        ask(&mut idle, Method::GET, "/-/healthy", "").await;
        let since = tokio::time::Instant::now();
        idle.served.await.expect("it ends").expect("without an error");
        assert!((60..=61).contains(&since.elapsed().as_secs()), "{:?}", since.elapsed());
    }
}
