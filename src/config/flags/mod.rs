//! The flags, one field for each flag of `--help`.

mod bounds;
mod cluster;
mod command;
mod demo;
mod export;
mod gateway;
mod healthcheck;
mod import;
mod manual;
mod older;
mod rules;
mod value;
mod web;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{ArgAction, FromArgMatches, Parser, Subcommand, ValueEnum};

use super::Config;
use crate::duration;
use crate::exposition::NameRules;
use crate::persist;
use bounds::BoundFlags;
use cluster::ClusterFlags;
pub use demo::DemoFlags;
pub use export::ExportFlags;
pub use gateway::GatewayFlags;
pub use healthcheck::HealthcheckFlags;
pub use import::ImportFlags;
use rules::RulesFlags;
use web::WebFlags;

/// A drop-in replacement for the Prometheus Pushgateway, built for heavy push volumes.
#[derive(Debug, Parser)]
#[command(name = "shardgate", version = concat!(env!("CARGO_PKG_VERSION"), " (Pushgateway compatible)"))]
#[command(disable_help_flag = true, disable_version_flag = true, disable_help_subcommand = true)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Flags {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    web: WebFlags,

    #[command(flatten)]
    bounds: BoundFlags,

    #[command(flatten)]
    rules: RulesFlags,

    #[command(flatten)]
    cluster: ClusterFlags,

    /// Answer pushes with 202 before they are checked. An inconsistent one is still dropped, counted
    /// and logged.
    #[arg(long = "push.disable-consistency-check", overrides_with = "no_unchecked")]
    unchecked: bool,
    #[arg(long = "no-push.disable-consistency-check", hide = true)]
    no_unchecked: bool,

    /// Allow any UTF-8 in metric and label names, quoted in the text format: {"a.b","c d"="e"} 1.
    #[arg(long = "push.enable-utf8-names", overrides_with = "no_utf8_names")]
    utf8_names: bool,
    #[arg(long = "no-push.enable-utf8-names", hide = true)]
    no_utf8_names: bool,

    /// File to keep the groups in, so that they outlast a restart. Without it nothing is written.
    #[arg(
        long = "persistence.file",
        value_name = "FILE",
        default_value = "",
        hide_default_value = true
    )]
    persistence_file: String,

    /// Within which time what was answered is on disk, as a Go duration.
    #[arg(long = "persistence.interval", value_name = "DURATION", default_value = "1s", value_parser = value::interval)]
    persistence_interval: Duration,

    /// What an answer means: on disk within the interval, or on disk.
    #[arg(long = "persistence.sync", value_name = "WHEN", default_value = "interval")]
    persistence_sync: PersistenceSync,

    /// Number of shards, each owning a part of the groups. [default: the number of CPUs]
    #[arg(long = "shards", value_name = "N", value_parser = value::shards)]
    shards: Option<NonZeroUsize>,

    /// Least severe messages to log.
    #[arg(long = "log.level", value_name = "LEVEL", default_value = "info")]
    pub log_level: LogLevel,

    /// Format of log messages.
    #[arg(long = "log.format", value_name = "FORMAT", default_value = "logfmt")]
    pub log_format: LogFormat,

    /// Show the version and exit.
    #[arg(long = "version", action = ArgAction::Version)]
    version: (),

    /// Show this help and exit; -h shows a screen of it.
    #[arg(short = 'h', long = "help", action = ArgAction::Help, global = true)]
    help: (),

    /// What is odd about the command line, and still understood.
    #[arg(skip)]
    pub warnings: Vec<String>,
}

/// What to do other than to serve.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Look at a persistence file that no gateway is using.
    #[command(subcommand, disable_help_subcommand = true)]
    Store(StoreCommand),
    /// Look at a file of settings as a start would.
    #[command(subcommand, disable_help_subcommand = true)]
    Check(CheckCommand),
    /// Ask a gateway whether it is ready.
    ///
    /// Ends with status 0 if it is, and else with 1 and one line that says why not.
    Healthcheck(HealthcheckFlags),
    /// Print a script that completes the command line: source <(shardgate completions bash).
    Completions {
        /// The shell that reads the script.
        shell: clap_complete::Shell,
    },
    /// Print the page of the manual, as roff.
    Man,
    /// Copy groups, with the times of their pushes, from one gateway to another.
    Import(ImportFlags),
    /// Push a small fleet of made-up jobs to a gateway, so that every page shows something.
    Demo(DemoFlags),
}

/// Which file to look at.
#[derive(Debug, Subcommand)]
pub enum CheckCommand {
    /// Say whether a gateway would start with a file as --auth.policy-file.
    Policy {
        /// The policy.
        file: PathBuf,
    },
    /// Say whether a gateway would start with a file as --rules.file.
    Rules {
        /// The rules.
        file: PathBuf,
        /// Also say what applies to the group of these labels, and which rules say so: '{job="x"}'.
        #[arg(long, value_name = "LABELS")]
        explain: Option<String>,
    },
    /// Say whether a gateway would start with a file as --web.config.file. The files that it names are read too.
    WebConfig {
        /// The web configuration.
        file: PathBuf,
    },
}

/// What to do with a persistence file. It is never written to.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Say whether a persistence file is undamaged, and what is wrong if it is not.
    Check {
        /// The persistence file.
        file: PathBuf,
    },
    /// Print the groups of a persistence file, each as an exposition behind the path it was pushed to.
    ///
    /// Of a damaged file, all that can be read. With --cluster.nats, the groups of a replica set.
    Export(ExportFlags),
}

/// When an answer is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PersistenceSync {
    /// Once it is applied; it is on disk within --persistence.interval.
    Interval,
    /// Once it is on disk.
    Push,
}

/// How severe a message must be to be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Debug,
    Info,
    #[value(alias = "warning")]
    Warn,
    #[value(aliases = ["fatal", "panic"])]
    Error,
}

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// `key=value` pairs.
    Logfmt,
    /// One JSON object a line.
    Json,
}

impl Flags {
    /// Reads the command line. What `--help` and `--version` print comes back as an error of their
    /// own kind.
    ///
    /// # Errors
    /// When a flag is unknown, or its value is not one, or does not go with that of another.
    pub fn from_command_line(
        words: impl IntoIterator<Item = std::ffi::OsString>,
    ) -> Result<Flags, clap::Error> {
        let (words, mut warnings) = older::adapt(words);
        let wants_short = words.iter().any(|word| word == "-h");
        let command = if wants_short { command::short() } else { command::whole() };
        let mut command = command::without_switched_off(command, &words);
        warnings.extend(command::unknown_variables(
            &command,
            std::env::vars_os().map(|(name, _)| name),
        ));
        let matches = command.try_get_matches_from_mut(words)?;
        let flags =
            Flags::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
        let has_file = !flags.persistence_file.is_empty();
        match flags.bounds.check().and_then(|()| flags.cluster.check(has_file)) {
            Ok(()) => Ok(Flags { warnings, ..flags }),
            Err(reason) => Err(command.error(ErrorKind::ValueValidation, reason)),
        }
    }

    /// The variable that sets the flag of this name, which is without its dashes.
    pub fn variable(long: &str) -> String {
        command::variable(long)
    }

    /// What to do other than to serve, if anything.
    pub fn command(&self) -> Option<&Command> {
        self.command.as_ref()
    }

    fn persistence(&self) -> Option<persist::Options> {
        let file = PathBuf::from(&self.persistence_file);
        let promise = match self.persistence_sync {
            PersistenceSync::Interval => persist::Promise::Interval,
            PersistenceSync::Push => persist::Promise::Push,
        };
        let is_wanted = !file.as_os_str().is_empty();
        is_wanted.then_some(persist::Options { file, promise, interval: self.persistence_interval })
    }

    /// Fills in what depends on the machine.
    pub fn into_config(self) -> Config {
        let cpus = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let shards = self.shards.unwrap_or(cpus);
        let name = |value: Option<clap::builder::PossibleValue>| {
            value.map(|value| value.get_name().to_owned()).unwrap_or_default()
        };
        let persistence = self.persistence();
        let mut flags = vec![
            ("log.format", name(self.log_format.to_possible_value())),
            ("log.level", name(self.log_level.to_possible_value())),
            ("persistence.file", self.persistence_file.clone()),
            ("persistence.interval", duration::shown(self.persistence_interval)),
            ("persistence.sync", name(self.persistence_sync.to_possible_value())),
            ("push.disable-consistency-check", self.unchecked.to_string()),
            ("push.enable-utf8-names", self.utf8_names.to_string()),
            ("shards", shards.to_string()),
        ];
        let (web_flags, web) = self.web.into_settings();
        let (bound_flags, bounds) = self.bounds.into_bounds();
        let (rules_flags, rules) = self.rules.into_settings();
        let (cluster_flags, cluster, replica_ca) = self.cluster.into_settings();
        flags.extend(web_flags.into_iter().chain(bound_flags).chain(rules_flags));
        flags.extend(cluster_flags);
        flags.sort_unstable();
        Config {
            web,
            bounds,
            rules,
            answer_unchecked: self.unchecked,
            name_rules: if self.utf8_names { NameRules::Utf8 } else { NameRules::Legacy },
            persistence,
            cluster,
            replica_ca,
            shards,
            flags,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Address;

    fn config(words: &[&str]) -> Result<Config, String> {
        let words = std::iter::once("shardgate").chain(words.iter().copied()).map(Into::into);
        Flags::from_command_line(words).map(Flags::into_config).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_is_needed() {
        let config = config(&[]).expect("no flag is required");
        assert_eq!(config.web.listen[0].to_string(), ":9091");
        assert_eq!(config.web.telemetry_path, "/metrics");
        assert!(
            !config.web.enable_lifecycle
                && !config.web.enable_admin_api
                && !config.answer_unchecked
        );
        assert_eq!(config.name_rules, NameRules::Legacy);
    }

    #[test]
    fn booleans_can_be_switched_back_off() {
        let flags = ["--web.enable-lifecycle", "--no-web.enable-lifecycle"];
        assert!(config(&flags).is_ok_and(|config| !config.web.enable_lifecycle));
        let flags = ["--no-web.enable-admin-api", "--web.enable-admin-api"];
        assert!(config(&flags).is_ok_and(|config| config.web.enable_admin_api));
        let flags = ["--no-push.enable-utf8-names", "--push.enable-utf8-names"];
        assert!(config(&flags).is_ok_and(|config| config.name_rules == NameRules::Utf8));
        assert!(
            config(&["--web.enable-lifecycle"]).is_ok_and(|config| config.web.enable_lifecycle)
        );
    }

    #[test]
    fn nothing_is_kept_without_a_file() {
        assert!(
            config(&["--persistence.sync=push"]).is_ok_and(|config| config.persistence.is_none())
        );
        assert!(config(&["--persistence.file="]).is_ok_and(|config| config.persistence.is_none()));
        let options = config(&["--persistence.file=/x", "--persistence.interval=5m"]);
        let options = options.expect("they are valid").persistence.expect("there is a file");
        assert_eq!(
            (options.promise, options.interval.as_secs()),
            (persist::Promise::Interval, 300)
        );
    }

    #[test]
    fn every_listen_address_counts() {
        let flags = ["--web.listen-address=:1", "--web.listen-address", "localhost:2"];
        let listen = config(&flags).expect("both are addresses").web.listen;
        assert_eq!(
            listen.iter().map(Address::to_string).collect::<Vec<_>>(),
            [":1", "localhost:2"]
        );
    }

    #[test]
    fn absurd_values_name_their_flag() {
        for flag in [
            "--shards=0",
            "--shards=many",
            "--shards=1025",
            "--push.max-body-bytes=0",
            "--web.max-scrapes=0",
            "--web.rejections-kept=10001",
            "--web.query-url=http://prometheus:9090/graph",
            "--web.sd-target=:9091",
            "--web.sd-target=gateway-1",
            "--web.sd-target=gateway-1:0",
            "--web.sd-target=http://gateway-1:9091",
            "--web.sd-target=gateway-1/metrics:9091",
            "--persistence.interval=1",
            "--persistence.interval=1ms",
            "--persistence.interval=25h",
            "--persistence.sync=always",
            "--log.level=loud",
        ] {
            let error = config(&[flag]).expect_err(flag);
            let name = flag.split('=').next().expect("it has a name");
            assert!(error.contains(name), "{error}");
        }
    }
}
