//! The flags of `shardgate healthcheck`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::value;
use crate::client::Endpoint;

/// Which gateway is asked what.
#[derive(Debug, Args)]
pub struct HealthcheckFlags {
    /// The gateway: http://HOST:PORT or https://HOST:PORT, with its prefix if it has one, or unix:///PATH.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9091")]
    url: String,

    /// What it is asked: /-/ready, or /-/healthy, which load and a disk that fails do not change.
    #[arg(long, value_name = "PATH", default_value = "/-/ready", value_parser = value::path)]
    pub path: String,

    /// How long all of it may take, as a Go duration.
    #[arg(long = "timeout", value_name = "DURATION", default_value = "5s", value_parser = value::wait)]
    pub wait: Duration,

    /// Who asks, where the gateway wants to know.
    #[arg(long, value_name = "NAME", requires = "password_file")]
    user: Option<String>,

    /// File whose first line is their password.
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,

    /// File with the authorities to trust where the gateway is https://.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl HealthcheckFlags {
    /// The gateway. Reads the files of passwords and authorities.
    ///
    /// # Errors
    /// Which flag makes no sense, and why.
    pub fn gateway(&self) -> Result<Endpoint, String> {
        let gateway = Endpoint::new(&self.url, self.ca.as_deref());
        let gateway = gateway.and_then(|gateway| match (&self.user, &self.password_file) {
            (Some(user), Some(file)) => gateway.asked_by(user, file),
            _ => Ok(gateway),
        });
        gateway.map_err(|error| format!("--url {error}"))
    }
}
