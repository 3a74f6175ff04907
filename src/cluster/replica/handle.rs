//! Starts the task of a replica, and stops it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;

use super::requested;
use super::state::Replica;
use crate::cluster::log::LogError;
use crate::cluster::log::nats::NatsLog;
use crate::cluster::{Membership, Options};
use crate::persist::record;
use crate::shard::{Saving, Shards, Unavailable};

/// How long a gateway that ends waits for its last changes to be in the stream.
pub const LEAVE_WAIT: Duration = Duration::from_secs(20);
/// How long to wait before NATS is tried again.
const CONNECT_WAIT: Duration = Duration::from_millis(500);
/// How many beats of the pulse there are in a lease.
const BEATS: u32 = 8;
/// How often a server that seems to lack JetStream is asked again: one that has just started seems so too.
const UNUSABLE_TRIES: u32 = 6;

/// Why a replica has ended otherwise than it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// The stream cannot be used as it is.
    #[error("cannot take part in the replica set: {0}")]
    Unusable(String),
    /// The last changes are not known to be in the stream.
    #[error("cannot save the last changes in the stream of the replica set: {0}")]
    Unsaved(String),
}

/// A replica before it is started.
#[derive(Debug)]
pub struct Joining {
    options: Options,
    membership: Arc<Membership>,
    awaited: Arc<Notify>,
}

impl Joining {
    /// A replica with these options.
    pub fn new(options: Options) -> Joining {
        let Options { advertise, lease, max_staleness, .. } = &options;
        let membership = Arc::new(Membership::new(advertise, *lease, *max_staleness));
        Joining { options, membership, awaited: Arc::default() }
    }

    /// How the shards write groups down.
    pub fn saving(&self) -> Saving {
        Saving { write: record::write, awaited: Some(Arc::clone(&self.awaited)) }
    }

    /// What the replica is to its set.
    pub fn membership(&self) -> Arc<Membership> {
        Arc::clone(&self.membership)
    }

    /// Starts the task, on the current runtime.
    pub fn start(self, shards: Shards) -> Cluster {
        let (stop, stopping) = watch::channel(false);
        let membership = Arc::clone(&self.membership);
        tokio::spawn(beat(Arc::downgrade(&membership), self.options.lease / BEATS));
        let task = tokio::spawn(self.run(shards, stopping));
        Cluster { stop, membership, task }
    }

    async fn run(
        self,
        shards: Shards,
        mut stopping: watch::Receiver<bool>,
    ) -> Result<(), ClusterError> {
        let dead = |unavailable: Unavailable| ClusterError::Unsaved(unavailable.to_string());
        shards.close(Some(Unavailable::NotLeading)).await.map_err(dead)?;
        let Joining { options, membership, awaited } = self;
        let connected = tokio::select! {
            connected = connect(&options, &membership) => connected?,
            () = requested(&mut stopping) => return Ok(()),
        };
        let (events, happening) = mpsc::unbounded_channel();
        let replica = Replica::new(connected, &options, membership, shards, awaited, events);
        replica.run(happening, stopping).await.map_err(dead)
    }
}

/// Beats as long as there is a replica. On a task of its own, which waits for nothing else: a replica that is at work is not
/// one that stands still.
async fn beat(membership: Weak<Membership>, interval: Duration) {
    while let Some(membership) = membership.upgrade() {
        membership.beats();
        drop(membership);
        tokio::time::sleep(interval).await;
    }
}

/// Connects to NATS, however long that takes.
async fn connect(options: &Options, membership: &Arc<Membership>) -> Result<NatsLog, ClusterError> {
    let (mut tries, mut said) = (0, None);
    loop {
        match NatsLog::connect(options, membership).await {
            Ok(log) => {
                membership.nats_fails(None);
                return Ok(log);
            }
            Err(LogError::Unusable(reason)) => {
                tries += 1;
                if tries == UNUSABLE_TRIES {
                    return Err(ClusterError::Unusable(reason));
                }
            }
            Err(error @ (LogError::Away(_) | LogError::Gone)) => {
                let reason = error.to_string();
                if said.is_none() {
                    let servers = options.nats.join(",");
                    tracing::warn!(servers, err = reason, "NATS is not reached; trying again");
                }
                said = Some(());
                membership.nats_fails(Some(reason));
            }
        }
        tokio::time::sleep(CONNECT_WAIT).await;
    }
}

/// A replica at work.
#[derive(Debug)]
pub struct Cluster {
    stop: watch::Sender<bool>,
    membership: Arc<Membership>,
    task: JoinHandle<Result<(), ClusterError>>,
}

impl Cluster {
    /// Waits until the replica has ended by itself: because it cannot take part.
    pub async fn ended(&mut self) -> ClusterError {
        match (&mut self.task).await {
            Ok(Err(error)) => error,
            Ok(Ok(())) => ClusterError::Unusable("it has left".to_owned()),
            Err(error) => ClusterError::Unusable(error.to_string()),
        }
    }

    /// Appends what was applied, gives up leading, and leaves. From now on changes are rejected.
    ///
    /// # Errors
    /// When that cannot be done within [`LEAVE_WAIT`].
    pub async fn stop(self) -> Result<(), ClusterError> {
        self.membership.stops();
        self.stop.send_replace(true);
        let unsaved = |reason: String| ClusterError::Unsaved(reason);
        match tokio::time::timeout(LEAVE_WAIT, self.task).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(error)) => Err(unsaved(error.to_string())),
            Err(_) => Err(unsaved("NATS does not acknowledge them".to_owned())),
        }
    }
}
