//! The workers of a run: hired, connected, started together, and joined.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::{fmt, io};

use super::plan::Plan;
use super::worker::{Finished, Seat, Task, work};
use crate::client::Failure;
use crate::measure::{Recorder, Tester, Window};
use crate::verify::Ledger;

/// Why a run did not happen.
#[derive(Debug)]
pub(crate) enum DriveError {
    Connect(String, Failure),
    Worker(io::Error),
    /// A worker panicked, or left before the start.
    WorkerDied,
    /// The fill before the run met errors: the run would measure another state than it says.
    Fill(u64, Option<String>),
}

impl fmt::Display for DriveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(target, failure) => write!(f, "cannot connect to {target}: {failure}"),
            Self::Worker(error) => write!(f, "a worker failed: {error}"),
            Self::WorkerDied => f.write_str("a worker died"),
            Self::Fill(errors, first) => {
                write!(f, "{errors} errors while pushing every group once")?;
                first.iter().try_for_each(|text| write!(f, "; the first: {text}"))
            }
        }
    }
}

impl std::error::Error for DriveError {}

pub(super) struct Crew {
    workers: Vec<JoinHandle<io::Result<Option<Finished>>>>,
    starts: Vec<mpsc::Sender<Window>>,
    answered: Vec<Arc<AtomicU64>>,
}

/// What all workers together found.
pub(super) struct Findings {
    pub(super) recorder: Recorder,
    pub(super) tester: Tester,
    /// One for each worker, if the run is verified.
    pub(super) ledgers: Vec<Ledger>,
}

impl Crew {
    /// Starts the workers and waits until all are connected. `ledgers` are those of an earlier
    /// part of the same run, or none.
    pub(super) fn hire(
        plan: &Plan,
        task: Task,
        ledgers: Vec<Ledger>,
        stop: &Arc<AtomicBool>,
    ) -> Result<Self, DriveError> {
        let (connected, all_connected) = mpsc::sync_channel(plan.workers);
        let mut crew = Self { workers: Vec::new(), starts: Vec::new(), answered: Vec::new() };
        let mut ledgers = ledgers.into_iter();
        for index in 0..plan.workers {
            let (start, start_received) = mpsc::channel();
            let answered = Arc::new(AtomicU64::new(0));
            let seat = Seat {
                index,
                task,
                ledger: plan.verified.then(|| ledgers.next().unwrap_or_default()),
                connected: connected.clone(),
                start: start_received,
                answered: Arc::clone(&answered),
                stop: Arc::clone(stop),
            };
            let plan = plan.clone();
            let worker = thread::Builder::new()
                .name(format!("pusher-{index}"))
                .spawn(move || work(&plan, seat))
                .map_err(DriveError::Worker)?;
            crew.workers.push(worker);
            crew.starts.push(start);
            crew.answered.push(answered);
        }
        drop(connected);
        for _ in 0..plan.workers {
            all_connected
                .recv()
                .map_err(|_| DriveError::WorkerDied)?
                .map_err(|failure| DriveError::Connect(plan.target.authority.clone(), failure))?;
        }
        Ok(crew)
    }

    pub(super) fn start(&self, window: Window) {
        for start in &self.starts {
            // A worker that is gone is reported when it is joined.
            let _ = start.send(window);
        }
    }

    /// Pushes that have ended so far.
    pub(super) fn answered(&self) -> u64 {
        self.answered.iter().map(|answered| answered.load(Ordering::Relaxed)).sum()
    }

    pub(super) fn is_finished(&self) -> bool {
        self.workers.iter().all(JoinHandle::is_finished)
    }

    pub(super) fn join(self) -> Result<Findings, DriveError> {
        let mut total: Option<Findings> = None;
        for worker in self.workers {
            let finished = worker
                .join()
                .map_err(|_| DriveError::WorkerDied)?
                .map_err(DriveError::Worker)?
                .ok_or(DriveError::WorkerDied)?;
            match &mut total {
                None => {
                    total = Some(Findings {
                        recorder: finished.recorder,
                        tester: finished.tester,
                        ledgers: finished.ledger.into_iter().collect(),
                    });
                }
                Some(total) => {
                    total.recorder.merge(&finished.recorder);
                    total.tester.merge(finished.tester);
                    total.ledgers.extend(finished.ledger);
                }
            }
        }
        total.ok_or(DriveError::WorkerDied)
    }
}
