//! Wakes that a connection causes itself.
//!
//! hyper wakes the task of a connection whenever a handler takes a piece of a body, so that the task reads the next piece. Nearly
//! always the whole body has arrived by then. The wake would queue the task to be polled again for nothing, and would wake another
//! thread to help with the queue. [`keeping_back`] gives a connection a waker that [`poll_frame`] can silence.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming};

thread_local! {
    /// Whether wakes on this thread are kept back, and then whether there was one.
    static KEPT_BACK: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Polls a connection with a waker that can be silenced.
pub(crate) async fn keeping_back<C: Future>(mut connection: Pin<&mut C>) -> C::Output {
    let mut task = Waker::noop().clone();
    let mut own = task.clone();
    poll_fn(|context| {
        if !task.will_wake(context.waker()) {
            task = context.waker().clone();
            own = Waker::from(Arc::new(Task(task.clone())));
        }
        connection.as_mut().poll(&mut Context::from_waker(&own))
    })
    .await
}

/// Takes the next piece of a body. Wakes the connection only if more of the body is to come.
pub(crate) fn poll_frame(
    body: &mut Incoming,
    context: &mut Context<'_>,
) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
    let silence = Silence::begin();
    let polled = Pin::new(&mut *body).poll_frame(context);
    let was_woken = KEPT_BACK.get() == Some(true);
    drop(silence);
    if was_woken && !body.is_end_stream() {
        context.waker().wake_by_ref();
    }
    polled
}

/// The task of a connection.
struct Task(Waker);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if KEPT_BACK.get().is_some() {
            KEPT_BACK.set(Some(true));
        } else {
            self.0.wake_by_ref();
        }
    }
}

/// Keeps wakes of this thread back until it is dropped, also by a panic.
struct Silence;

impl Silence {
    fn begin() -> Silence {
        KEPT_BACK.set(Some(false));
        Silence
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        KEPT_BACK.set(None);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::pin;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use http_body_util::Empty;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper::{Request, Response};
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    async fn answer(request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
        let mut body = request.into_body();
        while !body.is_end_stream() {
            let frame = poll_fn(|context| poll_frame(&mut body, context)).await;
            if frame.is_none_or(|frame| frame.is_err()) {
                break;
            }
        }
        Ok(Response::new(Empty::new()))
    }

    /// Sends the pieces one after the other, and polls the connection after each until it has not been woken. Returns how
    /// often it was polled after each piece.
    async fn polls(pieces: &[&str]) -> Vec<u32> {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let mut builder = http1::Builder::new();
        let connection = builder.half_close(true);
        let mut connection = connection.serve_connection(TokioIo::new(ours), service_fn(answer));
        let mut served = pin!(keeping_back(Pin::new(&mut connection)));
        let count = Arc::<Count>::default();
        let waker = Waker::from(Arc::clone(&count));
        let mut polls = Vec::new();
        for piece in pieces {
            theirs.write_all(piece.as_bytes()).await.expect("there is room");
            polls.push(0);
            let mut seen = None;
            while seen != Some(count.0.load(Relaxed)) {
                seen = Some(count.0.load(Relaxed));
                *polls.last_mut().expect("one was pushed") += 1;
                let polled = served.as_mut().poll(&mut Context::from_waker(&waker));
                assert!(polled.is_pending());
            }
        }
        let mut answer = [0; 15];
        theirs.read_exact(&mut answer).await.expect("it is answered");
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        polls
    }

    #[tokio::test]
    async fn a_body_that_has_arrived_is_read_without_a_wake() {
        let request = "PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\na 1\n";
        assert_eq!(polls(&[request]).await, [1]);
    }

    #[tokio::test]
    async fn a_body_that_arrives_in_pieces_is_read_to_its_end() {
        let (head, body) = ("PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 8\r\n", "a 1\nb 2\n");
        polls(&[head, "\r\n", &body[..3], &body[3..]]).await;
        polls(&[&format!("{head}\r\n{}", &body[..3]), &body[3..6], &body[6..]]).await;
    }

    #[tokio::test]
    async fn a_body_in_chunks_is_read_to_its_end() {
        let head = "PUT / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
        polls(&[&format!("{head}4\r\na 1\n\r\n0\r\n\r\n")]).await;
        polls(&[head, "4\r\na 1\n\r\n", "4\r\nb 2\n\r\n", "0\r\n\r\n"]).await;
    }
}
