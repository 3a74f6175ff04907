//! What the pushers of one worker share: a thread's own, so no locks.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use super::dispatch::DueQueue;
use crate::client::{Answer, Failure};
use crate::measure::{Recorder, Window};
use crate::verify::{Content, Fate, Ledger};
use crate::workload::{Chooser, FIRST_MARK, Groups, Head};

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) head: Head,
    pub(super) chooser: Chooser,
    pub(super) groups: RefCell<Groups>,
    pub(super) recorder: RefCell<Recorder>,
    /// Present if the run is verified.
    pub(super) ledger: RefCell<Option<Ledger>>,
    pub(super) marks: Marks,
    pub(super) window: Window,
    pub(super) queue: DueQueue,
    /// For each pusher, when the push was due that it has under way.
    pub(super) under_way: RefCell<Vec<Option<Instant>>>,
    /// Pushes answered so far, for whoever watches.
    pub(super) answered: Arc<AtomicU64>,
    /// Set to end the run early.
    pub(super) stop: Arc<AtomicBool>,
}

/// How marks are dealt out: no two workers give the same, and a mark tells the kind of body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks {
    pub(super) worker: u64,
    pub(super) workers: u64,
    pub(super) kinds: u64,
}

impl Marks {
    const fn mark(self, number: u64, kind: usize) -> u64 {
        FIRST_MARK + (number * self.workers + self.worker) * self.kinds + kind as u64
    }
}

/// A push as the ledger knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) group: u64,
    pub(super) content: Content,
}

impl Shared {
    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The mark of the next push of a kind of body; 0 if pushes carry none.
    pub(super) fn next_mark(&self, kind: usize) -> u64 {
        let mut ledger = self.ledger.borrow_mut();
        ledger.as_mut().map_or(0, |ledger| self.marks.mark(ledger.next_number(), kind))
    }

    pub(super) fn begin(&self, pusher: usize, due: Instant, entry: Entry) {
        self.under_way.borrow_mut()[pusher] = Some(due);
        if let Some(ledger) = self.ledger.borrow_mut().as_mut() {
            ledger.begin(entry.group, entry.content);
        }
    }

    /// A push that was sent at `sent` has ended.
    pub(super) fn end(
        &self,
        pusher: usize,
        entry: Entry,
        sent: Instant,
        outcome: Result<Answer, Failure>,
        text: &[u8],
    ) {
        let done = Instant::now();
        let due = self.under_way.borrow_mut()[pusher].take().unwrap_or(sent);
        if let Some(ledger) = self.ledger.borrow_mut().as_mut() {
            ledger.settle(entry.group, entry.content, Fate::of(outcome), sent, done);
        }
        // Only this worker writes it, so nothing is lost between load and store.
        self.answered.store(self.answered.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        let mut recorder = self.recorder.borrow_mut();
        recorder.sent(due, sent);
        match outcome {
            Ok(answer) => {
                recorder.answered(due, done, answer);
                if !answer.is_success() && recorder.first_error.is_none() {
                    let text = String::from_utf8_lossy(text);
                    recorder.first_error = Some(format!("{}: {}", answer.status, text.trim()));
                }
            }
            Err(failure) => recorder.failed(due, done, failure),
        }
    }

    /// The run is over: what has no answer yet is counted as it stands.
    pub(super) fn close(&self) {
        let now = Instant::now();
        let mut recorder = self.recorder.borrow_mut();
        let under_way = self.under_way.borrow_mut().iter_mut().filter_map(Option::take).collect();
        for due in [under_way, self.queue.drain()].concat() {
            recorder.unfinished(due, now);
        }
    }
}
