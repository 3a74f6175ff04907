//! A time limit that costs next to nothing while it holds.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

/// The limit of one connection's requests. A timer armed and disarmed for every request would cost
/// more than preparing the request; this one stays armed, and when it fires checks whether the
/// request under way is the one it was armed for.
#[derive(Debug)]
pub(crate) struct Deadline {
    limit: Duration,
    due: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Deadline {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, due: Instant::now() + limit, timer: Box::pin(tokio::time::sleep(limit)) }
    }

    /// A request starts.
    pub(crate) fn restart(&mut self, now: Instant) {
        self.due = now + self.limit;
    }

    /// Ready once the request under way has had its time.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= self.due {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(self.due.into());
        }
        Poll::Pending
    }
}
