//! Bodies of answers, written without copying.

use std::collections::VecDeque;
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
            Chunks { pieces: Pieces::Own(chunks), bytes_left }
                if bytes_left > uncounted_bytes_max =>
            {
                Chunks { pieces: Pieces::Kept(unread.keep(chunks)), bytes_left }
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
        Chunks { pieces: Pieces::Streamed(Some(pieces)), bytes_left: 0 }
    }
}

impl Default for Chunks {
    fn default() -> Chunks {
        Chunks { pieces: Pieces::Own(VecDeque::new()), bytes_left: 0 }
    }
}

impl From<Vec<Bytes>> for Chunks {
    fn from(chunks: Vec<Bytes>) -> Chunks {
        let bytes_left = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        Chunks { pieces: Pieces::Own(chunks.into()), bytes_left }
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
        let chunk = match &mut self.pieces {
            Pieces::Own(chunks) => Ok(chunks.pop_front()),
            Pieces::Kept(kept) => kept.next(),
            Pieces::Streamed(pieces) => {
                let chunk = ready!(poll_streamed(pieces, context));
                return Poll::Ready(chunk.map(|chunk| chunk.map(Frame::data)));
            }
        };
        if let Ok(Some(chunk)) = &chunk {
            self.bytes_left -= chunk.len() as u64;
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
