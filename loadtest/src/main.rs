//! The load tester: drives any gateway that speaks the Pushgateway's protocol, and says what it
//! found.
//!
//! In reading order: a [`profile`] describes a workload; [`workload`] builds its requests before
//! the run; [`drive`] sends them through [`client`] connections, at a pace; [`measure`] holds what
//! was found; [`output`] shows it. [`crash`] kills what it drives. [`commands`] puts these together, one file per command.

mod client;
mod commands;
mod crash;
mod descriptors;
mod drive;
mod interrupt;
mod measure;
mod output;
mod pin;
mod profile;
mod spawn;
mod verify;
mod workload;

use std::process::ExitCode;

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    descriptors::allow_many();
    match commands::execute() {
        Ok(code) => code,
        Err(error) => {
            output::note(&format!("loadtest: {error}"));
            ExitCode::FAILURE
        }
    }
}
