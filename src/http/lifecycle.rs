//! Stopping the gateway over HTTP.

use hyper::StatusCode;
use tokio::sync::watch;

use crate::http::reply::{Reply, text};
use crate::http::request::admission::Sender;

/// What stopping the gateway over HTTP needs.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    /// `None` unless `--web.enable-lifecycle` is set.
    pub(crate) stop: Option<watch::Sender<bool>>,
}

impl Lifecycle {
    pub(crate) fn quit(&self, sender: &Sender<'_>) -> Reply {
        let Some(stop) = &self.stop else {
            return text(StatusCode::FORBIDDEN, "Lifecycle API is not enabled.");
        };
        let Sender { client, caller } = sender;
        tracing::warn!(source = %client.source, by = %caller, "asked to quit over HTTP");
        stop.send_replace(true);
        text(StatusCode::OK, "Requesting termination... Goodbye!")
    }
}
