//! The web configuration file: the format that Prometheus' exporter-toolkit has given all its servers.

use std::collections::BTreeMap;
use std::time::Duration;

/// What `--web.config.file` says, checked.
#[derive(Debug, Clone, Default)]
pub struct WebConfig {
    /// How to speak TLS; plain HTTP without.
    pub tls: Option<TlsConfig>,
    /// Whether HTTP/2 is offered, over TLS.
    pub http2: bool,
    /// Headers of every answer, by their names.
    pub headers: BTreeMap<String, String>,
    /// The bcrypt hashes of users' passwords, by their names; everybody may come in when there are none.
    pub users: BTreeMap<String, String>,
    /// How fast requests may come, all clients together.
    pub rate_limit: Option<RateLimit>,
}

/// A token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// The time in which one request is earned.
    pub interval: Duration,
    /// How many may be saved up.
    pub burst: u32,
}

/// How TLS is spoken.
#[derive(Debug, Clone, Default)]
pub struct TlsConfig {}
