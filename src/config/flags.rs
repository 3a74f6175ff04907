//! The flags, one to one with `--help`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Parser, Subcommand, ValueEnum};

use super::{Address, Config, duration};
use crate::exposition::NameRules;
use crate::persist;

/// More shards than this only cost memory and longer scrapes.
const SHARDS_MAX: usize = 1024;
/// Each may hold on to a state of the gateway that is gone.
const SCRAPES_MAX: usize = 1024;
/// More often than this no disk answers;
const INTERVAL_MIN: Duration = Duration::from_millis(10);
/// and who wants to lose a day need not write anything.
const INTERVAL_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Offsets into a push are 32 bits wide.
const BODY_BYTES_MAX: usize = 1 << 30;

/// A drop-in replacement for the Prometheus Pushgateway, built for heavy push volumes.
#[derive(Debug, Parser)]
#[command(name = "shardgate", version = concat!(env!("CARGO_PKG_VERSION"), " (Pushgateway compatible)"))]
#[command(disable_help_flag = true, disable_version_flag = true, disable_help_subcommand = true)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Flags {
    #[command(subcommand)]
    command: Option<Command>,

    /// Address to listen on, as HOST:PORT, or :PORT for all of IPv4 and IPv6. Repeatable.
    #[arg(long = "web.listen-address", value_name = "ADDRESS", default_value = ":9091")]
    listen: Vec<Address>,

    /// Path under which to expose metrics. Pushes go to /metrics whatever this says.
    #[arg(long = "web.telemetry-path", value_name = "PATH", default_value = "/metrics")]
    telemetry_path: String,

    /// Enable shutdown via HTTP request, PUT or POST to /-/quit.
    #[arg(long = "web.enable-lifecycle", overrides_with = "no_lifecycle")]
    lifecycle: bool,
    #[arg(long = "no-web.enable-lifecycle", hide = true)]
    no_lifecycle: bool,

    /// Enable the API endpoints that administer, such as PUT /api/v1/admin/wipe.
    #[arg(long = "web.enable-admin-api", overrides_with = "no_admin_api")]
    admin_api: bool,
    #[arg(long = "no-web.enable-admin-api", hide = true)]
    no_admin_api: bool,

    /// Answer in OpenMetrics where it is asked for. Counters are named with _total there, whatever
    /// they were pushed as.
    #[arg(long = "web.enable-openmetrics", overrides_with = "no_open_metrics")]
    open_metrics: bool,
    #[arg(long = "no-web.enable-openmetrics", hide = true)]
    no_open_metrics: bool,

    /// Most scrapes served at a time.
    #[arg(long = "web.max-scrapes", value_name = "N", default_value = "16", value_parser = scrapes)]
    scrapes_max: usize,

    /// Most bytes in a push, before and after decompression.
    #[arg(long = "push.max-body-bytes", value_name = "BYTES", default_value = "67108864", value_parser = body_bytes)]
    body_bytes_max: usize,

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
    #[arg(long = "persistence.interval", value_name = "DURATION", default_value = "1s", value_parser = interval)]
    persistence_interval: Duration,

    /// What an answer means: on disk within the interval, or on disk.
    #[arg(long = "persistence.sync", value_name = "WHEN", default_value = "interval")]
    persistence_sync: PersistenceSync,

    /// Number of shards, each owning a part of the groups. [default: the number of CPUs]
    #[arg(long = "shards", value_name = "N", value_parser = shards)]
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

    /// Show this help and exit.
    #[arg(short = 'h', long = "help", action = ArgAction::HelpLong)]
    help: (),
}

/// What to do other than to serve.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Look at a persistence file that no gateway is using.
    #[command(subcommand, disable_help_subcommand = true)]
    Store(StoreCommand),
}

/// What to do with a persistence file. It is never written to.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Say whether it is whole, and what is wrong if it is not.
    Check {
        /// The file.
        file: PathBuf,
    },
    /// Print its groups, each as an exposition behind the path it was pushed to. Of a damaged file, all that
    /// can be read.
    Export {
        /// The file.
        file: PathBuf,
    },
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
    Warn,
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
    /// When a flag is unknown, or its value is not one.
    pub fn from_command_line(
        words: impl IntoIterator<Item = std::ffi::OsString>,
    ) -> Result<Flags, clap::Error> {
        Flags::try_parse_from(words)
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
        let listen = self.listen.iter().map(Address::to_string).collect::<Vec<_>>().join(",");
        let name = |value: Option<clap::builder::PossibleValue>| {
            value.map(|value| value.get_name().to_owned()).unwrap_or_default()
        };
        let telemetry_path = format!("/{}", self.telemetry_path.trim_start_matches('/'));
        let persistence = self.persistence();
        let flags = vec![
            ("log.format", name(self.log_format.to_possible_value())),
            ("log.level", name(self.log_level.to_possible_value())),
            ("persistence.file", self.persistence_file.clone()),
            (
                "persistence.interval",
                humantime::format_duration(self.persistence_interval).to_string(),
            ),
            ("persistence.sync", name(self.persistence_sync.to_possible_value())),
            ("push.disable-consistency-check", self.unchecked.to_string()),
            ("push.enable-utf8-names", self.utf8_names.to_string()),
            ("push.max-body-bytes", self.body_bytes_max.to_string()),
            ("shards", shards.to_string()),
            ("web.enable-admin-api", self.admin_api.to_string()),
            ("web.enable-lifecycle", self.lifecycle.to_string()),
            ("web.enable-openmetrics", self.open_metrics.to_string()),
            ("web.listen-address", listen),
            ("web.max-scrapes", self.scrapes_max.to_string()),
            ("web.telemetry-path", telemetry_path.clone()),
        ];
        Config {
            listen: self.listen,
            telemetry_path,
            enable_lifecycle: self.lifecycle,
            enable_admin_api: self.admin_api,
            enable_open_metrics: self.open_metrics,
            scrapes_max: self.scrapes_max,
            push_body_bytes_max: self.body_bytes_max,
            answer_unchecked: self.unchecked,
            name_rules: if self.utf8_names { NameRules::Utf8 } else { NameRules::Legacy },
            persistence,
            shards,
            flags,
        }
    }
}

fn shards(text: &str) -> Result<NonZeroUsize, String> {
    let number = text.parse().ok().filter(|number| (1..=SHARDS_MAX).contains(number));
    number
        .and_then(NonZeroUsize::new)
        .ok_or_else(|| format!("expected a number of shards from 1 to {SHARDS_MAX}"))
}

fn scrapes(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=SCRAPES_MAX).contains(number));
    number.ok_or_else(|| format!("expected a number of scrapes from 1 to {SCRAPES_MAX}"))
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval =
        duration::parse(text).filter(|interval| (INTERVAL_MIN..=INTERVAL_MAX).contains(interval));
    interval
        .ok_or_else(|| "expected a duration such as 1s, 1.5s or 5m, from 10ms to 24h".to_owned())
}

fn body_bytes(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=BODY_BYTES_MAX).contains(number));
    number.ok_or_else(|| format!("expected a number of bytes from 1 to {BODY_BYTES_MAX}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(words: &[&str]) -> Result<Config, String> {
        let words = std::iter::once("shardgate").chain(words.iter().copied()).map(Into::into);
        Flags::from_command_line(words).map(Flags::into_config).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_is_needed() {
        let config = config(&[]).expect("no flag is required");
        assert_eq!(config.listen[0].to_string(), ":9091");
        assert_eq!(config.telemetry_path, "/metrics");
        assert!(!config.enable_lifecycle && !config.enable_admin_api && !config.answer_unchecked);
        assert_eq!(config.name_rules, NameRules::Legacy);
    }

    #[test]
    fn booleans_can_be_switched_back_off() {
        let flags = ["--web.enable-lifecycle", "--no-web.enable-lifecycle"];
        assert!(config(&flags).is_ok_and(|config| !config.enable_lifecycle));
        let flags = ["--no-web.enable-admin-api", "--web.enable-admin-api"];
        assert!(config(&flags).is_ok_and(|config| config.enable_admin_api));
        let flags = ["--no-push.enable-utf8-names", "--push.enable-utf8-names"];
        assert!(config(&flags).is_ok_and(|config| config.name_rules == NameRules::Utf8));
        assert!(config(&["--web.enable-lifecycle"]).is_ok_and(|config| config.enable_lifecycle));
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
        let listen = config(&flags).expect("both are addresses").listen;
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
