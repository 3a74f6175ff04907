//! Bodies of answers, written without copying.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::{Notify, mpsc};

use crate::http::body::cut::Cut;
use crate::http::body::unread_answers::{Kept, Unread};

/// The body of an answer: chunks that may be shared with others.
#[derive(Debug)]
pub(crate) struct Chunks {
    pieces: Pieces,
    bytes_left: u64,
    /// Told when the last chunk has been sent.
    end: Option<End>,
}

/// What is to be done once a body has been sent to its end.
pub(crate) struct End(Box<dyn FnOnce() + Send + Sync>);

impl fmt::Debug for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("End")
    }
}

/// The last chunk of a body. It is dropped when it has been sent.
struct LastChunk {
    bytes: Bytes,
    end: Option<End>,
}

impl AsRef<[u8]> for LastChunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for LastChunk {
    fn drop(&mut self) {
        if let Some(End(act)) = self.end.take() {
            act();
        }
    }
}

#[derive(Debug)]
enum Pieces {
    Own(VecDeque<Bytes>),
    /// Large, and counted until it is read.
    Kept(Kept),
    /// `None` behind the end.
    Streamed(Option<mpsc::Receiver<Streamed>>),
}

/// A piece of a body that is written while it is sent.
#[derive(Debug)]
pub(crate) enum Streamed {
    Chunk(Bytes),
    /// The body is complete. Without this the client sees that the body was cut.
    End,
}

impl Chunks {
    /// Counts a body until it is read, if it has more than `uncounted_bytes_max`. A streamed body has a bound of its own.
    pub(crate) fn kept(self, unread: &Arc<Unread>, uncounted_bytes_max: u64) -> Chunks {
        match self {
            Chunks { pieces: Pieces::Own(chunks), bytes_left, end }
                if bytes_left > uncounted_bytes_max =>
            {
                Chunks { pieces: Pieces::Kept(unread.keep(chunks)), bytes_left, end }
            }
            other => other,
        }
    }

    /// Names the connection that is closed if the body is cut.
    pub(crate) fn sent_on(&self, connection: &Arc<Notify>) {
        if let Pieces::Kept(kept) = &self.pieces {
            kept.sent_on(connection);
        }
    }

    /// A body that is written while it is sent.
    pub(crate) fn streamed(pieces: mpsc::Receiver<Streamed>) -> Chunks {
        Chunks { pieces: Pieces::Streamed(Some(pieces)), bytes_left: 0, end: None }
    }

    /// The body, after whose last chunk `act` is called. It is not called for a body that is cut or given up before.
    pub(crate) fn and_then(self, act: impl FnOnce() + Send + Sync + 'static) -> Chunks {
        Chunks { end: Some(End(Box::new(act))), ..self }
    }
}

impl Default for Chunks {
    fn default() -> Chunks {
        Chunks { pieces: Pieces::Own(VecDeque::new()), bytes_left: 0, end: None }
    }
}

impl From<Vec<Bytes>> for Chunks {
    fn from(chunks: Vec<Bytes>) -> Chunks {
        let bytes_left = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        Chunks { pieces: Pieces::Own(chunks.into()), bytes_left, end: None }
    }
}

impl From<Bytes> for Chunks {
    fn from(bytes: Bytes) -> Chunks {
        if bytes.is_empty() { Chunks::default() } else { vec![bytes].into() }
    }
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let mut chunk = match &mut self.pieces {
            Pieces::Own(chunks) => Ok(chunks.pop_front()),
            Pieces::Kept(kept) => kept.next(),
            Pieces::Streamed(pieces) => {
                let chunk = ready!(poll_streamed(pieces, context));
                return Poll::Ready(chunk.map(|chunk| chunk.map(Frame::data)));
            }
        };
        if let Ok(Some(chunk)) = &mut chunk {
            self.bytes_left -= chunk.len() as u64;
            if self.bytes_left == 0 && self.end.is_some() {
                let bytes = std::mem::take(chunk);
                *chunk = Bytes::from_owner(LastChunk { bytes, end: self.end.take() });
            }
        }
        Poll::Ready(chunk.transpose().map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.pieces {
            Pieces::Streamed(pieces) => pieces.is_none(),
            _ => self.bytes_left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.pieces {
            Pieces::Streamed(Some(_)) => SizeHint::default(),
            _ => SizeHint::with_exact(self.bytes_left),
        }
    }
}

fn poll_streamed(
    pieces: &mut Option<mpsc::Receiver<Streamed>>,
    context: &mut Context<'_>,
) -> Poll<Option<Result<Bytes, Cut>>> {
    let Some(from) = pieces else { return Poll::Ready(None) };
    Poll::Ready(match ready!(from.poll_recv(context)) {
        Some(Streamed::Chunk(chunk)) => Some(Ok(chunk)),
        Some(Streamed::End) => {
            *pieces = None;
            None
        }
        None => Some(Err(Cut::GivenUp)),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

    use super::*;

    async fn next(body: &mut Chunks) -> Option<Bytes> {
        let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
        frame.map(|frame| frame.expect("it is not cut").into_data().expect("it is data"))
    }

    #[tokio::test]
    async fn the_end_is_told_once_the_last_chunk_has_been_sent_and_not_if_the_body_is_given_up() {
        let is_told = Arc::<AtomicBool>::default();
        let body = || {
            let is_told = Arc::clone(&is_told);
            let chunks = vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")];
            Chunks::from(chunks).and_then(move || is_told.store(true, SeqCst))
        };
        let mut given_up = body();
        assert_eq!(next(&mut given_up).await.as_deref(), Some(&b"one"[..]));
        drop(given_up);
        assert!(!is_told.load(SeqCst));
        let mut sent = body();
        drop(next(&mut sent).await);
        let last = next(&mut sent).await;
        assert_eq!(last.as_deref(), Some(&b"two"[..]));
        assert!(!is_told.load(SeqCst), "it is still to be written");
        drop(last);
        assert!(is_told.load(SeqCst));
        assert_eq!(next(&mut sent).await, None);
    }
}
