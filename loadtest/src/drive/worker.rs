//! One worker: a thread, a single-threaded runtime, and its share of the connections.
//!
//! Nothing but the stop flag and a count is shared with others while the run goes on.

use std::cell::RefCell;
use std::io;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::task::JoinSet;

use super::arrivals::Schedule;
use super::dispatch::{DueQueue, dispatch};
use super::plan::Plan;
use super::pusher::{Pusher, TEXT_BYTES};
use super::shared::{Marks, Shared};
use crate::client::{Connection, Failure};
use crate::measure::{Loop, Recorder, Tester, Window, own_thread_cpu};
use crate::verify::Ledger;
use crate::workload::{Chooser, Groups, Request, Rng};

/// What a worker is to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Task {
    /// Push every group once, and end.
    Fill,
    /// Push until the window closes.
    Measure,
}

/// A worker's place among the workers, and its lines to the thread that runs them.
pub(super) struct Seat {
    pub(super) index: usize,
    pub(super) task: Task,
    pub(super) ledger: Option<Ledger>,
    pub(super) connected: SyncSender<Result<(), Failure>>,
    pub(super) start: Receiver<Window>,
    pub(super) answered: Arc<AtomicU64>,
    pub(super) stop: Arc<AtomicBool>,
}

pub(super) struct Finished {
    pub(super) recorder: Recorder,
    pub(super) ledger: Option<Ledger>,
    pub(super) tester: Tester,
}

/// How long requests under way may still take when the run is over.
const GRACE: Duration = Duration::from_secs(2);

/// The whole life of a worker; none when the run never started.
pub(super) fn work(plan: &Plan, seat: Seat) -> io::Result<Option<Finished>> {
    let runtime: LocalRuntime =
        Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let mut pushers = pushers(plan, seat.index);
        let connected = connect(plan, &mut pushers).await;
        if seat.connected.send(connected).is_err() {
            return Ok(None);
        }
        let Ok(window) = seat.start.recv() else {
            return Ok(None);
        };
        drive(plan, seat, pushers, window).await.map(Some)
    })
}

fn pushers(plan: &Plan, worker: usize) -> Vec<Pusher> {
    let profile = &plan.profile;
    let numbers = (worker..profile.connections.get()).step_by(plan.workers);
    numbers
        .enumerate()
        .map(|(number, of_all)| Pusher {
            number,
            connection: Connection::new(
                Arc::clone(&plan.target),
                profile.keep_alive,
                profile.timeout.get(),
            ),
            requests: plan.bodies.iter().map(|body| Request::new(&plan.head, body)).collect(),
            deletion: Vec::new(),
            text: Vec::with_capacity(TEXT_BYTES),
            rng: Rng::new(profile.seed, of_all as u64),
        })
        .collect()
}

/// Opens all connections that are kept, so that the run does not start with a storm of them; of
/// the others one, to see that the target is there.
async fn connect(plan: &Plan, pushers: &mut [Pusher]) -> Result<(), Failure> {
    let ahead = if plan.profile.keep_alive { pushers.len() } else { 1 };
    for pusher in &mut pushers[..ahead] {
        pusher.connection.open().await?;
    }
    Ok(())
}

async fn drive(
    plan: &Plan,
    seat: Seat,
    pushers: Vec<Pusher>,
    window: Window,
) -> io::Result<Finished> {
    let (cpu_before, waited_before) = own_thread_cpu();
    let started = Instant::now();
    let task = seat.task;
    let schedule = schedule(plan, seat.index);
    let shared = Rc::new(shared(plan, seat, pushers.len(), window));
    let mut tasks = JoinSet::new();
    let step = pushers.len();
    for pusher in pushers {
        let shared = Rc::clone(&shared);
        match (task, plan.pace()) {
            (Task::Fill, _) => tasks.spawn_local(pusher.fill(shared, step)),
            (Task::Measure, Loop::Closed) => tasks.spawn_local(pusher.closed_loop(shared)),
            (Task::Measure, Loop::Open) => tasks.spawn_local(pusher.open_loop(shared)),
        };
    }
    let dispatched = async {
        match schedule {
            Some(schedule) if task == Task::Measure => dispatch(schedule, &shared).await,
            _ => Ok(()),
        }
    };
    let (dispatched, ()) = tokio::join!(dispatched, finish(&mut tasks, &shared, task));
    dispatched?;
    shared.close();
    let (cpu, waited) = own_thread_cpu();
    let recorder = shared.recorder.borrow().clone();
    let ledger = shared.ledger.borrow_mut().take();
    let tester = Tester {
        workers: 1,
        cpu: cpu.saturating_sub(cpu_before),
        waited: waited.saturating_sub(waited_before),
        elapsed: started.elapsed(),
    };
    Ok(Finished { recorder, ledger, tester })
}

fn schedule(plan: &Plan, worker: usize) -> Option<Schedule> {
    let profile = &plan.profile;
    let run = profile.warmup.get() + profile.duration.get();
    // The streams of the pushers begin at 0, those of the bodies end at the last one.
    let rng = Rng::new(profile.seed, (1 << 32) + worker as u64);
    profile.arrivals.map(|arrivals| Schedule::new(arrivals, (worker, plan.workers), run, rng))
}

fn shared(plan: &Plan, seat: Seat, pushers: usize, window: Window) -> Shared {
    // A fill follows no schedule.
    let pace = if seat.task == Task::Fill { Loop::Closed } else { plan.pace() };
    Shared {
        head: plan.head.clone(),
        chooser: Chooser::new(plan.profile.mix, &plan.bodies, plan.profile.body_by_group),
        groups: RefCell::new(Groups::of_worker(&plan.profile.groups, seat.index, plan.workers)),
        recorder: RefCell::new(Recorder::new(window, pace)),
        ledger: RefCell::new(seat.ledger),
        marks: Marks {
            worker: seat.index as u64,
            workers: plan.workers as u64,
            kinds: plan.bodies.len() as u64,
        },
        window,
        queue: DueQueue::default(),
        under_way: RefCell::new(vec![None; pushers]),
        answered: seat.answered,
        stop: seat.stop,
    }
}

/// Waits for the pushers, and ends those that still wait for an answer when the grace is over.
async fn finish(tasks: &mut JoinSet<()>, shared: &Shared, task: Task) {
    const LOOK_EVERY: Duration = Duration::from_millis(100);
    let mut end = (task == Task::Measure).then_some(shared.window.until);
    loop {
        match tokio::time::timeout(LOOK_EVERY, tasks.join_next()).await {
            Ok(None) => return,
            Ok(Some(Err(error))) if error.is_panic() => resume_unwind(error.into_panic()),
            Ok(Some(_)) | Err(_) => {}
        }
        let now = Instant::now();
        if shared.stopped() {
            end = Some(end.map_or(now, |end| end.min(now)));
        }
        if end.is_some_and(|end| now >= end + GRACE) {
            tasks.abort_all();
        }
    }
}
