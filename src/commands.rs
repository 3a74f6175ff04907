//! The commands of the program: from its arguments to its exit status.

mod complaint;
mod demo;

use std::env::ArgsOs;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use tokio::runtime::{Builder, Runtime};

use crate::client::{Connection, Endpoint};
use crate::config::{
    CheckCommand, Command, DemoFlags, Flags, GatewayFlags, HealthcheckFlags, ImportFlags,
    LogFormat, StoreCommand,
};
use crate::duration;
use crate::gateway::Gateway;
use crate::{cluster, descriptors, import, log, persist, reload, signals};

/// Runs the gateway or one of the other commands, as the arguments say; the first of them is the program's name.
pub fn run(arguments: ArgsOs) -> ExitCode {
    let words: Vec<OsString> = arguments.collect();
    let flags = match Flags::from_command_line(words.iter().cloned()) {
        Ok(flags) => flags,
        Err(asked) if !asked.use_stderr() => return print(asked.to_string().as_bytes()),
        Err(error) => return fail(&complaint::complaint(&error), asked_format(&words)),
    };
    // Commands talk to people.
    let format = flags.command().map_or(flags.log_format, |_| LogFormat::Logfmt);
    let done = match flags.command() {
        Some(Command::Store(command)) => store(command),
        Some(Command::Check(command)) => check(command),
        Some(Command::Healthcheck(flags)) => healthcheck(flags),
        Some(Command::Completions { shell }) => Ok(print(&Flags::completions(*shell))),
        Some(Command::Man) => Ok(print(&Flags::man())),
        Some(Command::Import(flags)) => import(flags),
        Some(Command::Demo(flags)) => demo(flags),
        None => serve(flags),
    };
    let status = done.unwrap_or_else(|error| fail(&error, format));
    log::flush();
    status
}

/// Runs the gateway until it is stopped.
fn serve(flags: Flags) -> Result<ExitCode, String> {
    // Signals are taken over first: a SIGHUP must not end the gateway while it starts.
    let runtime = runtime(Builder::new_multi_thread())?;
    let served = runtime.block_on(async {
        let stopping = signals::take_over();
        let stopping = stopping.map_err(|error| format!("cannot listen to signals: {error}"))?;
        let logging = log::init(flags.log_level, flags.log_format);
        logging.map_err(|error| format!("cannot start a thread: {error}"))?;
        for warning in &flags.warnings {
            tracing::warn!("{warning}");
        }
        let config = flags.into_config();
        let (version, shards) = (env!("CARGO_PKG_VERSION"), config.shards.get() as u64);
        tracing::info!(version, shards, "starting");
        descriptors::raise(config.web.connections_max);
        let gateway = Gateway::start(config).map_err(|error| error.to_string())?;
        stopping.stops(gateway.stopper());
        gateway.run().await.map_err(|error| error.to_string())?;
        Ok(ExitCode::SUCCESS)
    });
    // Everything is saved. Work for clients that have gone, such as an expensive password hash, is not waited for.
    runtime.shutdown_background();
    served
}

fn runtime(mut builder: Builder) -> Result<Runtime, String> {
    builder.enable_all().build().map_err(|error| format!("cannot start the runtime: {error}"))
}

/// Looks at a persistence file.
fn store(command: &StoreCommand) -> Result<ExitCode, String> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let (file, looked) = match command {
        StoreCommand::Check { file } => {
            let checked = persist::check(file).map(|report| {
                let _closed = writeln!(out, "{}: {report}", file.display());
            });
            (file, checked)
        }
        StoreCommand::Export(flags) => match &flags.file {
            Some(file) => {
                let exported = persist::export(file, &mut out);
                (file, exported.and_then(|exported| exported.damage.map_or(Ok(()), Err)))
            }
            None => {
                export_stream(&flags.cluster(), &mut out)?;
                return Ok(if out.flush().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
            }
        },
    };
    let flushed = out.flush();
    match looked {
        // The reader of the pipe has seen enough.
        Err(persist::StorageError::Unread) => return Ok(ExitCode::SUCCESS),
        looked => looked.map_err(|error| format!("{}: {error}", file.display()))?,
    }
    let is_lost = flushed.is_err_and(|error| error.kind() != io::ErrorKind::BrokenPipe);
    Ok(if is_lost { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Prints the groups of a replica set.
fn export_stream(options: &cluster::Options, out: &mut dyn Write) -> Result<(), String> {
    let runtime = runtime(Builder::new_multi_thread())?;
    let exported = runtime.block_on(cluster::export(options, out));
    runtime.shutdown_background();
    match exported {
        // The reader of the pipe has seen enough.
        Err(cluster::ExportError::Storage(persist::StorageError::Unread)) => Ok(()),
        exported => exported.map(drop).map_err(|error| error.to_string()),
    }
}

/// Looks at a file of settings.
fn check(command: &CheckCommand) -> Result<ExitCode, String> {
    let mut files = reload::Files::default();
    let (file, warnings) = match command {
        CheckCommand::Rules { file, explain } => {
            let rules = reload::load_rules(file, &mut files)?;
            if let Some(labels) = explain {
                return Ok(print(rules.explain(labels)?.as_bytes()));
            }
            (file, Vec::new())
        }
        CheckCommand::Policy { file } => {
            (file, reload::load_policy(file, &mut files).map(|_| Vec::new())?)
        }
        CheckCommand::WebConfig { file } => {
            (file, reload::load_web(file, &mut files)?.config.warnings)
        }
    };
    for warning in &warnings {
        let _closed = writeln!(io::stderr(), "shardgate: warning: {warning}");
    }
    Ok(print(format!("{}: OK\n", file.display()).as_bytes()))
}

/// Asks a gateway whether it is well.
fn healthcheck(flags: &HealthcheckFlags) -> Result<ExitCode, String> {
    let HealthcheckFlags { gateway, path, wait } = flags;
    let gateway = endpoint(gateway)?;
    let runtime = runtime(Builder::new_current_thread())?;
    let mut connection = Connection::new(gateway.clone());
    let asked = async { tokio::time::timeout(*wait, connection.get(path)).await };
    let answer = runtime.block_on(asked);
    // A name that is still being looked up is not waited for.
    runtime.shutdown_background();
    let said = match answer {
        Ok(Ok(answer)) if answer.status.is_success() => {
            return Ok(print(format!("{gateway}{path}: {}\n", answer.status).as_bytes()));
        }
        Ok(Ok(answer)) => format!("{}: {}", answer.status, answer.line),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {}", duration::shown(*wait)),
    };
    Err(format!("{gateway}{path}: {said}"))
}

fn endpoint(flags: &GatewayFlags) -> Result<Endpoint, String> {
    let GatewayFlags { url, user, password_file, ca } = flags;
    let asker = (user.as_deref(), password_file.as_deref());
    Endpoint::of_flag("--url", url, ca.as_deref(), asker)
}

/// Copies groups from one gateway to another.
fn import(flags: &ImportFlags) -> Result<ExitCode, String> {
    let options = import::Options::new(flags)?;
    let runtime = runtime(Builder::new_multi_thread())?;
    let mut out = io::BufWriter::new(io::stdout());
    let (report, ended) = runtime.block_on(import::run(options, &mut out, &mut io::stderr()));
    runtime.shutdown_background(); // A source that says nothing may still be listened to.
    let _closed = write!(out, "{report}");
    let flushed = out.flush();
    ended.map_err(|error| error.to_string())?;
    let is_success = report.is_success() && flushed.is_ok();
    Ok(if is_success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Pushes a fleet of made-up jobs to a gateway.
fn demo(flags: &DemoFlags) -> Result<ExitCode, String> {
    let gateway = endpoint(&flags.gateway)?;
    let runtime = runtime(Builder::new_current_thread())?;
    let pushed = runtime.block_on(demo::run(gateway, flags));
    runtime.shutdown_background();
    Ok(print(pushed?.as_bytes()))
}

/// Prints a text. A reader that closes the pipe has read enough.
fn print(text: &[u8]) -> ExitCode {
    let _closed = io::stdout().write_all(text);
    ExitCode::SUCCESS
}

/// Says what has failed.
fn fail(reason: &str, format: LogFormat) -> ExitCode {
    log::last_words(reason, format);
    ExitCode::FAILURE
}

/// The format of the log that a command line asks for which cannot be read as a whole.
fn asked_format(words: &[OsString]) -> LogFormat {
    let word = |at: usize| words.get(at).and_then(|word| word.to_str());
    let is_json = (0..words.len()).any(|at| {
        word(at) == Some("--log.format=json")
            || (word(at) == Some("--log.format") && word(at + 1) == Some("json"))
    });
    let is_set = || std::env::var(Flags::variable("log.format")).is_ok_and(|set| set == "json");
    if is_json || is_set() { LogFormat::Json } else { LogFormat::Logfmt }
}
