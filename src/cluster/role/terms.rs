//! How long things may take.

use std::time::Duration;

/// How long the parts of an agreement take.
#[derive(Debug, Clone, Copy)]
pub(in crate::cluster) struct Terms {
    /// For how long after an append that was acknowledged nobody else takes over.
    pub(in crate::cluster) lease: Duration,
    /// How long a follower waits for a silent leader: the lease, and a little that differs between replicas.
    pub(in crate::cluster) patience: Duration,
    /// How long to wait before something that has failed is tried again.
    pub(in crate::cluster) retry: Duration,
    /// Counts the lease from when an acknowledgement is received. The simulation must notice.
    #[cfg(test)]
    pub(in crate::cluster) lease_from_receipt: bool,
}

impl Terms {
    /// When the lease of an append begins: when it was sent, since the others may have heard it soon after.
    pub(super) fn lease_begins(&self, sent: Duration, _received: Duration) -> Duration {
        #[cfg(test)]
        if self.lease_from_receipt {
            return _received;
        }
        sent
    }
}
