//! `loadtest crash`: kills a gateway that persists, and says what its acknowledgements were worth.

use std::error::Error;
use std::process::ExitCode;

use super::args::CrashArgs;
use crate::crash::{Setup, Verdict, default_profile, run};
use crate::interrupt;
use crate::output::{crash_json, crash_table, note, print};
use crate::profile;
use crate::spawn::Recipe;

pub(super) fn execute(args: &CrashArgs) -> Result<ExitCode, Box<dyn Error>> {
    let mut profile = match &args.profile {
        Some(path) => profile::load(path)?,
        None => default_profile()?,
    };
    profile.connections = args.connections.unwrap_or(profile.connections);
    profile.groups.count = args.groups.unwrap_or(profile.groups.count);
    profile.seed = args.seed.unwrap_or(profile.seed);
    let recipe = Recipe::from_words(args.command.clone())?;
    let moments = args.round_time.clone();
    let setup = Setup::new(recipe, profile, args.promise, args.rounds, moments);
    let stop = interrupt::watch()?;
    let verdict = run(&setup, &stop, &mut |verdict| tell(verdict, args.rounds.get()))?;
    if args.json {
        print(&format!("{:#}\n", crash_json(&verdict)));
    } else {
        print(&crash_table(&verdict));
    }
    let total = verdict.total();
    if total.pushes == 0 {
        return Err("no push was acknowledged before a kill: this shows nothing".into());
    }
    Ok(if total.failures() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One line for the last round.
fn tell(verdict: &Verdict, rounds: usize) {
    let (Some(counts), Some(ready)) = (verdict.rounds.last(), verdict.ready_after.last()) else {
        return;
    };
    note(&format!(
        "round {}/{rounds}: {} acknowledged, {} in doubt, ready after {:.0} ms, {} failures",
        verdict.rounds.len(),
        counts.pushes + counts.deletes,
        counts.in_doubt,
        ready.as_secs_f64() * 1e3,
        counts.failures(),
    ));
}
