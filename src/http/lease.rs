//! What a scrape holds on to while it is sent: a slot, and a state of the gateway that may be gone.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::AbortHandle;

/// How long the answer to a scrape may take to be sent. Prometheus gives up after its own timeout, ten
/// seconds by default.
pub const SCRAPE_SEND_WAIT: Duration = Duration::from_secs(60);

/// Chunks that are given up when they are not sent in time, together with the slot of their scrape.
///
/// **Invariant:** the slot is held until the last chunk has been written, not only taken from here, or
/// until the time is over, or until nobody wants the rest.
#[derive(Debug)]
pub(super) struct Lease {
    held: Arc<Mutex<Option<Held>>>,
}

#[derive(Debug)]
struct Held {
    chunks: VecDeque<Bytes>,
    _slot: OwnedSemaphorePermit,
    expiring: AbortHandle,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.expiring.abort();
    }
}

/// The last chunk: with it, what is held goes.
struct Last {
    chunk: Bytes,
    held: Arc<Mutex<Option<Held>>>,
}

impl AsRef<[u8]> for Last {
    fn as_ref(&self) -> &[u8] {
        &self.chunk
    }
}

impl Drop for Last {
    fn drop(&mut self) {
        give_up(&self.held);
    }
}

fn give_up(held: &Mutex<Option<Held>>) {
    let held = held.lock().unwrap_or_else(PoisonError::into_inner).take();
    drop(held); // Not under the lock: it may hold the last chunk, which takes it too.
}

/// The time is over.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expired;

impl fmt::Display for Expired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the scraper took more than {SCRAPE_SEND_WAIT:?} to read its answer")
    }
}

impl std::error::Error for Expired {}

impl Lease {
    /// Of chunks that are not none.
    pub(super) fn new(chunks: Vec<Bytes>, slot: OwnedSemaphorePermit) -> Lease {
        let mut chunks = VecDeque::from(chunks);
        let held = Arc::new(Mutex::new(None));
        if let Some(chunk) = chunks.pop_back() {
            chunks.push_back(Bytes::from_owner(Last { chunk, held: Arc::clone(&held) }));
        }
        let expiring = tokio::spawn({
            let held = Arc::clone(&held);
            async move {
                tokio::time::sleep(SCRAPE_SEND_WAIT).await;
                give_up(&held);
            }
        });
        let expiring = expiring.abort_handle();
        *held.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Held { chunks, _slot: slot, expiring });
        Lease { held }
    }

    /// The next chunk; `None` behind the last.
    pub(super) fn next(&self) -> Result<Option<Bytes>, Expired> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_mut().map(|held| held.chunks.pop_front()).ok_or(Expired)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let is_taken = |held: &Held| held.chunks.is_empty();
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_some_and(is_taken) {
            return; // The last chunk is still to be written.
        }
        drop(held);
        give_up(&self.held);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    fn lease(slots: &Arc<Semaphore>) -> Lease {
        let slot = Arc::clone(slots).try_acquire_owned().expect("there is a slot");
        Lease::new(vec![Bytes::from_static(b"a"), Bytes::from_static(b"b")], slot)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_sent_in_time_is_given_up() {
        let slots = Arc::new(Semaphore::new(1));
        let lease = lease(&slots);
        tokio::time::sleep(SCRAPE_SEND_WAIT / 2).await;
        assert_eq!(lease.next(), Ok(Some(Bytes::from_static(b"a"))));
        assert_eq!(slots.available_permits(), 0);
        tokio::time::sleep(SCRAPE_SEND_WAIT).await;
        assert_eq!(lease.next(), Err(Expired));
        assert_eq!(slots.available_permits(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slot_is_free_once_the_last_chunk_has_gone_or_the_rest_is_given_up() {
        let slots = Arc::new(Semaphore::new(1));
        let whole = lease(&slots);
        drop(whole.next());
        let last = whole.next();
        drop(whole);
        assert_eq!(slots.available_permits(), 0, "the last chunk is not written");
        drop(last);
        assert_eq!(slots.available_permits(), 1);
        let given_up = lease(&slots);
        drop(given_up.next());
        drop(given_up);
        assert_eq!(slots.available_permits(), 1);
        let stuck = lease(&slots);
        let (_first, _last) = (stuck.next(), stuck.next());
        drop(stuck);
        tokio::time::sleep(SCRAPE_SEND_WAIT * 2).await;
        assert_eq!(slots.available_permits(), 1, "whatever has become of the last chunk");
    }
}
