//! A connection that speaks HTTP/2.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::Http;
use super::aside::{First, first};
use super::client::Client;
use super::connection::{HEADER_BYTES_MAX, Unwanted, unwanted};
use super::progress::Progress;
use super::protocol::Protocol;
use super::watched::Watched;
use crate::config::WebSettings;

/// How many requests of one connection may be at hand at a time.
const STREAMS_MAX: u32 = 128;
/// How large a frame may be.
const FRAME_BYTES_MAX: u32 = 16 << 10;
/// How much of the bodies of one connection may be on its way, before we have taken it.
const WINDOW_BYTES_MAX: u32 = 1 << 20;
/// How much of one answer may wait to be sent, besides the chunk that was last.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Serves requests side by side, each on a task of its own.
pub(super) async fn serve(
    http: Arc<Http>,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    client: Client,
    stopping: watch::Receiver<bool>,
) -> hyper::Result<()> {
    let progress = Arc::new(Progress::new(Protocol::Http2));
    let client = Arc::new(client);
    let source = client.source;
    let stream = TokioIo::new(Watched::new(stream, Arc::clone(&progress)));
    let service = {
        let (http, progress) = (Arc::clone(&http), Arc::clone(&progress));
        service_fn(move |request| {
            progress.take_request();
            let (http, client) = (Arc::clone(&http), Arc::clone(&client));
            let progress = Arc::clone(&progress);
            async move {
                let _at_hand = progress.at_hand();
                Ok::<_, Infallible>(http.answer(request, &client).await)
            }
        })
    };
    let mut connection = pin!(builder(&http.config.web).serve_connection(stream, service));
    let mut unwanted = pin!(unwanted(&progress, &http.config.web, stopping));
    match first(connection.as_mut(), unwanted.as_mut()).await {
        First::Main(served) => served,
        First::Aside(Unwanted::Stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        First::Aside(Unwanted::Idle | Unwanted::SlowHead) => {
            tracing::debug!(%source, "idle connection closed");
            Ok(())
        }
    }
}

/// How HTTP/2 is spoken.
pub(super) fn builder(settings: &WebSettings) -> http2::Builder<TokioExecutor> {
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
