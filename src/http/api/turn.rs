//! Turns of the query API: how many queries are at work, and which one gives way to a new one.
//!
//! A query holds its turn until its answer has been sent. A new query that finds no turn waits for [`GIVE_WAY_WAIT`]. Then the
//! query that has made no progress for the longest time is stopped: its client may have gone, or reads nothing, or its
//! expressions are expensive. So no client can keep the API for itself.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::http::failure::Failure;

/// How many queries are answered at a time, until they have been sent.
pub(crate) const API_ANSWERS_MAX: usize = 4;
/// How long a new query waits before another one is stopped in its favour.
const GIVE_WAY_WAIT: Duration = Duration::from_millis(300);
/// How many queries a new query may have stopped.
const TRIES_MAX: usize = 3;

/// A query at work.
#[derive(Debug)]
pub(super) struct Turn {
    /// Stops the query.
    pub(super) stop: CancellationToken,
    /// When it began, or a piece of its answer was last taken.
    went_on: Mutex<Instant>,
    _slot: OwnedSemaphorePermit,
}

impl Turn {
    /// Notes that a piece of the answer has been taken.
    pub(super) fn goes_on(&self) {
        *self.went_on.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

/// All turns.
#[derive(Debug)]
pub(super) struct Turns {
    slots: Arc<Semaphore>,
    at_work: Mutex<Vec<Weak<Turn>>>,
}

impl Turns {
    pub(super) fn new(turns_max: usize) -> Turns {
        Turns { slots: Arc::new(Semaphore::new(turns_max)), at_work: Mutex::default() }
    }

    /// Takes a turn, at once or after another query has given way.
    pub(super) async fn take(&self) -> Result<Arc<Turn>, Failure> {
        for _ in 0..TRIES_MAX {
            let slot = Arc::clone(&self.slots).acquire_owned();
            if let Ok(Ok(slot)) = tokio::time::timeout(GIVE_WAY_WAIT, slot).await {
                return Ok(self.begin(slot));
            }
            self.stop_the_slowest();
        }
        let slot = Arc::clone(&self.slots).acquire_owned();
        let slot = tokio::time::timeout(GIVE_WAY_WAIT, slot).await;
        slot.ok().and_then(Result::ok).map(|slot| self.begin(slot)).ok_or_else(too_many_queries)
    }

    fn begin(&self, slot: OwnedSemaphorePermit) -> Arc<Turn> {
        let went_on = Mutex::new(Instant::now());
        let turn = Arc::new(Turn { stop: CancellationToken::new(), went_on, _slot: slot });
        let mut at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        at_work.retain(|turn| turn.strong_count() > 0);
        at_work.push(Arc::downgrade(&turn));
        turn
    }

    /// Stops the query that has made no progress for the longest time, of those that have not been stopped.
    fn stop_the_slowest(&self) {
        let at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        let turns: Vec<Arc<Turn>> = at_work.iter().filter_map(Weak::upgrade).collect();
        drop(at_work);
        let went_on =
            |turn: &&Arc<Turn>| *turn.went_on.lock().unwrap_or_else(PoisonError::into_inner);
        let slowest = turns.iter().filter(|turn| !turn.stop.is_cancelled()).min_by_key(went_on);
        if let Some(slowest) = slowest {
            slowest.stop.cancel();
        }
    }
}

/// No query gave way to a new one.
pub(crate) fn too_many_queries() -> Failure {
    Failure::unavailable(format_args!("{API_ANSWERS_MAX} queries are being answered; try again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_query_that_has_gone_on_least_recently_gives_way() {
        let turns = Turns::new(2);
        let [one, other] =
            [turns.take().await, turns.take().await].map(|turn| turn.expect("a turn"));
        tokio::time::sleep(Duration::from_secs(1)).await;
        one.goes_on();
        let stopped = tokio::spawn(async move {
            other.stop.cancelled().await;
            drop(other);
        });
        assert!(turns.take().await.is_ok());
        stopped.await.expect("it was stopped");
        assert!(!one.stop.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_query_nobody_waits_for_is_stopped_and_one_that_is_answered_is_not() {
        let turns = Turns::new(2);
        let [one, other] =
            [turns.take().await, turns.take().await].map(|turn| turn.expect("a turn"));
        drop(one.stop.clone().drop_guard());
        drop(other.stop.clone().drop_guard().disarm());
        assert!(one.stop.is_cancelled() && !other.stop.is_cancelled());
        drop(other.stop.clone().drop_guard());
        let rejected = turns.take().await.err().map(|failure| failure.to_string());
        assert_eq!(rejected, Some(too_many_queries().to_string()), "they do not end");
    }
}
