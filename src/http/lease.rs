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
#[derive(Debug)]
pub(super) struct Lease {
    held: Arc<Mutex<Option<Held>>>,
    expiring: AbortHandle,
}

#[derive(Debug)]
struct Held {
    chunks: VecDeque<Bytes>,
    _slot: OwnedSemaphorePermit,
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
    pub(super) fn new(chunks: Vec<Bytes>, slot: OwnedSemaphorePermit) -> Lease {
        let held = Held { chunks: chunks.into(), _slot: slot };
        let held = Arc::new(Mutex::new(Some(held)));
        let expiring = Arc::clone(&held);
        let expiring = tokio::spawn(async move {
            tokio::time::sleep(SCRAPE_SEND_WAIT).await;
            expiring.lock().unwrap_or_else(PoisonError::into_inner).take();
        });
        Lease { held, expiring: expiring.abort_handle() }
    }

    /// The next chunk; `None` behind the last.
    pub(super) fn next(&self) -> Result<Option<Bytes>, Expired> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_mut().map(|held| held.chunks.pop_front()).ok_or(Expired)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.expiring.abort();
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
    async fn a_slot_is_free_as_soon_as_the_answer_has_gone() {
        let slots = Arc::new(Semaphore::new(1));
        let lease = lease(&slots);
        assert!([lease.next(), lease.next()].iter().all(|next| matches!(next, Ok(Some(_)))));
        assert_eq!(lease.next(), Ok(None));
        drop(lease);
        tokio::task::yield_now().await;
        assert_eq!(slots.available_permits(), 1);
    }
}
