//! Stopping the gateway over HTTP.

use std::sync::Arc;

use hyper::StatusCode;
use tokio::sync::watch;

use crate::config::Config;
use crate::http::api::sd::external_url;
use crate::http::reply::{Reply, text};
use crate::http::request::admission::{Request, Sender};
use crate::http::ui::guard::comes_from_here;

/// What stopping the gateway over HTTP needs.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    pub(crate) config: Arc<Config>,
    /// `None` unless `--web.enable-lifecycle` is set.
    pub(crate) stop: Option<watch::Sender<bool>>,
}

impl Lifecycle {
    /// Stops the gateway. A browser also sends the form of another site with the credentials of its user, so such a form is
    /// rejected.
    pub(crate) fn quit(&self, request: &Request<'_>) -> Reply {
        let Some(stop) = &self.stop else {
            return text(StatusCode::FORBIDDEN, "Lifecycle API is not enabled.");
        };
        if !comes_from_here(request.headers(), external_url(&self.config)) {
            return text(StatusCode::FORBIDDEN, "The request comes from a page of another site.");
        }
        let Sender { client, caller } = request.sender;
        tracing::warn!(source = %client.source, by = %caller, "asked to quit over HTTP");
        stop.send_replace(true);
        text(StatusCode::OK, "Requesting termination... Goodbye!")
    }
}
