//! Several targets in interleaved rounds.
//!
//! A machine changes while it is measured: it warms up, others use it. So every round visits every
//! target, each time beginning with another one, and ratios are taken within a round.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::args::{RoundsArgs, WorkloadArgs};
use super::contenders::Contender;
use super::workload::plan;
use crate::drive::{self, Plan};
use crate::interrupt;
use crate::measure::Report;
use crate::output::{Comparison, Progress, note};
use crate::profile::Profile;
use crate::workload::Marked;

/// Fills every target if the profile says so, and measures all rounds. Ctrl-C ends it with the
/// rounds that are complete.
pub(super) fn measure(
    mut profile: Profile,
    workload: &WorkloadArgs,
    args: &RoundsArgs,
    contenders: &[Contender],
    baseline: usize,
) -> Result<Comparison, Box<dyn Error>> {
    profile.duration = args.round_seconds;
    let stop = interrupt::watch()?;
    let mut plans = Vec::new();
    for contender in contenders {
        let target = contender.target.clone();
        plans.push(plan(&profile, workload, target, contender.process, Marked::Nowhere));
    }
    if profile.groups.prefill {
        for (contender, plan) in contenders.iter().zip(&plans) {
            let mut progress =
                Progress::new(format!("{}: pushing every group once", contender.name));
            drive::fill(plan, &stop, &mut |tick| progress.tick(tick))?;
        }
    }
    let comparison = Comparison {
        names: contenders.iter().map(|contender| contender.name.clone()).collect(),
        baseline,
        reports: rounds(args.rounds.get(), contenders, &plans, &stop)?,
    };
    if comparison.reports.iter().any(Vec::is_empty) {
        return Err("interrupted before the first round was complete".into());
    }
    Ok(comparison)
}

/// The reports of every target, one for each complete round.
fn rounds(
    rounds: usize,
    contenders: &[Contender],
    plans: &[Plan],
    stop: &Arc<AtomicBool>,
) -> Result<Vec<Vec<Report>>, Box<dyn Error>> {
    let mut reports = vec![Vec::with_capacity(rounds); plans.len()];
    for round in 0..rounds {
        for step in 0..plans.len() {
            let which = (round + step) % plans.len();
            let name = format!("round {}/{rounds} {}", round + 1, contenders[which].name);
            let mut progress = Progress::new(name.clone());
            let watch = &mut |tick| progress.tick(tick);
            let (report, _) = drive::run(&plans[which], Vec::new(), stop, watch)?;
            drop(progress);
            if stop.load(Ordering::Relaxed) {
                for of_target in &mut reports {
                    of_target.truncate(round);
                }
                return Ok(reports);
            }
            note(&format!("{name}: {:.0} pushes/s", report.pushes_per_second()));
            reports[which].push(report);
        }
    }
    Ok(reports)
}
