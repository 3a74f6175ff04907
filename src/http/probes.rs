//! Whether the gateway is alive and ready.

use std::sync::Arc;

use hyper::StatusCode;

use crate::http::failure::Failure;
use crate::http::reply::{Reply, text};
use crate::http::storage::Storage;
use crate::own_metrics::OwnMetrics;

/// What probes need.
#[derive(Debug)]
pub(crate) struct Probes {
    pub(crate) storage: Storage,
    pub(crate) own: Arc<OwnMetrics>,
}

impl Probes {
    /// Alive: it answers.
    pub(crate) fn healthy(&self) -> Reply {
        text(StatusCode::OK, "OK")
    }

    /// Ready: the storage is, and no push was shed just now. A gateway that is full is ready, since pushes can still
    /// replace what is stored.
    pub(crate) fn ready(&self) -> Reply {
        self.unless_shedding(self.storage.ready())
    }

    /// Ready for pushes: as above, and a replica of a set is not cut off from the others. What it shows may still be asked for.
    pub(crate) fn ready_for_pushes(&self) -> Reply {
        self.unless_shedding(self.storage.ready_for_pushes())
    }

    /// Leading: pushes that are sent here go through no other replica.
    pub(crate) fn leading(&self) -> Reply {
        match self.storage.leads() {
            Ok(()) => text(StatusCode::OK, "OK"),
            Err(failure) => Reply::from(&failure),
        }
    }

    fn unless_shedding(&self, ready: Result<(), Failure>) -> Reply {
        let is_shedding = || {
            let reason = "pushes are being turned away: shards or bodies have no room for them";
            if self.own.is_shedding() { Err(Failure::unavailable(reason)) } else { Ok(()) }
        };
        match ready.and_then(|()| is_shedding()) {
            Ok(()) => text(StatusCode::OK, "OK"),
            Err(failure) => Reply::from(&failure),
        }
    }
}
