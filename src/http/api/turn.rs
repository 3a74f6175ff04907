//! Turns of the query API: how many queries are at work, and which one gives way to a new one.
//!
//! A query holds its turn until its answer has been sent. A new query that finds no turn waits for [`GIVE_WAY_WAIT`]. Then the
//! query that has made no progress for the longest time is stopped: its client may have gone, or reads nothing, or its
//! expressions are dear. So nobody can keep the API for themselves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::http::reply::Failure;

/// How many queries are answered at a time, until they have been sent.
pub(in crate::http) const API_ANSWERS_MAX: usize = 4;
/// How long a new query waits before another one is stopped in its favour.
const GIVE_WAY_WAIT: Duration = Duration::from_millis(300);
/// How often it has one stopped.
const TRIES_MAX: usize = 3;

/// What stops a query.
#[derive(Debug, Default)]
pub(super) struct Stop {
    is_set: AtomicBool,
    set: Notify,
}

impl Stop {
    pub(super) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Relaxed)
    }

    /// Returns once it is set.
    pub(super) async fn wait(&self) {
        while !self.is_set() {
            self.set.notified().await;
        }
    }

    fn set(&self) {
        self.is_set.store(true, Ordering::Relaxed);
        self.set.notify_one();
    }
}

/// A query at work.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) stop: Stop,
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

/// Stops a query when it is dropped: nobody waits for its answer any more.
pub(super) struct Awaited(Weak<Turn>);

impl Awaited {
    pub(super) fn new(turn: &Arc<Turn>) -> Awaited {
        Awaited(Arc::downgrade(turn))
    }

    /// The answer is there; from now on its body says whether anybody wants it.
    pub(super) fn answered(mut self) {
        self.0 = Weak::new();
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        if let Some(turn) = self.0.upgrade() {
            turn.stop.set();
        }
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

    /// A turn, at once or once another query has given way.
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
        slot.ok().and_then(Result::ok).map(|slot| self.begin(slot)).ok_or(Failure::TooManyAnswers)
    }

    fn begin(&self, slot: OwnedSemaphorePermit) -> Arc<Turn> {
        let went_on = Mutex::new(Instant::now());
        let turn = Arc::new(Turn { stop: Stop::default(), went_on, _slot: slot });
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
        let slowest = turns.iter().filter(|turn| !turn.stop.is_set()).min_by_key(went_on);
        if let Some(slowest) = slowest {
            slowest.stop.set();
        }
    }
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
            other.stop.wait().await;
            drop(other);
        });
        assert!(turns.take().await.is_ok());
        stopped.await.expect("it was stopped");
        assert!(!one.stop.is_set());
    }

    #[tokio::test(start_paused = true)]
    async fn a_query_nobody_waits_for_is_stopped_and_one_that_is_answered_is_not() {
        let turns = Turns::new(2);
        let [one, other] =
            [turns.take().await, turns.take().await].map(|turn| turn.expect("a turn"));
        drop(Awaited::new(&one));
        Awaited::new(&other).answered();
        assert!(one.stop.is_set() && !other.stop.is_set());
        drop(Awaited::new(&other));
        assert!(matches!(turns.take().await, Err(Failure::TooManyAnswers)), "they do not end");
    }
}
