//! The flags of `shardgate healthcheck`.

use std::time::Duration;

use clap::Args;

use super::{GatewayFlags, value};

/// Which gateway is asked what.
#[derive(Debug, Args)]
pub struct HealthcheckFlags {
    #[command(flatten)]
    #[expect(missing_docs, reason = "the type says it")]
    pub gateway: GatewayFlags,

    /// What it is asked: /-/ready, or /-/healthy, which load and a disk that fails do not change.
    #[arg(long, value_name = "PATH", default_value = "/-/ready", value_parser = value::path)]
    pub path: String,

    /// How long all of it may take, as a Go duration.
    #[arg(long = "timeout", value_name = "DURATION", default_value = "5s", value_parser = value::wait)]
    pub wait: Duration,
}
