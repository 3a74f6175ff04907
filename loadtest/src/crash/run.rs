//! Round after round: load, kill, start again, check.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::check::{check, read};
use super::history::History;
use super::load::{Load, Shares};
use super::setup::Setup;
use super::verdict::Verdict;
use super::writer::Group;
use crate::spawn::Spawned;
use crate::workload::Rng;

/// Runs all rounds and says what each one found; those before `stop` was set.
pub(crate) fn run(
    setup: &Setup,
    stop: &AtomicBool,
    watch: &mut dyn FnMut(&Verdict),
) -> Result<Verdict, Box<dyn Error>> {
    let profile = &setup.profile;
    let mut verdict = Verdict {
        profile: profile.name.clone(),
        target: setup.recipe.name.clone(),
        promise: setup.promise,
        seed: profile.seed,
        connections: profile.connections.get(),
        groups: profile.groups.count.get(),
        rounds: Vec::new(),
        ready_after: Vec::new(),
        examples: Vec::new(),
    };
    // The streams of the writers begin at 0.
    let mut moments = Rng::new(profile.seed, u64::MAX / 2);
    let mut shares = shares(verdict.groups, verdict.connections);
    let mut gateway = Spawned::start(&setup.recipe, profile.ca_file())?;
    if !read(setup, &gateway.target)?.is_empty() {
        return Err("the gateway holds groups already: start with a file that is not there".into());
    }
    for round in 0..setup.rounds {
        let load = Load::start(setup, &gateway.target, round, shares)?;
        let length = setup.moments.end.saturating_sub(setup.moments.start);
        sleep(setup.moments.start + length.mul_f64(moments.unit()), stop);
        // A terminal interrupts the gateway too: how it ends is no kill, and nothing to judge.
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let killed = gateway.kill()?;
        shares = load.finish()?;
        gateway = Spawned::start(&setup.recipe, profile.ca_file())?;
        verdict.ready_after.push(gateway.ready_after);
        check(setup, read(setup, &gateway.target)?, &mut shares, killed, &mut verdict);
        watch(&verdict);
    }
    Ok(verdict)
}

/// Which connection owns which groups.
fn shares(groups: usize, connections: usize) -> Shares {
    let owned = |connection| {
        let numbers = (connection..groups).step_by(connections);
        numbers.map(|number| Group { number: number as u64, history: History::new() }).collect()
    };
    (0..connections).map(owned).collect()
}

fn sleep(length: Duration, stop: &AtomicBool) {
    const LOOK_EVERY: Duration = Duration::from_millis(50);
    let until = Instant::now() + length;
    while !stop.load(Ordering::Relaxed) {
        match until.checked_duration_since(Instant::now()) {
            None | Some(Duration::ZERO) => return,
            Some(left) => thread::sleep(left.min(LOOK_EVERY)),
        }
    }
}
