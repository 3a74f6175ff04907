//! The life of one connection.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::Http;
use crate::shutdown;

/// How long a connection may take to send a request's head, or stay idle between two requests.
pub const HEADER_WAIT: Duration = Duration::from_secs(300);
/// How large the head of a request may be, its URL included.
pub const HEADER_BYTES_MAX: usize = 64 << 10;

/// Serves a connection until the client closes it, breaks the protocol, or `stopping` turns true:
/// then the request at hand is still answered.
pub async fn serve(
    http: Arc<Http>,
    stream: TcpStream,
    peer: SocketAddr,
    mut stopping: watch::Receiver<bool>,
) {
    let service = service_fn(|request| {
        let http = Arc::clone(&http);
        async move { Ok::<_, Infallible>(http.answer(request, peer).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_WAIT)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = shutdown::requested(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(source = %peer, err = %error, "connection broken");
    }
}
