//! The arguments of `shardgate store export`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::value;
use crate::cluster::Options;

/// What is exported: a persistence file, or the stream of a replica set.
#[derive(Debug, Args)]
pub struct ExportFlags {
    /// The persistence file.
    #[arg(required_unless_present = "nats")]
    pub file: Option<PathBuf>,

    /// NATS server that keeps the groups of a replica set, instead of a file. Repeatable.
    #[arg(long = "cluster.nats", value_name = "URL", value_delimiter = ',', value_parser = value::nats, conflicts_with = "file")]
    nats: Vec<String>,

    /// File with the credentials for NATS, as nsc writes it.
    #[arg(long = "cluster.nats-credentials", value_name = "FILE")]
    credentials: Option<PathBuf>,

    /// File of the authorities that have signed the certificates of the NATS servers, as PEM.
    #[arg(long = "cluster.nats-ca", value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Name of the replica set.
    #[arg(long = "cluster.name", value_name = "NAME", default_value = "shardgate", value_parser = value::cluster_name)]
    name: String,
}

impl ExportFlags {
    /// How the stream is reached, as far as reading it needs.
    pub fn cluster(&self) -> Options {
        let ExportFlags { nats, credentials, ca, name, .. } = self;
        Options {
            nats: nats.clone(),
            credentials: credentials.clone(),
            ca: ca.clone(),
            name: name.clone(),
            replicas: 1,
            advertise: String::new(),
            lease: Duration::from_secs(3),
            max_staleness: Duration::from_secs(30),
            secret: [].into(),
        }
    }
}
