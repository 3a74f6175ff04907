//! The command line, made into a [`Config`] that needs no further checks.
//!
//! `flags` is what `--help` shows, one field a flag; this is what the rest of the gateway reads.
//! Nothing here opens a socket or a file.

mod address;
mod duration;
mod flags;
pub mod web;

use std::num::NonZeroUsize;

use crate::exposition::NameRules;
use crate::persist;

pub use address::Address;
pub use flags::{Command, Flags, LogFormat, LogLevel, StoreCommand};

/// A valid configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; at least one.
    pub listen: Vec<Address>,
    /// The path of the scrape, beginning with a slash.
    pub telemetry_path: String,
    /// Whether `/-/quit` works.
    pub enable_lifecycle: bool,
    /// Whether `/api/v1/admin/wipe` works.
    pub enable_admin_api: bool,
    /// Whether OpenMetrics is served.
    pub enable_open_metrics: bool,
    /// How many scrapes may be served at a time.
    pub scrapes_max: usize,
    /// How large a push may be, before and after decompression, in bytes.
    pub push_body_bytes_max: usize,
    /// Whether pushes are answered before they are checked.
    pub answer_unchecked: bool,
    /// Which names pushes may use.
    pub name_rules: NameRules,
    /// How groups are kept on disk; `None` when they are not.
    pub persistence: Option<persist::Options>,
    /// How many shards.
    pub shards: NonZeroUsize,
    /// Every flag with its value, as the status page and the query API show them.
    pub flags: Vec<(&'static str, String)>,
}
