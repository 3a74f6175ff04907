//! What only an administrator may do; `--web.enable-admin-api` allows it.

use hyper::StatusCode;

use super::Http;
use super::reply::{Failure, Reply, empty};

impl Http {
    /// Forgets all groups. Unlike the reference, answers when it is done.
    pub(super) async fn wipe(&self) -> Reply {
        tracing::info!("wiping all groups");
        match self.shards.wipe().await {
            Ok(()) => empty(StatusCode::ACCEPTED),
            Err(unavailable) => Reply::from(&Failure::from(unavailable)),
        }
    }
}
