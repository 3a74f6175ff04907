//! The connection limit: how many connections are served at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many overflow connections there may be at a time.
const OVERFLOW_CONNECTIONS_MAX: usize = 256;

/// The connection limit, and the connections that count against it.
#[derive(Debug)]
pub(crate) struct ConnectionLimit {
    serving: Arc<Semaphore>,
    serving_max: usize,
    overflow: Arc<Semaphore>,
    rejected: AtomicU64,
}

/// The place of one connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Whether the connection is above the limit.
    pub(crate) is_overflow: bool,
    _permit: OwnedSemaphorePermit,
}

/// How many connections there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Connections {
    pub(crate) serving: usize,
    pub(crate) overflow: usize,
    /// How many requests of overflow connections were answered with 503.
    pub(crate) rejected: u64,
}

impl ConnectionLimit {
    /// Serves so many connections at a time.
    pub(crate) fn new(connections_max: usize) -> ConnectionLimit {
        ConnectionLimit {
            serving: Arc::new(Semaphore::new(connections_max)),
            serving_max: connections_max,
            overflow: Arc::new(Semaphore::new(OVERFLOW_CONNECTIONS_MAX)),
            rejected: AtomicU64::new(0),
        }
    }

    /// Takes a slot to be served, or one above the limit; waits if there is neither.
    pub(crate) async fn take(&self) -> Slot {
        let acquire = |slots: &Arc<Semaphore>| Arc::clone(slots).acquire_owned();
        let (permit, is_overflow) = tokio::select! {
            biased;
            permit = acquire(&self.serving) => (permit, false),
            permit = acquire(&self.overflow) => (permit, true),
        };
        Slot { is_overflow, _permit: permit.expect("the semaphores are never closed") }
    }

    pub(crate) fn reject(&self) {
        self.rejected.fetch_add(1, Relaxed);
    }

    pub(crate) fn connections(&self) -> Connections {
        Connections {
            serving: self.serving_max - self.serving.available_permits(),
            overflow: OVERFLOW_CONNECTIONS_MAX - self.overflow.available_permits(),
            rejected: self.rejected.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn overflow_slots_are_used_when_there_is_no_other_and_then_all_wait() {
        let limit = ConnectionLimit::new(1);
        let served = limit.take().await;
        assert!(!served.is_overflow);
        let mut overflow = Vec::new();
        for _ in 0..OVERFLOW_CONNECTIONS_MAX {
            overflow.push(limit.take().await);
        }
        assert!(overflow.iter().all(|slot| slot.is_overflow));
        assert_eq!(
            (limit.connections().serving, limit.connections().overflow),
            (1, overflow.len())
        );
        let wait = Duration::from_secs(60);
        assert!(tokio::time::timeout(wait, limit.take()).await.is_err(), "there is none");
        drop(served);
        assert!(!limit.take().await.is_overflow);
    }
}
