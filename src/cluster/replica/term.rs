//! What a replica has in hand while it leads: epochs from the shards, on their way into the stream.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::persist::epochs::{Epoch, Pace};
use crate::shard::Unavailable;

/// How many epochs are gathered and on their way into the stream at a time. With more of them each has fewer pushes, and an entry
/// costs the NATS servers and the followers much the same whatever is in it.
pub(super) const EPOCHS_LEN: usize = 1;

/// What a replica does while it leads.
pub(super) struct Term {
    pub(super) epochs: flume::Receiver<Epoch>,
    pub(super) source: JoinHandle<Result<(), Unavailable>>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) pace: Arc<Pace>,
    /// Parts that are still to be appended, in order.
    pub(super) parts: VecDeque<Part>,
    /// Epochs that are not in the stream yet.
    pub(super) pending: VecDeque<Pending>,
    /// Jobs that the stream still has and the ledger does not.
    pub(super) gone: Vec<Arc<str>>,
    /// The entry with the first part of the epoch whose end is not acknowledged yet; 0 if there is none.
    pub(super) start: u64,
    /// Whether there will be no more epochs.
    pub(super) is_ended: bool,
}

/// A part of an epoch that is still to be appended.
pub(super) struct Part {
    pub(super) records: Bytes,
    pub(super) is_last: bool,
}

/// An epoch that is not in the stream yet.
pub(super) struct Pending {
    pub(super) epoch: Epoch,
    /// The number of its last part, once that is on its way.
    pub(super) serial: Option<u64>,
    pub(super) sizes: Vec<(Arc<str>, Option<usize>)>,
    pub(super) bytes: u64,
}

impl Term {
    /// The next epoch, once there is room for it; `None` when there will be none. Never, if the replica does not lead.
    pub(super) async fn next(term: &mut Option<Term>) -> Option<Epoch> {
        match term {
            Some(term) if !term.is_ended && !term.has_more() => term.epochs.recv_async().await.ok(),
            _ => std::future::pending().await,
        }
    }

    /// Whether parts are still to be appended.
    pub(super) fn has_more(&self) -> bool {
        !self.parts.is_empty()
    }

    /// Has the last epoch gathered. From then on the shards reject changes.
    pub(super) fn stop(&mut self) {
        self.stop.send_replace(true);
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        self.source.abort();
    }
}
