//! The parts of a run: the fill, then the measurement with a look at the target meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::crew::{Crew, DriveError};
use super::plan::Plan;
use super::scraper;
use super::worker::Task;
use crate::measure::{Observer, Report, TargetUsage, Window, slice_length};
use crate::profile::Profile;
use crate::verify::Ledger;

/// How far a run is, for whoever watches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tick {
    /// From 0 to 1.
    pub(crate) progress: f64,
    /// Pushes that have ended so far.
    pub(crate) answered: u64,
}

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Pushes every group once.
pub(crate) fn fill(
    plan: &Plan,
    stop: &Arc<AtomicBool>,
    watch: &mut dyn FnMut(Tick),
) -> Result<Vec<Ledger>, DriveError> {
    /// No fill ends at a time: it ends when it is done.
    const NO_END: Duration = Duration::from_secs(7 * 24 * 3600);
    let crew = Crew::hire(plan, Task::Fill, Vec::new(), stop)?;
    crew.start(Window::opening_now(Duration::ZERO, NO_END));
    let groups = plan.profile.groups.count.get() as f64;
    while !crew.is_finished() {
        thread::sleep(LOOK_EVERY);
        let answered = crew.answered();
        watch(Tick { progress: answered as f64 / groups, answered });
    }
    let findings = crew.join()?;
    match findings.recorder.errors() {
        0 => Ok(findings.ledgers),
        errors => Err(DriveError::Fill(errors, findings.recorder.first_error)),
    }
}

/// One measured run, with the ledgers of the fill before it; gives back its own.
pub(crate) fn run(
    plan: &Plan,
    ledgers: Vec<Ledger>,
    stop: &Arc<AtomicBool>,
    watch: &mut dyn FnMut(Tick),
) -> Result<(Report, Vec<Ledger>), DriveError> {
    let profile: &Profile = &plan.profile;
    let crew = Crew::hire(plan, Task::Measure, ledgers, stop)?;
    let window = Window::opening_now(profile.warmup.get(), profile.duration.get());
    crew.start(window);
    let scraper = scraper::start(plan, window, stop).map_err(DriveError::Worker)?;
    let (measured, usage) = observe(plan, window, stop, &crew, watch);
    let findings = crew.join()?;
    let scrapes = match scraper {
        Some(scraper) => Some(scraper.join().map_err(|_| DriveError::WorkerDied)?),
        None => None,
    };
    let report = Report {
        profile: profile.name.clone(),
        target: plan.target.authority.clone(),
        connections: profile.connections.get(),
        groups: profile.groups.count.get(),
        measured,
        requests: findings.recorder,
        usage,
        scrapes,
        tester: findings.tester,
    };
    Ok((report, findings.ledgers))
}

/// Looks at the target's process until the window closes; the time that was measured.
fn observe(
    plan: &Plan,
    window: Window,
    stop: &AtomicBool,
    crew: &Crew,
    watch: &mut dyn FnMut(Tick),
) -> (Duration, Option<TargetUsage>) {
    let mut observer = Observer::new(plan.process, plan.target.address);
    let whole = (window.until - window.start).as_secs_f64();
    let keep_every = slice_length(window);
    let mut keep_at = Duration::ZERO;
    loop {
        let now = Instant::now();
        if now >= window.measure_from {
            let since = now - window.measure_from;
            observer.look(since, since >= keep_at);
            if since >= keep_at {
                keep_at += keep_every;
            }
        }
        let progress = (now - window.start).as_secs_f64() / whole;
        watch(Tick { progress: progress.min(1.0), answered: crew.answered() });
        if now >= window.until || stop.load(Ordering::Relaxed) {
            let end = now.min(window.until);
            return (end.saturating_duration_since(window.measure_from), observer.finish());
        }
        let next = if now < window.measure_from { window.measure_from } else { window.until };
        thread::sleep(LOOK_EVERY.min(next - now));
    }
}
