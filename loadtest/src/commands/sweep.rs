//! `loadtest sweep`: the gateway at several numbers of shards.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::args::SweepArgs;
use super::contenders::started;
use super::rounds::measure;
use super::workload::load_profile;
use crate::output::{comparison_json, comparison_table, print};
use crate::profile::Count;
use crate::spawn::Recipe;

pub(super) fn execute(args: &SweepArgs) -> Result<ExitCode, Box<dyn Error>> {
    let profile = load_profile(&args.workload)?;
    let binary = match &args.binary {
        Some(binary) => binary.clone(),
        None => beside_this_program()?,
    };
    let mut contenders = Vec::new();
    for &shards in &args.shards {
        contenders.push(started(&recipe(args, &binary, shards), profile.ca_file())?);
    }
    let comparison = measure(profile, &args.workload, &args.rounds, &contenders, 0)?;
    if args.json {
        print(&format!("{:#}\n", comparison_json(&comparison)));
    } else {
        print(&comparison_table(&comparison));
    }
    Ok(ExitCode::SUCCESS)
}

fn recipe(args: &SweepArgs, binary: &Path, shards: Count) -> Recipe {
    let mut words = vec![
        binary.to_string_lossy().into_owned(),
        "--web.listen-address=127.0.0.1:{port}".to_owned(),
        format!("--shards={}", shards.get()),
    ];
    words.extend(args.gateway_flags.iter().cloned());
    Recipe::new(format!("shards={}", shards.get()), words)
}

/// Both programs are built into one folder.
fn beside_this_program() -> Result<PathBuf, Box<dyn Error>> {
    let binary = env::current_exe()?.with_file_name("shardgate");
    if binary.is_file() {
        Ok(binary)
    } else {
        Err(format!("{} is not there: build it, or give --binary", binary.display()).into())
    }
}
