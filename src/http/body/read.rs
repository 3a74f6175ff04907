//! Bodies of requests, read within bounds of size, memory and time.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::{Body, Incoming};

use crate::http::body::arriving::{Arriving, gave_way};
use crate::http::body::in_flight::{InFlight, Room};
use crate::http::connection::wakes::poll_frame;
use crate::http::failure::{Cause, Failure};

/// The least room for a body of which some bytes have arrived, unless its announced length is less. A body that is only
/// announced takes no room.
const BEGUN_BYTES: usize = 1 << 10;
/// A body takes as much room again whenever its room is full, but not more than so much at a time.
const STEP_BYTES_MAX: usize = 4 << 20;
/// Once such a part of a body has arrived, its buffer gets the announced length: the body moves no more. Memory of a large
/// block that nothing has been written to costs nothing.
const TOLD_PART: usize = 8;

/// Reads a body of at most `bytes_max` within `wait`, taking room for it as it arrives. A body that arrives in
/// one piece is not copied.
pub(crate) async fn collect(
    body: &mut Incoming,
    bytes_max: usize,
    room: &mut Room<&InFlight>,
    wait: Duration,
) -> Result<Bytes, Failure> {
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_large());
    }
    let read = async {
        let Some(first) = next_data(body).await? else {
            return Ok(Bytes::new());
        };
        if first.len() > bytes_max {
            return Err(too_large());
        }
        if body.is_end_stream() {
            let has_room = room.take(first.len());
            return if has_room { Ok(first) } else { Err(Failure::no_room()) };
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
                () = arriving.given_way() => return Err(gave_way()),
            };
            let Some(data) = data else { break };
            arriving.moved(data.len());
            let bytes = whole.len() + data.len();
            if bytes > bytes_max {
                return Err(too_large());
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

/// Reads a body without a meaning to its end, within the same bounds. It takes no room, since nothing of it is kept.
pub(crate) async fn discard(
    body: &mut Incoming,
    bytes_max: usize,
    wait: Duration,
) -> Result<(), Failure> {
    let read = async {
        let mut bytes_left = bytes_max;
        while let Some(data) = next_data(body).await? {
            bytes_left = bytes_left.checked_sub(data.len()).ok_or_else(too_large)?;
        }
        Ok(())
    };
    within(wait, read).await
}

/// Sets a timer only if the body is not there yet; most bodies are.
async fn within<T>(
    wait: Duration,
    read: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let mut read = pin!(read);
    match poll_fn(|context| Poll::Ready(read.as_mut().poll(context))).await {
        Poll::Ready(read) => read,
        Poll::Pending => {
            tokio::time::timeout(wait, read).await.unwrap_or_else(|_| Err(timed_out()))
        }
    }
}

async fn next_data(body: &mut Incoming) -> Result<Option<Bytes>, Failure> {
    while let Some(frame) = poll_fn(|context| poll_frame(body, context)).await {
        // Trailers say nothing that we would use.
        if let Ok(data) = frame.map_err(|error| broken(&error))?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

fn too_large() -> Failure {
    let reason = "body larger than --push.max-body-bytes";
    Failure::new(StatusCode::PAYLOAD_TOO_LARGE, reason).caused(Cause::TooLarge).closing()
}

fn timed_out() -> Failure {
    Failure::new(StatusCode::REQUEST_TIMEOUT, "the body took too long to arrive").closing()
}

fn broken(error: &hyper::Error) -> Failure {
    Failure::bad_request(format_args!("cannot read the body: {error}")).closing()
}
