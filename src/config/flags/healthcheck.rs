//! Flags of `healthcheck`.

use std::time::Duration;

use clap::Args;

use super::value;
use crate::config::GatewayUrl;

/// Which gateway is asked what.
#[derive(Debug, Args)]
pub struct Healthcheck {
    /// The gateway: http://HOST:PORT with its prefix, if it has one, or unix:///PATH.
    #[arg(long = "url", value_name = "URL", default_value = "http://127.0.0.1:9091")]
    pub url: GatewayUrl,

    /// What it is asked: /-/ready, or /-/healthy, which load and a disk that fails do not change.
    #[arg(long = "path", value_name = "PATH", default_value = "/-/ready", value_parser = value::path)]
    pub path: String,

    /// How long all of it may take, as a Go duration.
    #[arg(long = "timeout", value_name = "DURATION", default_value = "5s", value_parser = value::wait)]
    pub wait: Duration,
}
