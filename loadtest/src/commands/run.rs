//! `loadtest run`: one profile, one target.

use std::error::Error;
use std::process::ExitCode;

use super::args::RunArgs;
use super::workload::{load_profile, plan};
use crate::client::Target;
use crate::drive;
use crate::interrupt;
use crate::measure::{Process, process_listening_on};
use crate::output::{
    Progress, over_time_json, print, report_json, report_table, verdict_json, verdict_table,
};
use crate::verify::{assert_fresh, verify};
use crate::workload::Marked;

pub(crate) fn execute(args: &RunArgs) -> Result<ExitCode, Box<dyn Error>> {
    let mut profile = load_profile(&args.workload)?;
    if let Some(duration) = args.duration {
        profile.duration = duration;
    }
    let target = Target::parse(&args.target, profile.ca_file(), args.workload.i_own_this_target)?;
    let process = match args.target_pid {
        Some(pid) => Some(Process { pid }),
        None if target.address.ip().is_loopback() => process_listening_on(target.address),
        None => None,
    };
    let marked = if args.verify { Marked::AtTheEnds } else { Marked::Nowhere };
    let mut plan = plan(&profile, &args.workload, target, process, marked);
    plan.verified = args.verify;
    for url in &args.scrapes {
        let shown_at = Target::parse(url, profile.ca_file(), args.workload.i_own_this_target)?;
        plan.shown_at.push(shown_at);
    }
    let stop = interrupt::watch()?;
    if args.verify {
        assert_fresh(&plan.expectation())?;
    }
    let mut ledgers = Vec::new();
    if profile.groups.prefill {
        let mut progress = Progress::new("pushing every group once".to_owned());
        ledgers = drive::fill(&plan, &stop, &mut |tick| progress.tick(tick))?;
    }
    let mut progress = Progress::new(format!("running {}", profile.name));
    let (report, ledgers) = drive::run(&plan, ledgers, &stop, &mut |tick| progress.tick(tick))?;
    drop(progress);
    let verdict = if args.verify { Some(verify(&plan.expectation(), ledgers)?) } else { None };
    if args.json {
        let mut json = report_json(&report);
        json["over_time"] = over_time_json(&report);
        json["verified"] = verdict.as_ref().map(verdict_json).into();
        print(&format!("{json:#}\n"));
    } else {
        print(&report_table(&report));
        verdict.iter().for_each(|verdict| print(&verdict_table(verdict)));
    }
    let clean = verdict.is_none_or(|verdict| verdict.is_clean());
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
