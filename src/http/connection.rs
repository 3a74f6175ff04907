//! The life of one connection.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::Http;
use super::aside::{First, first};
use super::client::Client;
use crate::shutdown;

/// How long a connection may be without finishing a request: waiting for the next, sending its head,
/// or reading an answer. One that is found so is closed, after twice this time at the latest.
pub const IDLE_WAIT: Duration = Duration::from_secs(300);
/// How large the head of a request may be, its URL included.
pub const HEADER_BYTES_MAX: usize = 64 << 10;

/// Why a connection is not to go on.
enum Unwanted {
    Idle,
    Stopping,
}

/// Serves a connection until the client closes it, breaks the protocol, or is idle for too long, or
/// until `stopping` turns true: then the request at hand is still answered.
pub async fn serve(
    http: Arc<Http>,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    client: Client,
    mut stopping: watch::Receiver<bool>,
) {
    let requests = AtomicU64::new(0);
    let (http, client) = (&http, &client);
    let service = service_fn(|request| {
        requests.fetch_add(1, Ordering::Relaxed);
        async move { Ok::<_, Infallible>(http.answer(request, client).await) }
    });
    let connection = http1::Builder::new()
        .max_buf_size(HEADER_BYTES_MAX)
        // Who has said all there is to say still wants an answer; a push is applied either way.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut unwanted = pin!(async {
        tokio::select! {
            () = idle(&requests) => Unwanted::Idle,
            () = shutdown::requested(&mut stopping) => Unwanted::Stopping,
        }
    });
    let served = match first(connection.as_mut(), unwanted.as_mut()).await {
        First::Main(served) => served,
        First::Aside(Unwanted::Idle) => {
            return tracing::debug!(source = %client.source, "idle connection closed");
        }
        First::Aside(Unwanted::Stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(source = %client.source, err = %error, "connection broken");
    }
}

/// Returns once no request has come for a while. One timer that looks from time to time costs a
/// request nothing; one that is set anew for each would.
async fn idle(requests: &AtomicU64) {
    let mut seen = 0;
    loop {
        tokio::time::sleep(IDLE_WAIT).await;
        let now = requests.load(Ordering::Relaxed);
        if now == seen {
            return;
        }
        seen = now;
    }
}
