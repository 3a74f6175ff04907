//! HTTP: the only place that knows hyper.
//!
//! A request walks through the rooms in this order:
//!
//! ```text
//! connection -> request -> body -> push | scrape | api | ui | admin | probes -> reply -> connection
//! ```
//!
//! `reply` makes answers, and is the one table from errors to statuses. `push_priority` lets pushes go before work
//! that can wait.

mod admin;
mod api;
mod body;
mod connection;
mod probes;
mod push;
mod push_priority;
mod reply;
mod request;
mod scrape;
mod ui;

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::watch;

use crate::access::Access;
use crate::config::Config;
use crate::exposition::NameRules;
use crate::history::{self, History};
use crate::own_metrics::OwnMetrics;
use crate::persist;
use crate::push::Rules;
use crate::shard::{Shards, Unavailable};
use reply::Failure;

pub use api::Answers;
pub use body::in_flight::InFlight;
pub use body::unread_answers::{SCRAPE_SEND_WAIT, UNREAD_BYTES_MAX, Unread};
pub use connection::limit::{Seat, Seats};
pub use connection::overflow::{RESERVE_WAIT, serve_in_reserve};
pub use connection::serve::{HEADER_BYTES_MAX, serve};
pub use push::decoders::Decoders;
pub use request::request_id::REQUEST_ID_BYTES_MAX;
pub use scrape::endpoint::Scrapes;
pub use ui::Forms;

/// What answers requests; shared by all connections.
#[derive(Debug)]
pub struct Http {
    /// What the flags say.
    pub config: Config,
    /// Where the groups are.
    pub shards: Shards,
    /// What is counted.
    pub own: OwnMetrics,
    /// How what is kept on disk fares; `None` when nothing is.
    pub persistence: Option<Arc<persist::Status>>,
    /// What was counted in the last hour.
    pub history: History,
    /// Who may do what.
    pub access: Arc<Access>,
    /// The room for bodies.
    pub in_flight: Arc<InFlight>,
    /// What decodes bodies aside.
    pub decoders: Decoders,
    /// What scrapes share.
    pub scrapes: Scrapes,
    /// Answers that wait to be read.
    pub unread: Arc<Unread>,
    /// How many connections are served at a time.
    pub seats: Seats,
    /// What queries share.
    pub answers: Answers,
    /// What the pages share.
    pub forms: Forms,
    /// The addresses that are listened on, with the ports that were chosen.
    pub listening: Vec<String>,
    /// Whether connections begin with a TLS handshake.
    pub is_tls: bool,
    /// When the gateway was started.
    pub started: SystemTime,
    /// Set to true to stop the gateway.
    pub stop: watch::Sender<bool>,
}

impl Http {
    /// Takes samples for the history, for ever.
    pub async fn sample(&self) {
        history::sample(&self.history, &self.own, &self.shards, self.persistence.as_deref()).await;
    }

    /// The URL under which the gateway is reached from outside; empty where it was not said.
    fn external_url(&self) -> &str {
        let flag = self.config.flags.iter().find(|(name, _)| *name == "web.external-url");
        flag.map_or("", |(_, url)| url)
    }

    /// What pushes may say.
    fn rules(&self) -> Rules {
        let bounds = &self.config.bounds;
        Rules {
            names: self.config.name_rules,
            labels_max: bounds.labels_max,
            label_bytes_max: bounds.label_bytes_max,
        }
    }

    /// Whether groups can be shown.
    fn readable(&self) -> Result<(), Failure> {
        match &self.persistence {
            Some(status) => Ok(status.loaded()?),
            None => Ok(()),
        }
    }

    /// Whether any name in an exposition may be in quotes.
    fn has_quoted_names(&self) -> bool {
        let loaded = self.persistence.as_ref().is_some_and(|status| status.has_quoted_names());
        loaded || self.config.name_rules == NameRules::Utf8
    }

    /// Waits until groups may be changed.
    async fn writable(&self) -> Result<(), Failure> {
        let Some(status) = &self.persistence else { return Ok(()) };
        if !self.shards.are_alive() {
            return Err(Unavailable::Dead.into()); // Without all of them nothing is saved.
        }
        Ok(status.writable().await?)
    }
}
