//! A connection that speaks HTTP/1.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use hyper::Request;
use hyper::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

use crate::http::Http;
use crate::http::connection::activity::Progress;
use crate::http::connection::rare::{First, first};
use crate::http::connection::serve::{HEADER_BYTES_MAX, Unwanted, unwanted};
use crate::http::connection::unread_body::{is_taken_in, linger};
use crate::http::connection::watched::Watched;
use crate::http::reply::and_close;
use crate::listen::{Client, Protocol};

/// How long the last words to a client may take to be sent.
const FAREWELL_WAIT: Duration = Duration::from_secs(1);
const FAREWELL: &[u8] = b"HTTP/1.1 408 Request Timeout\r\n\
    content-type: text/plain; charset=utf-8\r\ncontent-length: 47\r\nconnection: close\r\n\r\n\
    the head of the request took too long to arrive";

/// Serves one request after the other.
pub(in crate::http) async fn serve(
    http: Arc<Http>,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    client: Client,
    stopping: watch::Receiver<bool>,
) -> hyper::Result<()> {
    let progress = Progress::new(Protocol::Http1);
    let (http, client, progress) = (&http, &client, &progress);
    // Whether a body was left unread. The connection is closed behind the answer then.
    let has_unread = &AtomicBool::new(false);
    let service = service_fn(|request| {
        progress.take_request();
        async move {
            let _at_hand = progress.at_hand();
            let (head, mut body) = Request::into_parts(request);
            let answer = http.answer(&head, &mut body, client).await;
            answer.body().sent_on(progress.cut());
            // In a box, so that requests that leave nothing do not carry the room for it.
            if body.is_end_stream() || Box::pin(is_taken_in(&head.headers, &mut body)).await {
                return Ok::<_, Infallible>(answer);
            }
            has_unread.store(true, Relaxed);
            Ok(and_close(answer))
        }
    });
    let mut connection = http1::Builder::new()
        .max_buf_size(HEADER_BYTES_MAX)
        // Who has said all there is to say still wants an answer; a push is applied either way.
        .half_close(true)
        .serve_connection(TokioIo::new(Watched { stream, progress }), service);
    let ended = {
        let mut unwanted = pin!(unwanted(progress, &http.config.web, stopping));
        first(Pin::new(&mut connection), unwanted.as_mut()).await
    };
    let served = match ended {
        First::Main(served) => served,
        First::Aside(Unwanted::Stopping) => {
            Pin::new(&mut connection).graceful_shutdown();
            Pin::new(&mut connection).await
        }
        First::Aside(Unwanted::Idle) => {
            tracing::debug!(source = %client.source, "idle connection closed");
            return Ok(());
        }
        First::Aside(Unwanted::SlowHead) => {
            tracing::debug!(source = %client.source, "connection with a slow head closed");
            // Once something was answered, part of that may still be on its way.
            if progress.taken() == 0 && progress.has_begun() {
                let stream = connection.into_parts().io.into_inner().stream;
                drop(tokio::time::timeout(FAREWELL_WAIT, say_farewell(stream)).await);
            }
            return Ok(());
        }
    };
    let is_bad = served.as_ref().is_err_and(hyper::Error::is_parse);
    if is_bad || has_unread.load(Relaxed) {
        Box::pin(linger(connection.into_parts().io.into_inner().stream)).await;
    }
    served
}

async fn say_farewell(mut stream: impl AsyncWrite + Unpin) -> std::io::Result<()> {
    stream.write_all(FAREWELL).await?;
    stream.shutdown().await
}
