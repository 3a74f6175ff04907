//! The open loop of one worker: hands out each push when it is due to whichever pusher is free.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::arrivals::Schedule;
use super::shared::Shared;
use super::timer::PreciseTimer;

/// Pushes that are due and that no pusher has taken yet: a line that grows while the target is
/// slower than the schedule.
#[derive(Debug, Default)]
pub(super) struct DueQueue {
    due: RefCell<VecDeque<Instant>>,
    arrived: Notify,
    closed: Cell<bool>,
}

impl DueQueue {
    fn push(&self, due: Instant) {
        self.due.borrow_mut().push_back(due);
        self.arrived.notify_one();
    }

    /// The next push to send; none when the schedule has ended and the line is empty.
    pub(super) async fn next(&self) -> Option<Instant> {
        loop {
            if let Some(due) = self.due.borrow_mut().pop_front() {
                return Some(due);
            }
            if self.closed.get() {
                return None;
            }
            // Each arrival wakes one pusher; one that was busy may have been quicker to take it.
            self.arrived.notified().await;
        }
    }

    fn close(&self) {
        self.closed.set(true);
        self.arrived.notify_waiters();
    }

    /// What is still in line.
    pub(super) fn drain(&self) -> Vec<Instant> {
        self.due.borrow_mut().drain(..).collect()
    }
}

/// How often a wait for the next push looks whether the run was stopped.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Follows the schedule to the end of the run.
pub(super) async fn dispatch(schedule: Schedule, shared: &Shared) -> io::Result<()> {
    let timer = PreciseTimer::new()?;
    for offset in schedule {
        let due = shared.window.start + offset;
        if due >= shared.window.until {
            break;
        }
        while Instant::now() < due && !shared.stopped() {
            timer.sleep_until(due.min(Instant::now() + LOOK_EVERY)).await?;
        }
        if shared.stopped() {
            break;
        }
        shared.recorder.borrow_mut().handed_out(due, Instant::now());
        shared.queue.push(due);
        // A line of arrivals that are due already must not keep the pushers from running.
        tokio::task::yield_now().await;
    }
    shared.queue.close();
    Ok(())
}
