//! Whether the gateway is alive and ready, and how to stop it.

use hyper::StatusCode;

use super::Http;
use super::reply::{Reply, error, text};
use crate::shard::Unavailable;

impl Http {
    /// Alive: it answers.
    pub(super) fn healthy(&self) -> Reply {
        text(StatusCode::OK, "OK")
    }

    /// Ready: every shard lives.
    pub(super) fn ready(&self) -> Reply {
        if self.shards.are_alive() {
            text(StatusCode::OK, "OK")
        } else {
            error(StatusCode::INTERNAL_SERVER_ERROR, Unavailable::Dead)
        }
    }

    pub(super) fn quit(&self) -> Reply {
        if !self.config.enable_lifecycle {
            return text(StatusCode::FORBIDDEN, "Lifecycle API is not enabled.");
        }
        tracing::warn!("asked to quit over HTTP");
        self.stop.send_replace(true);
        text(StatusCode::OK, "Requesting termination... Goodbye!")
    }
}
