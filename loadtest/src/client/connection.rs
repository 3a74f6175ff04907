//! One connection to the target, opened when it is needed.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};

use super::answer::{Answer, Chunks, Framing, ResponseHead, parse_head};
use super::deadline::Deadline;
use super::failure::Failure;
use super::stream::Stream;
use super::target::Target;

/// Answers to pushes are short, and there may be ten thousand connections.
const PUSH_READ_BYTES: usize = 4 * 1024;
const SCRAPE_READ_BYTES: usize = 256 * 1024;

#[derive(Debug)]
pub(crate) struct Connection {
    target: Arc<Target>,
    keep_alive: bool,
    stream: Option<Stream>,
    deadline: Deadline,
    buffer: Box<[u8]>,
}

impl Connection {
    pub(crate) fn new(target: Arc<Target>, keep_alive: bool, limit: Duration) -> Self {
        Self {
            target,
            keep_alive,
            stream: None,
            deadline: Deadline::new(limit),
            buffer: vec![0; PUSH_READ_BYTES].into_boxed_slice(),
        }
    }

    /// A connection for long answers.
    pub(crate) fn for_scrapes(target: Arc<Target>, limit: Duration) -> Self {
        let buffer = vec![0; SCRAPE_READ_BYTES].into_boxed_slice();
        Self { buffer, ..Self::new(target, true, limit) }
    }

    /// Opens the connection ahead of its first request.
    pub(crate) async fn open(&mut self) -> Result<(), Failure> {
        self.deadline.restart(Instant::now());
        if self.stream.is_none() {
            let connect = Stream::connect(&self.target);
            self.stream = Some(within(&mut self.deadline, connect).await?);
        }
        Ok(())
    }

    /// Sends one request and reads its answer; the body goes to `content` in pieces.
    pub(crate) async fn exchange(
        &mut self,
        request: &[u8],
        content: &mut impl FnMut(&[u8]),
    ) -> Result<Answer, Failure> {
        self.open().await?;
        let outcome = self.exchange_open(request, content).await;
        match outcome {
            Ok((answer, close)) => {
                if close || !self.keep_alive {
                    self.stream = None;
                }
                Ok(answer)
            }
            Err(failure) => {
                self.stream = None;
                Err(failure)
            }
        }
    }

    async fn exchange_open(
        &mut self,
        request: &[u8],
        content: &mut impl FnMut(&[u8]),
    ) -> Result<(Answer, bool), Failure> {
        let stream = self.stream.as_mut().ok_or(Failure::Other)?;
        let sending = async {
            stream.write_all(request).await?;
            // TLS may keep the last record back.
            stream.flush().await
        };
        within(&mut self.deadline, sending).await?;
        let mut filled = 0;
        let (head, head_bytes) = loop {
            filled += read(stream, &mut self.deadline, &mut self.buffer[filled..]).await?;
            match parse_head(&self.buffer[..filled])? {
                Some((head, length)) if head.status / 100 == 1 => {
                    self.buffer.copy_within(length..filled, 0);
                    filled -= length;
                }
                Some(found) => break found,
                None if filled == self.buffer.len() => return Err(Failure::Malformed),
                None => {}
            }
        };
        let mut body = Body::new(&head);
        let mut done = body.take(&self.buffer[head_bytes..filled], content)?;
        while !done {
            match read(stream, &mut self.deadline, &mut self.buffer).await {
                Ok(n) => done = body.take(&self.buffer[..n], content)?,
                Err(Failure::Closed) if head.framing == Framing::UntilClose => done = true,
                Err(failure) => return Err(failure),
            }
        }
        Ok((Answer { status: head.status, body_bytes: body.bytes }, head.close))
    }
}

/// One request on a connection of its own, with the whole body of its answer.
pub(crate) async fn fetch(
    target: &Target,
    request: &[u8],
    limit: Duration,
) -> Result<(Answer, Vec<u8>), Failure> {
    let mut connection = Connection::for_scrapes(Arc::new(target.clone()), limit);
    let mut body = Vec::new();
    let answer = connection.exchange(request, &mut |part| body.extend_from_slice(part)).await?;
    Ok((answer, body))
}

/// The body of one response as it comes in.
struct Body {
    framing: Framing,
    chunks: Chunks,
    bytes: u64,
}

impl Body {
    fn new(head: &ResponseHead) -> Self {
        Self { framing: head.framing, chunks: Chunks::default(), bytes: 0 }
    }

    /// True once the body is complete.
    fn take(&mut self, bytes: &[u8], content: &mut impl FnMut(&[u8])) -> Result<bool, Failure> {
        match self.framing {
            Framing::Chunked => {
                let total = &mut self.bytes;
                self.chunks.feed(bytes, |part| {
                    *total += part.len() as u64;
                    content(part);
                })
            }
            Framing::Length(length) => {
                self.bytes += bytes.len() as u64;
                content(bytes);
                // Nothing was asked for yet that could be answered behind this body.
                if self.bytes > length { Err(Failure::Malformed) } else { Ok(self.bytes == length) }
            }
            Framing::UntilClose => {
                self.bytes += bytes.len() as u64;
                content(bytes);
                Ok(false)
            }
        }
    }
}

/// Reads what there is, at least one byte.
async fn read(
    stream: &mut Stream,
    deadline: &mut Deadline,
    buffer: &mut [u8],
) -> Result<usize, Failure> {
    let reading = poll_fn(|cx| {
        let mut buffer = ReadBuf::new(buffer);
        match Pin::new(&mut *stream).poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(buffer.filled().len())),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    });
    match within(deadline, reading).await? {
        0 => Err(Failure::Closed),
        n => Ok(n),
    }
}

/// Waits for `work`, at most until the deadline.
async fn within<T>(
    deadline: &mut Deadline,
    work: impl Future<Output = io::Result<T>>,
) -> Result<T, Failure> {
    let mut work = pin!(work);
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(result) => Poll::Ready(result.map_err(Failure::from)),
        Poll::Pending => deadline.poll(cx).map(|()| Err(Failure::TimedOut)),
    })
    .await
}
