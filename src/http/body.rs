//! Bodies: requests' read within bounds, answers' written without copying.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

/// How long a body may take to arrive.
pub const BODY_WAIT: Duration = Duration::from_secs(60);

/// Why a request's body was not read to its end.
#[derive(Debug)]
pub(super) enum BodyError {
    /// It is larger than the bound.
    TooLarge,
    /// It took too long.
    TimedOut,
    /// The connection was cut, or what came was not HTTP.
    Broken(hyper::Error),
}

/// Reads a body of at most `bytes_max`. One that arrives in one piece is not copied.
pub(super) async fn collect(mut body: Incoming, bytes_max: usize) -> Result<Bytes, BodyError> {
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(BodyError::TooLarge);
    }
    let read = async {
        let Some(first) = next_data(&mut body).await? else {
            return Ok(Bytes::new());
        };
        if first.len() > bytes_max {
            return Err(BodyError::TooLarge);
        }
        if body.is_end_stream() {
            return Ok(first);
        }
        let expected = usize::try_from(body.size_hint().lower()).unwrap_or_default();
        let mut whole = BytesMut::with_capacity(first.len() + expected);
        whole.extend_from_slice(&first);
        while let Some(data) = next_data(&mut body).await? {
            if whole.len() + data.len() > bytes_max {
                return Err(BodyError::TooLarge);
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole.freeze())
    };
    let mut read = pin!(read);
    // A body that is there already, as most are, costs no timer.
    match poll_fn(|context| Poll::Ready(read.as_mut().poll(context))).await {
        Poll::Ready(read) => read,
        Poll::Pending => {
            tokio::time::timeout(BODY_WAIT, read).await.unwrap_or(Err(BodyError::TimedOut))
        }
    }
}

async fn next_data(body: &mut Incoming) -> Result<Option<Bytes>, BodyError> {
    while let Some(frame) = body.frame().await {
        // Trailers say nothing that we would use.
        if let Ok(data) = frame.map_err(BodyError::Broken)?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// The body of an answer: chunks that may be shared with others.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    chunks: VecDeque<Bytes>,
    bytes_left: u64,
}

impl Chunks {
    /// The same body, which gives a slot back once it has been sent, or given up. The last chunk holds
    /// it: the body itself is gone when that has been taken from it, which is before it is sent.
    pub(super) fn holding(mut self, slot: OwnedSemaphorePermit) -> Chunks {
        if let Some(chunk) = self.chunks.pop_back() {
            self.chunks.push_back(Bytes::from_owner(Holding { chunk, _slot: slot }));
        }
        self
    }
}

/// A chunk and what is given back with it.
struct Holding {
    chunk: Bytes,
    _slot: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Holding {
    fn as_ref(&self) -> &[u8] {
        &self.chunk
    }
}

impl From<Vec<Bytes>> for Chunks {
    fn from(chunks: Vec<Bytes>) -> Chunks {
        let bytes_left = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        Chunks { chunks: chunks.into(), bytes_left }
    }
}

impl From<Bytes> for Chunks {
    fn from(bytes: Bytes) -> Chunks {
        if bytes.is_empty() { Chunks::default() } else { vec![bytes].into() }
    }
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = self.chunks.pop_front();
        self.bytes_left -= chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes_left)
    }
}
