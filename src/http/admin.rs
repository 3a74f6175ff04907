//! Wiping everything. Needs `--web.enable-admin-api`.

use hyper::StatusCode;

use crate::http::failure::Failure;
use crate::http::reply::{Reply, empty};
use crate::http::request::admission::Sender;
use crate::http::storage::Storage;

/// What wiping needs.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) storage: Storage,
}

impl Admin {
    /// Deletes all groups. Unlike the reference, answers when that is done.
    pub(crate) async fn wipe(&self, sender: &Sender<'_>) -> Reply {
        let Sender { client, caller } = sender;
        tracing::info!(source = %client.source, by = %caller, "wiping all groups");
        let wiped = async {
            self.storage.writable().await?;
            Ok::<_, Failure>(self.storage.shards.wipe().await?)
        };
        match wiped.await {
            Ok(()) => empty(StatusCode::ACCEPTED),
            Err(failure) => Reply::from(&failure),
        }
    }
}
