//! One file per command: flags in, exit code out.

mod args;
mod compare;
mod contenders;
mod crash;
mod rounds;
mod run;
mod sink;
mod sweep;
mod values;
mod workload;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

pub(crate) fn execute() -> Result<ExitCode, Box<dyn Error>> {
    match Args::parse().command {
        Command::Run(args) => run::execute(&args),
        Command::Compare(args) => compare::execute(&args),
        Command::Sweep(args) => sweep::execute(&args),
        Command::Crash(args) => crash::execute(&args),
        Command::Sink(args) => sink::execute(&args),
    }
}
