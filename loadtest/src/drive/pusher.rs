//! One pusher: a connection and the requests it sends, one after the other.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::shared::{Entry, Shared};
use crate::client::{Connection, Failure};
use crate::workload::{Choice, Method, Request, Rng, delete};

#[derive(Debug)]
pub(super) struct Pusher {
    /// Its place among the pushers of its worker.
    pub(super) number: usize,
    pub(super) connection: Connection,
    /// One for each kind of body.
    pub(super) requests: Vec<Request>,
    pub(super) deletion: Vec<u8>,
    /// The begin of the last answer's body.
    pub(super) text: Vec<u8>,
    pub(super) rng: Rng,
}

/// After a failed connection a pusher waits this long: a target that is down is not hammered.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(10);
/// As much of an answer's body as is kept.
pub(super) const TEXT_BYTES: usize = 300;

impl Pusher {
    /// Closed loop: the next push starts when the last one was answered.
    pub(super) async fn closed_loop(mut self, shared: Rc<Shared>) {
        while !shared.stopped() {
            let now = Instant::now();
            if now >= shared.window.until {
                break;
            }
            self.push_somewhere(&shared, now).await;
        }
    }

    /// Open loop: pushes start when they are due, or as soon after as this pusher is free.
    pub(super) async fn open_loop(mut self, shared: Rc<Shared>) {
        while let Some(due) = shared.queue.next().await {
            if shared.stopped() {
                break;
            }
            self.push_somewhere(&shared, due).await;
        }
    }

    /// Pushes the groups at `number`, `number + step`, ... once each.
    pub(super) async fn fill(mut self, shared: Rc<Shared>, step: usize) {
        let groups = shared.groups.borrow().clone();
        let mut index = self.number as u64;
        while index < groups.count() && !shared.stopped() {
            self.push(&shared, Instant::now(), Method::Put, groups.nth(index)).await;
            index += step as u64;
        }
    }

    async fn push_somewhere(&mut self, shared: &Shared, due: Instant) {
        let choice = shared.groups.borrow_mut().choose(&mut self.rng);
        let (method, group) = match choice {
            Choice::Push(group) => (shared.chooser.method(&mut self.rng), group),
            Choice::Delete(group) => (Method::Delete, group),
        };
        self.push(shared, due, method, group).await;
    }

    async fn push(&mut self, shared: &Shared, due: Instant, method: Method, group: u64) {
        let (request, content): (&[u8], _) = if method == Method::Delete {
            delete(&shared.head, group, &mut self.deletion);
            (&self.deletion, None)
        } else {
            let kind = shared.chooser.body(&mut self.rng, group);
            let mark = shared.next_mark(kind);
            let request = &mut self.requests[kind];
            request.prepare(method, &shared.head, group, mark, &mut self.rng);
            (request.bytes(), Some(mark))
        };
        let entry = Entry { group, content };
        shared.begin(self.number, due, entry);
        self.text.clear();
        let text = &mut self.text;
        let mut keep_text = |part: &[u8]| {
            let room = TEXT_BYTES - text.len();
            text.extend_from_slice(&part[..part.len().min(room)]);
        };
        let sent = Instant::now();
        let outcome = self.connection.exchange(request, &mut keep_text).await;
        shared.end(self.number, entry, sent, outcome, &self.text);
        if matches!(outcome, Err(Failure::Refused | Failure::LocalLimit)) {
            tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
        }
    }
}
