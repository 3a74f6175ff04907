//! Bodies: requests' read within bounds, answers' written without copying.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::{Notify, mpsc};

use crate::http::body::arriving::Arriving;
use crate::http::body::in_flight::{InFlight, Room};
use crate::http::body::unread_answers::{Cut, Kept, UNCOUNTED_ANSWER_BYTES_MAX, Unread};

/// Why a request's body was not read to its end.
#[derive(Debug)]
pub(in crate::http) enum BodyError {
    /// It is larger than the bound.
    TooLarge,
    /// There is no room for it beside the bodies of others.
    NoRoom {
        /// Whether the rest of it can be told from the next request.
        is_whole: bool,
    },
    /// It came so slowly that others got its room.
    GaveWay,
    /// It took too long.
    TimedOut,
    /// The connection was cut, or what came was not HTTP.
    Broken(hyper::Error),
}

/// How much room a body takes at least once some of it has come, if it tells as long a length; else twice as much as has
/// come. Who only announces one takes no room from others.
const BEGUN_BYTES: usize = 1 << 10;
/// It takes as much again whenever that is full, but not more than so much at a time.
const STEP_BYTES_MAX: usize = 4 << 20;
/// Once such a part of a body has come, its buffer is as long as the body tells: it moves no more, and memory that nothing has
/// been written to costs nothing.
const TOLD_PART: usize = 8;

/// Reads a body of at most `bytes_max` within `wait`, taking room for it as it arrives. One that arrives in
/// one piece is not copied.
pub(in crate::http) async fn collect(
    body: &mut Incoming,
    bytes_max: usize,
    room: &mut Room<&InFlight>,
    wait: Duration,
) -> Result<Bytes, BodyError> {
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(BodyError::TooLarge);
    }
    let read = async {
        let Some(first) = next_data(body).await? else {
            return Ok(Bytes::new());
        };
        if first.len() > bytes_max {
            return Err(BodyError::TooLarge);
        }
        if body.is_end_stream() {
            let has_room = room.take(first.len());
            return if has_room { Ok(first) } else { Err(BodyError::NoRoom { is_whole: true }) };
        }
        let rest = body.size_hint();
        let with_first = |rest: u64| first.len().saturating_add(rest as usize);
        let told = rest.exact().map(with_first);
        let whole_max = told.unwrap_or(bytes_max).min(bytes_max);
        let mut taken = (2 * first.len()).max(BEGUN_BYTES).min(whole_max).max(first.len());
        let mut arriving = Arriving::begin(room, taken, first.len())?;
        let mut whole = Vec::with_capacity(taken);
        whole.extend_from_slice(&first);
        drop(first);
        loop {
            let data = tokio::select! {
                biased;
                data = next_data(body) => data?,
                () = arriving.given_way() => return Err(BodyError::GaveWay),
            };
            let Some(data) = data else { break };
            arriving.moved(data.len());
            let bytes = whole.len() + data.len();
            if bytes > bytes_max {
                return Err(BodyError::TooLarge);
            }
            if bytes > taken {
                let wanted = (taken + taken.min(STEP_BYTES_MAX)).min(whole_max).max(bytes);
                if arriving.take(wanted - taken).is_err() {
                    arriving.take_alone(wanted - taken)?;
                }
                taken = wanted;
            }
            if bytes > whole.capacity() {
                let length = told.filter(|told| told / TOLD_PART <= bytes);
                let length = length.unwrap_or(2 * whole.capacity()).min(whole_max).max(bytes);
                // What has come is there twice while it moves.
                let moving = whole.len();
                let is_counted_twice = arriving.take(moving).is_ok();
                whole.reserve_exact(length - whole.len());
                if is_counted_twice {
                    arriving.give_back(moving);
                }
            }
            whole.extend_from_slice(&data);
        }
        arriving.end()?;
        Ok(Bytes::from(whole))
    };
    within(wait, read).await
}

/// Reads a body that means nothing to its end, within the same bounds. It takes no room: none of it is kept.
pub(in crate::http) async fn discard(
    body: &mut Incoming,
    bytes_max: usize,
    wait: Duration,
) -> Result<(), BodyError> {
    let read = async {
        let mut bytes_left = bytes_max;
        while let Some(data) = next_data(body).await? {
            bytes_left = bytes_left.checked_sub(data.len()).ok_or(BodyError::TooLarge)?;
        }
        Ok(())
    };
    within(wait, read).await
}

/// A body that is there already, as most are, costs no timer.
async fn within<T>(
    wait: Duration,
    read: impl Future<Output = Result<T, BodyError>>,
) -> Result<T, BodyError> {
    let mut read = pin!(read);
    match poll_fn(|context| Poll::Ready(read.as_mut().poll(context))).await {
        Poll::Ready(read) => read,
        Poll::Pending => tokio::time::timeout(wait, read).await.unwrap_or(Err(BodyError::TimedOut)),
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
#[derive(Debug)]
pub(in crate::http) struct Chunks {
    source: Source,
    bytes_left: u64,
}

#[derive(Debug)]
enum Source {
    Own(VecDeque<Bytes>),
    /// Large, and counted until it is read.
    Kept(Kept),
    /// `None` behind the end.
    Streamed(Option<mpsc::Receiver<Streamed>>),
}

/// A piece of a body that is written while it is sent.
#[derive(Debug)]
pub(in crate::http) enum Streamed {
    Chunk(Bytes),
    /// There is nothing more. Without it the body is not whole, and the client is not made to believe so.
    End,
}

/// Why a body ends before its end.
#[derive(Debug)]
pub(in crate::http) enum Unfinished {
    /// It was not read soon enough.
    Cut(Cut),
    /// Who writes it has given it up.
    GivenUp,
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfinished::Cut(cut) => cut.fmt(f),
            Unfinished::GivenUp => f.write_str("the answer could not be written to its end"),
        }
    }
}

impl std::error::Error for Unfinished {}

impl Chunks {
    /// Has it counted until it is read, if it is large. What is streamed is bounded by itself.
    pub(in crate::http) fn kept(self, unread: &Arc<Unread>) -> Chunks {
        match self {
            Chunks { source: Source::Own(chunks), bytes_left }
                if bytes_left > UNCOUNTED_ANSWER_BYTES_MAX as u64 =>
            {
                Chunks { source: Source::Kept(unread.keep(chunks)), bytes_left }
            }
            other => other,
        }
    }

    /// Says which connection to close if it is cut.
    pub(in crate::http) fn sent_on(&self, connection: &Arc<Notify>) {
        if let Source::Kept(kept) = &self.source {
            kept.sent_on(connection);
        }
    }

    /// A body that somebody writes while it is sent.
    pub(in crate::http) fn streamed(pieces: mpsc::Receiver<Streamed>) -> Chunks {
        Chunks { source: Source::Streamed(Some(pieces)), bytes_left: 0 }
    }
}

impl Default for Chunks {
    fn default() -> Chunks {
        Chunks { source: Source::Own(VecDeque::new()), bytes_left: 0 }
    }
}

impl From<Vec<Bytes>> for Chunks {
    fn from(chunks: Vec<Bytes>) -> Chunks {
        let bytes_left = bytes(&chunks);
        Chunks { source: Source::Own(chunks.into()), bytes_left }
    }
}

impl From<Bytes> for Chunks {
    fn from(bytes: Bytes) -> Chunks {
        if bytes.is_empty() { Chunks::default() } else { vec![bytes].into() }
    }
}

fn bytes(chunks: &[Bytes]) -> u64 {
    chunks.iter().map(|chunk| chunk.len() as u64).sum()
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Unfinished;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Unfinished>>> {
        let chunk = match &mut self.source {
            Source::Own(chunks) => Ok(chunks.pop_front()),
            Source::Kept(kept) => kept.next().map_err(Unfinished::Cut),
            Source::Streamed(pieces) => {
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
        match &self.source {
            Source::Streamed(pieces) => pieces.is_none(),
            _ => self.bytes_left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Streamed(Some(_)) => SizeHint::default(),
            _ => SizeHint::with_exact(self.bytes_left),
        }
    }
}

fn poll_streamed(
    pieces: &mut Option<mpsc::Receiver<Streamed>>,
    context: &mut Context<'_>,
) -> Poll<Option<Result<Bytes, Unfinished>>> {
    let Some(from) = pieces else { return Poll::Ready(None) };
    Poll::Ready(match ready!(from.poll_recv(context)) {
        Some(Streamed::Chunk(chunk)) => Some(Ok(chunk)),
        Some(Streamed::End) => {
            *pieces = None;
            None
        }
        None => Some(Err(Unfinished::GivenUp)),
    })
}
