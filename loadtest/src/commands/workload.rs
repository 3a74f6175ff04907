//! What the commands that push have in common: the profile as the command line changes it, and the
//! plan made from it.

use std::error::Error;
use std::thread;

use super::args::WorkloadArgs;
use crate::client::Target;
use crate::drive::Plan;
use crate::measure::Process;
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
