//! `loadtest compare`: several targets side by side.

use std::error::Error;
use std::process::ExitCode;

use super::args::CompareArgs;
use super::contenders::{Contender, assemble};
use super::rounds::measure;
use super::workload::load_profile;
use crate::output::{comparison_json, comparison_table, print};
use crate::pin::Halves;

pub(super) fn execute(args: &CompareArgs) -> Result<ExitCode, Box<dyn Error>> {
    let profile = load_profile(&args.workload)?;
    let halves = args.pin.then(Halves::of_machine).transpose()?;
    halves.as_ref().map_or(Ok(()), Halves::start_targets)?;
    let contenders = assemble(args, &profile)?;
    halves.as_ref().map_or(Ok(()), Halves::drive)?;
    let baseline = baseline(args, &contenders)?;
    let comparison = measure(profile, &args.workload, &args.rounds, &contenders, baseline)?;
    if args.json {
        print(&format!("{:#}\n", comparison_json(&comparison)));
    } else {
        print(&comparison_table(&comparison));
    }
    Ok(ExitCode::SUCCESS)
}

fn baseline(args: &CompareArgs, contenders: &[Contender]) -> Result<usize, Box<dyn Error>> {
    let Some(name) = &args.baseline else {
        return Ok(0);
    };
    contenders
        .iter()
        .position(|contender| contender.name == *name)
        .ok_or_else(|| format!("--baseline {name}: no target has this name").into())
}
