//! The flags of `shardgate healthcheck`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::value;

/// Which gateway is asked what.
#[derive(Debug, Args)]
pub struct HealthcheckFlags {
    /// The gateway: http://HOST:PORT or https://HOST:PORT, with its prefix if it has one, or unix:///PATH.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9091")]
    pub url: String,

    /// What it is asked: /-/ready, or /-/healthy, which load and a disk that fails do not change.
    #[arg(long, value_name = "PATH", default_value = "/-/ready", value_parser = value::path)]
    pub path: String,

    /// How long all of it may take, as a Go duration.
    #[arg(long = "timeout", value_name = "DURATION", default_value = "5s", value_parser = value::wait)]
    pub wait: Duration,

    /// Who asks, where the gateway wants to know.
    #[arg(long, value_name = "NAME", requires = "password_file")]
    pub user: Option<String>,

    /// File whose first line is their password.
    #[arg(long, value_name = "FILE", requires = "user")]
    pub password_file: Option<PathBuf>,

    /// File with the authorities to trust where the gateway is https://.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
}
