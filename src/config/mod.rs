//! The command line, made into a [`Config`] that needs no further checks.
//!
//! `flags` has one field for each flag of `--help`. The rest of the gateway reads [`Config`].
//! Nothing here opens a socket. The only file that is read here is that of the secret of a replica set.

mod address;
mod flags;
mod prefix;
mod query_url;
mod secret;
mod user_name;
pub mod web;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::cluster;
use crate::exposition::NameRules;
use crate::memory::Memory;
use crate::persist;

pub use address::Address;
pub use flags::{
    CheckCommand, Command, DemoFlags, ExportFlags, Flags, GatewayFlags, HealthcheckFlags,
    ImportFlags, LogFormat, LogLevel, StoreCommand,
};
pub use query_url::QueryUrl;
pub use secret::Secret;
pub use user_name::UserName;

/// A valid configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// How HTTP is served.
    pub web: WebSettings,
    /// What may be pushed and stored.
    pub bounds: Bounds,
    /// The rules for groups.
    pub rules: RulesSettings,
    /// Whether pushes are answered before they are checked.
    pub answer_unchecked: bool,
    /// Which names pushes may use.
    pub name_rules: NameRules,
    /// How groups are kept on disk; `None` when they are not.
    pub persistence: Option<persist::Options>,
    /// The replica set that this gateway is part of; `None` when it stands alone.
    pub cluster: Option<cluster::Options>,
    /// The file with the authorities that have signed the certificates of the other replicas.
    pub replica_ca: Option<PathBuf>,
    /// How many shards.
    pub shards: NonZeroUsize,
    /// Every flag with its value, as the status page and the query API show them.
    pub flags: Vec<(&'static str, String)>,
}

/// How HTTP is served.
#[derive(Debug, Clone)]
pub struct WebSettings {
    /// Where to listen; at least one.
    pub listen: Vec<Address>,
    /// Whether systemd hands over the sockets instead.
    pub systemd_socket: bool,
    /// The exporter-toolkit's file.
    pub config_file: Option<PathBuf>,
    /// The file of rights and quotas.
    pub policy_file: Option<PathBuf>,
    /// The path of the scrape, beginning with a slash.
    pub telemetry_path: String,
    /// `--web.external-url` as it was given; empty for nothing.
    pub external_url: String,
    /// What paths begin with as seen from outside, without a slash at its end; empty for nothing.
    pub external_prefix: String,
    /// What the paths of requests begin with, likewise.
    pub route_prefix: String,
    /// The gateways that Prometheus is told to scrape, each `HOST:PORT`; empty for this one.
    pub sd_targets: Vec<String>,
    /// Whether `/-/quit` works.
    pub enable_lifecycle: bool,
    /// Whether the endpoints that administer work.
    pub enable_admin_api: bool,
    /// The origins whose pages may push, each `SCHEME://HOST[:PORT]` in small letters, or `*`; none for no pages.
    pub push_origins: Vec<String>,
    /// Whether OpenMetrics is served.
    pub enable_open_metrics: bool,
    /// How many scrapes may be served at a time.
    pub scrapes_max: usize,
    /// How many connections may be served at a time.
    pub connections_max: usize,
    /// How long the head of a request may take to arrive.
    pub header_wait: Duration,
    /// How long its body may take.
    pub body_wait: Duration,
    /// How long a connection may be idle.
    pub idle_wait: Duration,
    /// How many rejected requests are kept to be shown.
    pub rejections_kept: usize,
    /// What the pages link to for a query; `None` for nothing.
    pub query_url: Option<QueryUrl>,
}

/// The rules for groups.
#[derive(Debug, Clone)]
pub struct RulesSettings {
    /// The file of rules; `None` without.
    pub file: Option<PathBuf>,
    /// How many jobs the ledger may have.
    pub jobs_max: usize,
}

/// What may be pushed and stored.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// How large a push may be, before and after decompression, in bytes.
    pub body_bytes_max: usize,
    /// How many bytes of bodies may be in memory at a time.
    pub in_flight_bytes_max: usize,
    /// How large the samples of one push may be once rendered, in bytes.
    pub rendered_bytes_max: usize,
    /// How many labels a sample may have.
    pub labels_max: usize,
    /// How long the name or the value of a label may be, in bytes.
    pub label_bytes_max: usize,
    /// How many series may be stored, if there is a bound.
    pub series_max: Option<u64>,
    /// How many bytes may be stored, as they count, if there is a bound.
    pub stored_bytes_max: Option<u64>,
    /// How many of them one group may count for.
    pub group_bytes_max: u64,
    /// The memory of which the bound is a share, where no flag says what it is.
    pub memory: Option<Memory>,
}
