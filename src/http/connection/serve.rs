//! The life of one connection.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use crate::http::connection::{http1, http2};
use crate::http::server::Http;
use crate::listen::{Client, Protocol};

/// Serves a connection until the client closes it, breaks the protocol or meets a timeout, or until `stopping` turns true:
/// then the requests at hand are still answered.
pub(crate) async fn serve(
    http: Arc<Http>,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    protocol: Protocol,
    client: Client,
    stopping: watch::Receiver<bool>,
) {
    let source = client.source;
    let served = match protocol {
        Protocol::Http1 => http1::serve(http, stream, client, stopping).await,
        // Larger, and of use to few.
        Protocol::Http2 => Box::pin(http2::serve(http, stream, client, stopping)).await,
    };
    if let Err(error) = served {
        tracing::debug!(%source, err = %error, "connection broken");
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio::time::Instant;

    use super::*;
    use crate::config::Flags;
    use crate::gateway::Gateway;
    use crate::listen::Source;

    /// What answers requests, without a gateway that listens.
    pub(crate) fn http(flags: &[&str]) -> Arc<Http> {
        let words = ["shardgate", "--web.listen-address=127.0.0.1:0", "--shards=2"];
        let words = words.iter().chain(flags).map(Into::into);
        let config = Flags::from_command_line(words).expect("they are flags").into_config();
        let gateway = Gateway::start(config).expect("it starts");
        let http = gateway.http();
        tokio::spawn(async move {
            std::future::pending::<()>().await;
            drop(gateway); // It owns the shards.
        });
        http
    }

    /// A client of a gateway whose heads may take 2 s, and which is idle after 60 s.
    fn connect() -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(1024);
        spawn("60s", ours);
        theirs
    }

    fn spawn(idle: &str, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let http = http(&["--web.header-timeout=2s", &format!("--web.idle-timeout={idle}")]);
        let client = Client { source: Source::Unix, certificate: None };
        let stop = watch::Sender::new(false);
        let stopping = stop.subscribe();
        tokio::spawn(async move {
            serve(http, stream, Protocol::Http1, client, stopping).await;
            drop(stop);
        });
    }

    /// What is still answered, and after how many seconds the connection is closed.
    async fn end(mut stream: DuplexStream) -> (String, f64) {
        let since = Instant::now();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("it is closed in order");
        (answer, since.elapsed().as_secs_f64())
    }

    const HEALTHY: &[u8] = b"GET /-/healthy HTTP/1.1\r\nhost: x\r\n\r\n";

    async fn ask(stream: &mut DuplexStream) {
        stream.write_all(HEALTHY).await.expect("it is read");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nOK") {
            answer.push(stream.read_u8().await.expect("it is answered"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_says_nothing_is_closed_without_a_word() {
        let (answer, seconds) = end(connect()).await;
        assert!(answer.is_empty(), "{answer}");
        assert!((2.0..2.6).contains(&seconds), "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_comes_byte_by_byte_is_answered_with_408() {
        let (mut reader, mut writer) = tokio::io::split(connect());
        tokio::spawn(async move {
            for byte in HEALTHY.iter().take(HEALTHY.len() - 1) {
                if writer.write_u8(*byte).await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        });
        let since = Instant::now();
        let mut answer = String::new();
        reader.read_to_string(&mut answer).await.expect("it is closed in order");
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").expect("it has a head");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{answer}");
        assert!((2.0..2.6).contains(&since.elapsed().as_secs_f64()), "{:?}", since.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_head_has_as_long_and_no_more() {
        let mut stream = connect();
        ask(&mut stream).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        stream.write_all(&HEALTHY[..7]).await.expect("it is read");
        let (answer, seconds) = end(stream).await;
        assert!(answer.is_empty(), "{answer}");
        assert!((2.0..2.6).contains(&seconds), "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn between_requests_there_is_more_time() {
        let mut stream = connect();
        for _ in 0..3 {
            ask(&mut stream).await;
            tokio::time::sleep(Duration::from_secs(50)).await;
        }
        ask(&mut stream).await;
        let (_, seconds) = end(stream).await;
        assert!((60.0..75.0).contains(&seconds), "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_on_reading_is_not_idle() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        spawn("3s", ours);
        let request = b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        theirs.write_all(request).await.expect("it is read");
        let (mut answer, since) = (Vec::new(), Instant::now());
        let mut piece = [0; 512];
        loop {
            let bytes = theirs.read(&mut piece).await.expect("it is not broken");
            answer.extend_from_slice(&piece[..bytes]);
            if bytes == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert!(since.elapsed() > Duration::from_secs(6), "{:?}", since.elapsed());
        let answer = String::from_utf8(answer).expect("it is text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("it has a head");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_read_cannot_ask_for_ever() {
        let mut stream = connect();
        let asking = async {
            let mut asked = 0;
            // Answers without a body, as pushes get, are what could be gathered in one buffer.
            let request = b"OPTIONS /-/healthy HTTP/1.1\r\nhost: x\r\n\r\n";
            while stream.write_all(request).await.is_ok() {
                asked += 1;
                assert!(asked < 10_000, "all of these answers are kept");
            }
        };
        let since = Instant::now();
        asking.await;
        assert!((2.0..76.0).contains(&since.elapsed().as_secs_f64()), "{:?}", since.elapsed());
    }
}
