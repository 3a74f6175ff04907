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
use tokio_util::io::{InspectReader, InspectWriter};

use crate::http::connection::activity::Activity;
use crate::http::connection::rare::{Ready, select_rare};
use crate::http::connection::target::Targets;
use crate::http::connection::timeouts::{End, HEADER_BYTES_MAX, end_of};
use crate::http::connection::unread_body::{is_taken_in, linger};
use crate::http::connection::wakes::keeping_back;
use crate::http::reply::and_close;
use crate::http::server::Http;
use crate::listen::{Client, Protocol};

/// How long the last words to a client may take to be sent.
const FAREWELL_WAIT: Duration = Duration::from_secs(1);
const FAREWELL: &[u8] = b"HTTP/1.1 408 Request Timeout\r\n\
    content-type: text/plain; charset=utf-8\r\ncontent-length: 47\r\nconnection: close\r\n\r\n\
    the head of the request took too long to arrive";

/// Serves one request after the other.
pub(crate) async fn serve(
    http: Arc<Http>,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    client: Client,
    stopping: watch::Receiver<bool>,
) -> hyper::Result<()> {
    let activity = Activity::new(Protocol::Http1);
    let (http, client, activity) = (&http, &client, &activity);
    // Whether a body was left unread. The connection is closed behind the answer then.
    let has_unread = &AtomicBool::new(false);
    let stream = InspectWriter::new(stream, |bytes: &[u8]| activity.wrote(bytes.len()));
    let targets = &Targets::default();
    let stream = InspectReader::new(stream, |bytes: &[u8]| {
        if !activity.is_answering() {
            targets.read(activity.taken(), bytes);
        }
        activity.read(bytes.len());
    });
    let service = service_fn(|request| {
        activity.take_request();
        let target = targets.take(activity.taken());
        async move {
            let _at_hand = activity.at_hand();
            let (mut head, mut body) = Request::into_parts(request);
            if let Some(target) = target {
                head.uri = target;
            }
            let answer = http.answer(&head, &mut body, client).await;
            answer.body().sent_on(activity.cut());
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
        // A client that has closed its side after the request still wants an answer.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let ended = {
        let mut end = pin!(end_of(activity, &http.config.web, stopping));
        let served = pin!(keeping_back(Pin::new(&mut connection)));
        select_rare(served, end.as_mut()).await
    };
    let served = match ended {
        Ready::Main(served) => served,
        Ready::Rare(End::Stopping) => {
            Pin::new(&mut connection).graceful_shutdown();
            Pin::new(&mut connection).await
        }
        Ready::Rare(End::Idle) => {
            tracing::debug!(source = %client.source, "idle connection closed");
            return Ok(());
        }
        Ready::Rare(End::SlowHead) => {
            tracing::debug!(source = %client.source, "connection with a slow head closed");
            // Once something was answered, part of that may still be on its way.
            if activity.taken() == 0 && activity.has_begun() {
                let stream = connection.into_parts().io.into_inner().into_inner().into_inner();
                drop(tokio::time::timeout(FAREWELL_WAIT, say_farewell(stream)).await);
            }
            return Ok(());
        }
    };
    let is_bad = served.as_ref().is_err_and(hyper::Error::is_parse);
    if is_bad || has_unread.load(Relaxed) {
        Box::pin(linger(connection.into_parts().io.into_inner().into_inner().into_inner())).await;
    }
    served
}

async fn say_farewell(mut stream: impl AsyncWrite + Unpin) -> std::io::Result<()> {
    stream.write_all(FAREWELL).await?;
    stream.shutdown().await
}
