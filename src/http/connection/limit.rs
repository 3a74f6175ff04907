//! The connection limit: how many connections are served at a time, and how many above it are answered with 503.
//!
//! When there are too many of the latter, the oldest one gives way to a new one. So a probe is answered at once, however many
//! connections say nothing.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// How many overflow connections there may be at a time.
const OVERFLOW_CONNECTIONS_MAX: usize = 256;

/// The connection limit, and the connections that count against it.
#[derive(Debug)]
pub(crate) struct ConnectionLimit {
    serving: Arc<Semaphore>,
    serving_max: usize,
    overflow: Arc<Semaphore>,
    /// The overflow connections, the oldest first. Some may have ended.
    by_age: Mutex<VecDeque<Weak<Notify>>>,
    rejected: AtomicU64,
}

/// The place of one connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Notified when the connection has to give way; `None` for a connection within the limit.
    gives_way: Option<Arc<Notify>>,
    _permit: OwnedSemaphorePermit,
}

impl Slot {
    /// Whether the connection is above the limit.
    pub(crate) fn is_overflow(&self) -> bool {
        self.gives_way.is_some()
    }

    /// Waits until the connection has been served, or has to give way.
    pub(crate) async fn until_given_way(&self, served: impl Future<Output = ()>) {
        let Some(gives_way) = &self.gives_way else { return served.await };
        tokio::select! {
            () = served => {}
            () = gives_way.notified() => {}
        }
    }
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
            by_age: Mutex::default(),
            rejected: AtomicU64::new(0),
        }
    }

    /// Takes a slot to be served, or one above the limit. If there is neither, the oldest connection above the limit gives way.
    pub(crate) async fn take(&self) -> Slot {
        if self.serving.available_permits() == 0 && self.overflow.available_permits() == 0 {
            self.give_way();
        }
        let acquire = |slots: &Arc<Semaphore>| Arc::clone(slots).acquire_owned();
        let (permit, is_overflow) = tokio::select! {
            biased;
            permit = acquire(&self.serving) => (permit, false),
            permit = acquire(&self.overflow) => (permit, true),
        };
        let gives_way = is_overflow.then(|| self.enter());
        Slot { gives_way, _permit: permit.expect("the semaphores are never closed") }
    }

    fn enter(&self) -> Arc<Notify> {
        let gives_way = Arc::default();
        let mut by_age = self.by_age.lock().unwrap_or_else(PoisonError::into_inner);
        if by_age.len() >= 2 * OVERFLOW_CONNECTIONS_MAX {
            by_age.retain(|connection| connection.strong_count() > 0);
        }
        by_age.push_back(Arc::downgrade(&gives_way));
        gives_way
    }

    fn give_way(&self) {
        let mut by_age = self.by_age.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(oldest) = by_age.pop_front() {
            if let Some(oldest) = oldest.upgrade() {
                return oldest.notify_one();
            }
        }
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
    async fn the_oldest_overflow_connection_gives_way_to_a_new_one() {
        let limit = Arc::new(ConnectionLimit::new(1));
        let _served = limit.take().await;
        let mut connections = VecDeque::new();
        for _ in 0..3 * OVERFLOW_CONNECTIONS_MAX {
            let slot = limit.take().await;
            let silent = async move { slot.until_given_way(std::future::pending()).await };
            connections.push_back(tokio::spawn(silent));
        }
        let newest = connections.split_off(2 * OVERFLOW_CONNECTIONS_MAX);
        for older in connections {
            older.await.expect("it has given way");
        }
        assert!(newest.iter().all(|connection| !connection.is_finished()));
        assert_eq!(limit.connections().overflow, newest.len());
    }

    #[tokio::test(start_paused = true)]
    async fn overflow_slots_are_used_when_there_is_no_other_and_then_all_wait() {
        let limit = ConnectionLimit::new(1);
        let served = limit.take().await;
        assert!(!served.is_overflow());
        let mut overflow = Vec::new();
        for _ in 0..OVERFLOW_CONNECTIONS_MAX {
            overflow.push(limit.take().await);
        }
        assert!(overflow.iter().all(Slot::is_overflow));
        assert_eq!(
            (limit.connections().serving, limit.connections().overflow),
            (1, overflow.len())
        );
        let wait = Duration::from_secs(60);
        assert!(tokio::time::timeout(wait, limit.take()).await.is_err(), "there is none");
        drop(served);
        assert!(!limit.take().await.is_overflow());
    }
}
