//! The command line.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand};

use super::values::{count, duration, moments, promise, rate, span, user};
use crate::crash::Promise;
use crate::profile::{BasicAuth, Count, Rate, Span};
use crate::spawn::Recipe;

/// Measures any gateway that speaks the Pushgateway's protocol.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run one profile against one target.
    Run(RunArgs),
    /// Measure several targets side by side, in interleaved rounds.
    Compare(CompareArgs),
    /// Start the gateway at several numbers of shards and compare them.
    Sweep(SweepArgs),
    /// Kill a gateway that persists, under load, and check what its acknowledgements were worth.
    ///
    /// Each round starts the gateway, pushes and deletes over connections that are kept, kills it with
    /// SIGKILL at a random moment, starts it again and compares its scrape with what was answered
    /// before. Every group must show one state that it had, none older than the promise allows.
    /// Requests without an answer, or answered 5xx, count either way. Exits with an error if the
    /// promise was broken.
    Crash(CrashArgs),
    /// Serve the bare ceiling: a hyper server that reads the body and answers 200.
    Sink(SinkArgs),
}

/// The workload: a profile, and what of it to change.
#[derive(Debug, ClapArgs)]
pub(crate) struct WorkloadArgs {
    /// The profile to run; a name alone stands for a bundled profile.
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: PathBuf,
    /// Connections, instead of the profile's.
    #[arg(long, value_parser = count)]
    pub(crate) connections: Option<Count>,
    /// Groups, instead of the profile's.
    #[arg(long, value_parser = count)]
    pub(crate) groups: Option<Count>,
    /// Time before the measurement, instead of the profile's.
    #[arg(long, value_parser = duration)]
    pub(crate) warmup: Option<Span>,
    /// One connection per push (false) or many pushes per connection, instead of the profile's.
    #[arg(long, value_name = "BOOL")]
    pub(crate) keep_alive: Option<bool>,
    /// Push every group once before the measurement, instead of what the profile says.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) prefill: Option<bool>,
    /// Open loop: pushes a second at random (Poisson) times, instead of the profile's arrivals.
    #[arg(long, value_name = "PER_SECOND", value_parser = rate)]
    pub(crate) rate: Option<Rate>,
    /// Who asks, instead of the profile's basic authentication: for pushes, scrapes and what is read to
    /// verify.
    #[arg(long, value_name = "NAME:PASSWORD", value_parser = user)]
    pub(crate) user: Option<BasicAuth>,
    /// The authority that signs the certificates of https targets, as PEM, instead of the profile's.
    /// Targets that are started for a comparison then speak https.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Worker threads; the number of CPUs by default.
    #[arg(long, value_parser = count)]
    pub(crate) workers: Option<Count>,
    /// Aim at a host that is not this machine: only at one that is yours.
    #[arg(long)]
    pub(crate) i_own_this_target: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) workload: WorkloadArgs,
    /// The gateway's URL, such as <http://127.0.0.1:9091>.
    #[arg(long, value_name = "URL")]
    pub(crate) target: String,
    /// The gateway's process; found through its port when on this machine.
    #[arg(long, value_name = "PID")]
    pub(crate) target_pid: Option<u32>,
    /// Length of the measurement, instead of the profile's.
    #[arg(long, value_parser = duration)]
    pub(crate) duration: Option<Span>,
    /// Give every push a value of its own and check afterwards that none was lost. Exits with an
    /// error if one was.
    #[arg(long)]
    pub(crate) verify: bool,
    /// A gateway behind the target to read with --verify, instead of the target; repeatable: name all of
    /// them. A group that more than one shows is a finding.
    #[arg(long = "scrape", value_name = "URL", requires = "verify")]
    pub(crate) scrapes: Vec<String>,
    /// Print JSON instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How several targets are visited.
#[derive(Debug, ClapArgs)]
pub(crate) struct RoundsArgs {
    /// Rounds; each visits every target once.
    #[arg(long, default_value = "5", value_parser = count)]
    pub(crate) rounds: Count,
    /// Length of each visit, after the profile's warm-up.
    #[arg(long, default_value = "4s", value_parser = span)]
    pub(crate) round_seconds: Span,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SweepArgs {
    #[command(flatten)]
    pub(crate) workload: WorkloadArgs,
    /// The numbers of shards, such as 1,2,4,8; ratios refer to the first.
    #[arg(long, value_delimiter = ',', required = true, value_parser = count)]
    pub(crate) shards: Vec<Count>,
    /// The gateway to start; by default the shardgate beside this program.
    #[arg(long, value_name = "FILE")]
    pub(crate) binary: Option<PathBuf>,
    /// Further flags for the gateway, such as --gateway-flag=--persistence.file=/tmp/x; repeatable.
    #[arg(long = "gateway-flag", value_name = "FLAG", allow_hyphen_values = true)]
    pub(crate) gateway_flags: Vec<String>,
    #[command(flatten)]
    pub(crate) rounds: RoundsArgs,
    /// Print JSON instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CompareArgs {
    #[command(flatten)]
    pub(crate) workload: WorkloadArgs,
    /// A running target, as URL or name=URL; repeatable.
    #[arg(long = "target", value_name = "[NAME=]URL")]
    pub(crate) targets: Vec<String>,
    /// A target to start and stop: its command, in which {port} stands for the port; repeatable.
    #[arg(long, value_name = "[NAME=]COMMAND", value_parser = Recipe::parse)]
    pub(crate) spawn: Vec<Recipe>,
    /// Also measure the bare ceiling, started by the tester.
    #[arg(long)]
    pub(crate) sink: bool,
    #[command(flatten)]
    pub(crate) sink_tls: SinkTlsArgs,
    /// Give half of the processors to the targets that are started here, and half to the tester.
    #[arg(long)]
    pub(crate) pin: bool,
    /// The target that ratios refer to; by default the first: of --target, --sink, then --spawn.
    #[arg(long, value_name = "NAME")]
    pub(crate) baseline: Option<String>,
    #[command(flatten)]
    pub(crate) rounds: RoundsArgs,
    /// Print JSON instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CrashArgs {
    /// The profile of which to take connections, groups (at most 4000) and bodies, instead of one that
    /// is built in; a name alone stands for a bundled profile.
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,
    /// Rounds; each ends with a kill and a check.
    #[arg(long, default_value = "8", value_parser = count)]
    pub(crate) rounds: Count,
    /// The seed of what is pushed and when the gateway is killed, instead of the profile's.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Connections, instead of the profile's.
    #[arg(long, value_parser = count)]
    pub(crate) connections: Option<Count>,
    /// Groups, instead of the profile's.
    #[arg(long, value_parser = count)]
    pub(crate) groups: Option<Count>,
    /// The gateway is killed at a random moment within these bounds after the load began.
    #[arg(long, value_name = "MIN..MAX", default_value = "300ms..2s", value_parser = moments)]
    pub(crate) round_time: Range<Duration>,
    /// What the gateway promises: that what it has acknowledged survives at once (push), or once it
    /// is that long ago (interval:DURATION).
    #[arg(long, value_name = "PROMISE", default_value = "interval:1s", value_parser = promise)]
    pub(crate) promise: Promise,
    /// Print JSON instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
    /// The gateway to start and kill, in which {port} stands for the port. It must be the gateway
    /// itself, no script around it, and name a file to persist to that is not there yet.
    #[arg(last = true, required = true, num_args = 1.., value_name = "[NAME=]COMMAND")]
    pub(crate) command: Vec<String>,
}

/// What makes the sink of a comparison speak TLS as the others do.
#[derive(Debug, ClapArgs)]
pub(crate) struct SinkTlsArgs {
    /// The certificate with which the sink speaks https, as PEM.
    #[arg(long, value_name = "FILE", requires_all = ["sink", "sink_key"])]
    pub(crate) sink_cert: Option<PathBuf>,
    /// The key of --sink-cert.
    #[arg(long, value_name = "FILE", requires = "sink_cert")]
    pub(crate) sink_key: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SinkArgs {
    /// The port on 127.0.0.1; 0 takes a free one and prints it.
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// The certificate with which to speak https, as PEM.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The key of --tls-cert.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
}
