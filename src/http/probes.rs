//! Whether the gateway is alive and ready, and how to stop it.

use hyper::StatusCode;

use crate::http::Http;
use crate::http::reply::{Failure, Reply, error, text};
use crate::http::request::admission::Sender;
use crate::shard::Unavailable;

impl Http {
    /// Alive: it answers.
    pub(in crate::http) fn healthy(&self) -> Reply {
        text(StatusCode::OK, "OK")
    }

    /// Ready: every shard lives, the groups are loaded, what is to reach the disk does, and no push was turned
    /// away for load just now. One that is full is ready: what is stored can be replaced.
    pub(in crate::http) fn ready(&self) -> Reply {
        if !self.shards.are_alive() {
            return error(StatusCode::INTERNAL_SERVER_ERROR, Unavailable::Dead);
        }
        if self.own.is_shedding() {
            return Reply::from(&Failure::Shedding);
        }
        match self.persistence.as_ref().map_or(Ok(()), |status| status.ready()) {
            Ok(()) => text(StatusCode::OK, "OK"),
            Err(not_ready) => Reply::from(&Failure::from(not_ready)),
        }
    }

    pub(in crate::http) fn quit(&self, sender: &Sender<'_>) -> Reply {
        if !self.config.web.enable_lifecycle {
            return text(StatusCode::FORBIDDEN, "Lifecycle API is not enabled.");
        }
        let Sender { client, caller } = sender;
        tracing::warn!(source = %client.source, by = %caller, "asked to quit over HTTP");
        self.stop.send_replace(true);
        text(StatusCode::OK, "Requesting termination... Goodbye!")
    }
}
