//! Replica sets: several gateways that hold the same groups, agreed through a stream in NATS JetStream.
//!
//! Start reading at `membership`, which is all that the rest of the gateway sees. `replica` is the task behind it. It
//! follows the stream, takes over when nobody leads, and appends what the shards change while it leads. `role` decides
//! what the replica does next, and is pure. `entry` is what one message of the stream says, and `reading` which entries
//! count. `log` is the stream itself, and `log/nats` is the only folder that knows async-nats.
//!
//! **Invariants:** an entry counts only if its author led when the stream took it. All replicas pass through the same
//! states, one epoch after the other. The shards of a replica that does not lead reject every change.

mod books;
mod entry;
mod export;
mod log;
mod membership;
mod reading;
mod replica;
mod role;
#[cfg(test)]
mod simulation;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use export::{ExportError, export};
pub use membership::{
    APPEND_SECONDS, Appends, HOLD_WAIT, Leader, Member, Membership, NotReady, Place, Role, View,
};
pub use replica::handle::{Cluster, ClusterError, Joining, LEAVE_WAIT};

/// How a gateway belongs to a replica set.
#[derive(Clone)]
pub struct Options {
    /// The URLs of the NATS servers.
    pub nats: Vec<String>,
    /// A file with credentials of NATS.
    pub credentials: Option<PathBuf>,
    /// A file with the certificates that sign those of the NATS servers.
    pub ca: Option<PathBuf>,
    /// The name of the set.
    pub name: String,
    /// How many NATS servers keep the stream.
    pub replicas: u8,
    /// Where the other replicas reach this one.
    pub advertise: String,
    /// How long the others wait for a silent leader.
    pub lease: Duration,
    /// For how long a replica that hears nothing shows what it has.
    pub max_staleness: Duration,
    /// What the replicas sign forwarded requests with.
    pub secret: Arc<[u8]>,
}

impl Options {
    /// The name of the stream.
    pub fn stream(&self) -> String {
        format!("SHARDGATE_{}", self.name)
    }

    /// The one subject of the stream.
    pub fn subject(&self) -> String {
        format!("shardgate.{}", self.name)
    }
}

/// Without the secret.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { nats, name, replicas, advertise, lease, max_staleness, .. } = self;
        f.debug_struct("Options")
            .field("nats", nats)
            .field("name", name)
            .field("replicas", replicas)
            .field("advertise", advertise)
            .field("lease", lease)
            .field("max_staleness", max_staleness)
            .finish_non_exhaustive()
    }
}
