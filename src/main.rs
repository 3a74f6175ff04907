//! The `shardgate` program. All of it is in the library, so that it is compiled once.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    shardgate::commands::run(std::env::args_os())
}
