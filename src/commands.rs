//! The commands of the program: from its arguments to its exit status.

use std::env::ArgsOs;
use std::io::Write;
use std::process::ExitCode;

use crate::client::{Connection, Endpoint};
use crate::config::{CheckCommand, Command, Flags, HealthcheckFlags, ImportFlags, StoreCommand};
use crate::gateway::Gateway;
use crate::{descriptors, import, log, persist, reload, signals};

/// Runs the gateway or one of the other commands, as the arguments say; the first of them is the program's name.
pub fn run(arguments: ArgsOs) -> ExitCode {
    let flags = match Flags::from_command_line(arguments) {
        Ok(flags) => flags,
        Err(asked) if !asked.use_stderr() => {
            let _closed = write!(std::io::stdout(), "{asked}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            let message = error.to_string();
            let reason = message.lines().next().unwrap_or_default();
            return fail(format_args!("{}; see --help", reason.trim_start_matches("error: ")));
        }
    };
    match flags.command() {
        Some(Command::Store(command)) => return store(command),
        Some(Command::Check(command)) => return check(command),
        Some(Command::Healthcheck(flags)) => return healthcheck(flags),
        Some(Command::Completions { shell }) => return print(&Flags::completions(*shell)),
        Some(Command::Man) => return print(&Flags::man()),
        Some(Command::Import(flags)) => return import(flags),
        None => {}
    }
    if let Err(error) = log::init(flags.log_level, flags.log_format) {
        return fail(format_args!("cannot start a thread: {error}"));
    }
    let ended = serve(flags);
    log::flush();
    ended
}

/// Runs the gateway until it is stopped.
fn serve(flags: Flags) -> ExitCode {
    let config = flags.into_config();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(format_args!("cannot start the runtime: {error}")),
    };
    runtime.block_on(async {
        tracing::info!(version = env!("CARGO_PKG_VERSION"), shards = config.shards, "starting");
        let stopping = match signals::take_over() {
            Ok(stopping) => stopping,
            Err(error) => return fail(format_args!("cannot listen to signals: {error}")),
        };
        descriptors::raise(config.web.connections_max);
        let gateway = match Gateway::start(config) {
            Ok(gateway) => gateway,
            Err(error) => return fail(format_args!("{error}")),
        };
        stopping.stops(gateway.stopper());
        match gateway.run().await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(format_args!("{error}")),
        }
    })
}

/// Looks at a persistence file.
fn store(command: &StoreCommand) -> ExitCode {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let (file, looked) = match command {
        StoreCommand::Check { file } => {
            let checked = persist::check(file).map(|report| {
                let _closed = writeln!(out, "{}: {report}", file.display());
            });
            (file, checked)
        }
        StoreCommand::Export { file } => {
            let exported = persist::export(file, &mut out);
            (file, exported.and_then(|exported| exported.damage.map_or(Ok(()), Err)))
        }
    };
    let flushed = out.flush();
    match looked {
        Ok(()) => flushed.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS),
        Err(error) => fail(format_args!("{}: {error}", file.display())),
    }
}

/// Looks at a file of settings.
fn check(command: &CheckCommand) -> ExitCode {
    let mut files = reload::Files::default();
    let (file, warnings) = match command {
        CheckCommand::Policy { file } => {
            (file, reload::load_policy(file, &mut files).map(|_| Vec::new()))
        }
        CheckCommand::WebConfig { file } => {
            (file, reload::load_web(file, &mut files).map(|web| web.config.warnings))
        }
    };
    match warnings {
        Ok(warnings) => {
            for warning in &warnings {
                let _closed = writeln!(std::io::stderr(), "shardgate: warning: {warning}");
            }
            let _closed = writeln!(std::io::stdout(), "{}: OK", file.display());
            ExitCode::SUCCESS
        }
        Err(error) => fail(format_args!("{error}")),
    }
}

/// Asks a gateway whether it is well.
fn healthcheck(flags: &HealthcheckFlags) -> ExitCode {
    let HealthcheckFlags { url, path, wait, user, password_file, ca } = flags;
    let asker = (user.as_deref(), password_file.as_deref());
    let gateway = match Endpoint::of_flag("--url", url, ca.as_deref(), asker) {
        Ok(gateway) => gateway,
        Err(error) => return fail(format_args!("{error}")),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(format_args!("cannot start the runtime: {error}")),
    };
    let mut connection = Connection::new(gateway.clone());
    let asked = async { tokio::time::timeout(*wait, connection.get(path)).await };
    let answer = runtime.block_on(asked);
    // A name that is still being looked up is not waited for.
    runtime.shutdown_background();
    match answer {
        Ok(Ok(answer)) if answer.status.is_success() => {
            print(format!("{gateway}{path}: {}\n", answer.status).as_bytes())
        }
        Ok(Ok(answer)) => fail(format_args!("{gateway}{path}: {}: {}", answer.status, answer.line)),
        Ok(Err(error)) => fail(format_args!("{gateway}{path}: {error}")),
        Err(_) => {
            let wait = humantime::format_duration(*wait);
            fail(format_args!("{gateway}{path}: no answer within {wait}"))
        }
    }
}

/// Whoever reads it may have read enough.
fn print(text: &[u8]) -> ExitCode {
    let _closed = std::io::stdout().write_all(text);
    ExitCode::SUCCESS
}

/// Copies groups from one gateway to another.
fn import(flags: &ImportFlags) -> ExitCode {
    let options = match import::Options::new(flags) {
        Ok(options) => options,
        Err(error) => return fail(format_args!("{error}")),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(format_args!("cannot start the runtime: {error}")),
    };
    let mut out = std::io::BufWriter::new(std::io::stdout());
    let (report, ended) = runtime.block_on(import::run(options, &mut out));
    runtime.shutdown_background(); // A source that says nothing may still be listened to.
    let _closed = write!(out, "{report}");
    let flushed = out.flush();
    match ended {
        Ok(()) if report.is_success() && flushed.is_ok() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => fail(format_args!("{error}")),
    }
}

/// Says on one line why the gateway does not start.
fn fail(reason: std::fmt::Arguments<'_>) -> ExitCode {
    log::last_words(&format!("shardgate: error: {reason}\n"));
    ExitCode::FAILURE
}
