//! One connection and the groups it owns: one operation after the other, each answered before the
//! next.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::history::History;
use super::setup::Setup;
use super::state::Numbering;
use crate::client::{Connection, Failure, Target};
use crate::verify::Fate;
use crate::workload::{Chooser, Head, Method, Request, Rng, delete};

/// A group and what happened to it.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) number: u64,
    pub(super) history: History,
}

/// The gateway wants none of this: the status and the begin of its answer.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) text: String,
}

#[derive(Debug)]
pub(super) struct Writer {
    connection: Connection,
    head: Head,
    chooser: Chooser,
    /// One for each kind of body.
    puts: Vec<Request>,
    post: Request,
    deletion: Vec<u8>,
    numbering: Numbering,
    rng: Rng,
    groups: Vec<Group>,
    /// The groups without an operation in doubt, by their place. One in doubt may still be applied,
    /// after whatever came next: the group is left alone until the next check.
    open: Vec<usize>,
}

impl Writer {
    pub(super) fn new(setup: &Setup, target: &Arc<Target>, groups: Vec<Group>, rng: Rng) -> Self {
        let head = Head::new(&setup.profile, target);
        let limit = setup.profile.timeout.get();
        Self {
            connection: Connection::new(Arc::clone(target), true, limit),
            chooser: setup.chooser(),
            puts: setup.bodies.iter().map(|body| Request::new(&head, body)).collect(),
            post: Request::new(&head, &setup.post),
            head,
            deletion: Vec::new(),
            numbering: setup.numbering(),
            rng,
            open: (0..groups.len()).collect(),
            groups,
        }
    }

    /// Pushes and deletes until `stop`, then gives the groups back.
    pub(super) async fn write(mut self, stop: Arc<AtomicBool>) -> Result<Vec<Group>, Refusal> {
        /// A gateway that was killed is not hammered until the end of the round.
        const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(5);
        while !stop.load(Ordering::Relaxed) && !self.open.is_empty() {
            let place = self.rng.below(self.open.len() as u64) as usize;
            match self.operate(self.open[place]).await? {
                Fate::Acknowledged => {}
                Fate::Void => tokio::time::sleep(PAUSE_AFTER_FAILURE).await,
                Fate::InDoubt => {
                    self.open.swap_remove(place);
                }
            }
        }
        Ok(self.groups)
    }

    /// One operation on one group; void if it was never sent.
    async fn operate(&mut self, group: usize) -> Result<Fate, Refusal> {
        let Group { number, history } = &mut self.groups[group];
        let method = self.chooser.method(&mut self.rng);
        let version = history.begin(method);
        let request = match method {
            Method::Delete => {
                delete(&self.head, *number, &mut self.deletion);
                &self.deletion
            }
            Method::Put | Method::Post => {
                let (request, kind) = if method == Method::Post {
                    (&mut self.post, 0)
                } else {
                    let kind = self.chooser.body(&mut self.rng, *number);
                    (&mut self.puts[kind], kind)
                };
                let mark = self.numbering.mark(*number, version, kind);
                request.prepare(method, &self.head, *number, mark, &mut self.rng);
                request.bytes()
            }
        };
        let mut text = Vec::new();
        let outcome = self.connection.exchange(request, &mut |part| text.extend(part)).await;
        let fate = Fate::of(outcome);
        match (fate, outcome) {
            (Fate::Acknowledged, _) => history.acknowledge(Instant::now()),
            (Fate::InDoubt, _) => {}
            (Fate::Void, Ok(answer)) => {
                let text = String::from_utf8_lossy(&text).trim().to_owned();
                return Err(Refusal { status: answer.status, text });
            }
            (Fate::Void, Err(_)) => history.forget(),
        }
        Ok(fate)
    }

    /// Opens the connection ahead of the first request.
    pub(super) async fn open(&mut self) -> Result<(), Failure> {
        self.connection.open().await
    }
}
