//! A stream that notes what is read, and reads no more than is answered.

use std::io::{self, IoSlice};
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::progress::Progress;

/// A stream whose reader notes its progress.
#[derive(Debug)]
pub(super) struct Watched<S, P> {
    stream: S,
    progress: P,
    /// Whether nothing is read while nothing can be written: who does not read answers may not ask for
    /// more, which would have to be kept.
    is_paired: bool,
    is_stuck: bool,
}

impl<S, P> Watched<S, P> {
    /// Reads and writes independently of each other.
    pub(super) fn new(stream: S, progress: P) -> Watched<S, P> {
        Watched { stream, progress, is_paired: false, is_stuck: false }
    }

    /// Reads only while it can write.
    pub(super) fn paired(stream: S, progress: P) -> Watched<S, P> {
        Watched { is_paired: true, ..Watched::new(stream, progress) }
    }

    pub(super) fn into_inner(self) -> S {
        self.stream
    }

    fn wrote<T>(&mut self, context: &Context<'_>, written: Poll<T>) -> Poll<T> {
        if self.is_stuck && written.is_ready() {
            context.waker().wake_by_ref(); // Whoever wanted to read is to try again.
        }
        self.is_stuck = written.is_pending();
        written
    }
}

impl<S, P> AsyncRead for Watched<S, P>
where
    S: AsyncRead + Unpin,
    P: Deref<Target = Progress> + Unpin,
{
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_stuck && self.is_paired {
            return Poll::Pending; // What is written wakes us.
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.progress.read(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin, P: Unpin> AsyncWrite for Watched<S, P> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, buffer);
        self.wrote(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.wrote(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
