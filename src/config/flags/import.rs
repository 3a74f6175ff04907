//! The flags of `shardgate import`.

use std::path::PathBuf;

use clap::Args;

/// Where groups come from, where they go, and which. What they say is checked where it is used.
#[derive(Debug, Args)]
pub struct ImportFlags {
    /// The gateway that has the groups: a Pushgateway from 1.5.1 on, or a shardgate.
    #[arg(long, value_name = "URL")]
    pub from: Option<String>,

    /// The persistence file of a Pushgateway that has the groups.
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    pub gob: Option<PathBuf>,

    /// The gateway that is to have them: a shardgate with --web.enable-admin-api.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9091")]
    pub to: String,

    /// Only the groups that this selector matches, such as {job=~"backup-.*"}. Repeatable: any of them.
    #[arg(long = "match", value_name = "SELECTOR")]
    pub selectors: Vec<String>,

    /// Say what would be copied, and copy nothing.
    #[arg(long)]
    pub dry_run: bool,

    /// Replace also what was pushed to the target later than to the source.
    #[arg(long)]
    pub overwrite: bool,

    /// Push the groups as jobs do, which any Pushgateway takes: the times of their pushes are lost.
    #[arg(long)]
    pub as_pushes: bool,

    /// Who asks the source, where it wants to know.
    #[arg(long, value_name = "NAME")]
    pub from_user: Option<String>,

    /// File whose first line is their password.
    #[arg(long, value_name = "FILE")]
    pub from_password_file: Option<PathBuf>,

    /// File with the authorities to trust where the source is https://.
    #[arg(long, value_name = "FILE")]
    pub from_ca: Option<PathBuf>,

    /// Who asks the target, where it wants to know.
    #[arg(long, value_name = "NAME")]
    pub to_user: Option<String>,

    /// File whose first line is their password.
    #[arg(long, value_name = "FILE")]
    pub to_password_file: Option<PathBuf>,

    /// File with the authorities to trust where the target is https://.
    #[arg(long, value_name = "FILE")]
    pub to_ca: Option<PathBuf>,
}
