//! The flags of `shardgate demo`.

use clap::Args;

use super::GatewayFlags;

/// Which gateway gets the fleet.
#[derive(Debug, Args)]
pub struct DemoFlags {
    #[command(flatten)]
    #[expect(missing_docs, reason = "the type says it")]
    pub gateway: GatewayFlags,

    /// How often each job pushes, a second apart.
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u16).range(1..=3600))]
    pub rounds: u16,

    /// Delete the groups of the fleet, and push nothing.
    #[arg(long)]
    pub delete: bool,
}
