//! What the commands that push have in common: the profile as the command line changes it, the
//! plan made from it, and the page with the result.

use std::error::Error;
use std::{fs, thread};

use super::args::{PageArgs, WorkloadArgs};
use crate::client::Target;
use crate::drive::Plan;
use crate::measure::Process;
use crate::output::Chart;
use crate::profile::{self, Profile};
use crate::workload::{self, Marked};

/// The profile with what the command line changes of it.
pub(super) fn load_profile(args: &WorkloadArgs) -> Result<Profile, Box<dyn Error>> {
    let mut profile = profile::load(&args.profile)?;
    if let Some(connections) = args.connections {
        profile.connections = connections;
    }
    if let Some(groups) = args.groups {
        profile.groups.count = groups;
    }
    if let Some(warmup) = args.warmup {
        profile.warmup = warmup;
    }
    if let Some(keep_alive) = args.keep_alive {
        profile.keep_alive = keep_alive;
    }
    if let Some(prefill) = args.prefill {
        profile.groups.prefill = prefill;
    }
    if let Some(user) = &args.user {
        profile.basic_auth = Some(user.clone());
    }
    if let Some(ca) = &args.ca {
        profile.ca_file = Some(ca.clone());
    }
    if let Some(rate) = args.rate {
        profile.arrivals = Some(profile::Arrivals::Poisson(rate));
    }
    Ok(profile)
}

pub(super) fn plan(
    profile: &Profile,
    args: &WorkloadArgs,
    target: Target,
    process: Option<Process>,
    marked: Marked,
) -> Plan {
    let bodies = workload::bodies(profile, marked);
    let cpus = thread::available_parallelism().map_or(1, usize::from);
    let workers = args.workers.map_or(cpus, profile::Count::get);
    Plan::new(profile, bodies, target, process, workers)
}

/// Writes the page and the plots, as far as they are asked for.
pub(super) fn write_page(
    args: &PageArgs,
    make: impl FnOnce() -> (String, Vec<Chart>),
) -> Result<(), Box<dyn Error>> {
    if args.html.is_none() && args.svg.is_none() {
        return Ok(());
    }
    let (page, charts) = make();
    if let Some(file) = &args.html {
        fs::write(file, page).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    if let Some(folder) = &args.svg {
        fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        for chart in charts {
            let file = folder.join(chart.file_stem()).with_extension("svg");
            fs::write(&file, chart.svg()).map_err(|e| format!("{}: {e}", file.display()))?;
        }
    }
    Ok(())
}
