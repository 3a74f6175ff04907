//! The flags of commands that talk to one gateway.

use std::path::PathBuf;

use clap::Args;

/// The gateway, and who asks it.
#[derive(Debug, Args)]
pub struct GatewayFlags {
    /// The gateway: http://HOST:PORT or https://HOST:PORT, with its prefix if it has one, or unix:///PATH.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9091")]
    pub url: String,

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
