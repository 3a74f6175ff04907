//! What only an administrator may do; `--web.enable-admin-api` allows it.

use hyper::StatusCode;

use crate::http::Http;
use crate::http::reply::{Failure, Reply, empty};
use crate::http::request::admission::Sender;

impl Http {
    /// Forgets all groups. Unlike the reference, answers when it is done.
    pub(in crate::http) async fn wipe(&self, sender: &Sender<'_>) -> Reply {
        let Sender { client, caller } = sender;
        tracing::info!(source = %client.source, by = %caller, "wiping all groups");
        let wiped = async {
            self.writable().await?;
            Ok::<_, Failure>(self.shards.wipe().await?)
        };
        match wiped.await {
            Ok(()) => empty(StatusCode::ACCEPTED),
            Err(failure) => Reply::from(&failure),
        }
    }
}
