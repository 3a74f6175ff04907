//! How many connections are served at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::connection::overflow::RESERVE_CONNECTIONS_MAX;

/// The room that there is for connections.
#[derive(Debug)]
pub struct Seats {
    serving: Arc<Semaphore>,
    serving_max: usize,
    reserve: Arc<Semaphore>,
    refused: AtomicU64,
}

/// Room for one connection, until it is dropped.
#[derive(Debug)]
pub enum Seat {
    /// It is served.
    Serving(OwnedSemaphorePermit),
    /// It is only told that there is no room.
    Reserve(OwnedSemaphorePermit),
}

/// How the seats are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct Taken {
    pub(in crate::http) serving: usize,
    pub(in crate::http) reserve: usize,
    /// How many connections have been told that there was no room.
    pub(in crate::http) refused: u64,
}

impl Seats {
    /// Room for so many connections at a time, and some in reserve.
    pub fn new(connections_max: usize) -> Seats {
        Seats {
            serving: Arc::new(Semaphore::new(connections_max)),
            serving_max: connections_max,
            reserve: Arc::new(Semaphore::new(RESERVE_CONNECTIONS_MAX)),
            refused: AtomicU64::new(0),
        }
    }

    /// Takes a seat, the best there is; waits when there is none.
    pub async fn take(&self) -> Seat {
        let acquire = |seats: &Arc<Semaphore>| Arc::clone(seats).acquire_owned();
        let seat = tokio::select! {
            biased;
            seat = acquire(&self.serving) => seat.map(Seat::Serving),
            seat = acquire(&self.reserve) => seat.map(Seat::Reserve),
        };
        seat.expect("the semaphores are never closed")
    }

    pub(in crate::http) fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    pub(in crate::http) fn taken(&self) -> Taken {
        Taken {
            serving: self.serving_max - self.serving.available_permits(),
            reserve: RESERVE_CONNECTIONS_MAX - self.reserve.available_permits(),
            refused: self.refused.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_reserve_is_used_when_there_is_no_other_seat_and_then_all_wait() {
        let seats = Seats::new(1);
        let served = seats.take().await;
        assert!(matches!(served, Seat::Serving(_)));
        let mut told = Vec::new();
        for _ in 0..RESERVE_CONNECTIONS_MAX {
            told.push(seats.take().await);
        }
        assert!(told.iter().all(|seat| matches!(seat, Seat::Reserve(_))));
        assert_eq!((seats.taken().serving, seats.taken().reserve), (1, told.len()));
        let wait = Duration::from_secs(60);
        assert!(tokio::time::timeout(wait, seats.take()).await.is_err(), "there is none");
        drop(served);
        assert!(matches!(seats.take().await, Seat::Serving(_)));
    }
}
