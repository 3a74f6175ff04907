//! HTTP: the only place that knows hyper.
//!
//! A request's way: `connection` reads it (`aside` keeps the timer and the stop signal out of its way),
//! `route` says whose it is, `admission` who sends it and whether they may, `dispatch` hands it over and counts the answer, and one file per family of
//! endpoints answers: `push`, `check` (a push that is only tried), `scrape` (`selection` reads its query, `render` has the work done), `api`, `admin` (`manners` lets pushes go before what can wait), `probes`, `ui`. `body` reads and writes bodies
//! within bounds (`lease` is what a scrape's holds on to); `reply` makes answers, and is the one table from errors to statuses.

mod admin;
mod admission;
mod api;
mod aside;
mod body;
mod check;
mod client;
mod connection;
mod dispatch;
mod lease;
mod manners;
mod probes;
mod push;
mod render;
mod reply;
mod route;
mod scrape;
mod selection;
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
use crate::shard::{Shards, Unavailable};
use reply::Failure;

pub use api::Answers;
pub use body::BODY_WAIT;
pub use client::{Client, ClientCertificate, Source};
pub use connection::{HEADER_BYTES_MAX, IDLE_WAIT, serve};
pub use lease::SCRAPE_SEND_WAIT;
pub use scrape::Scrapes;
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
    pub access: Access,
    /// What scrapes share.
    pub scrapes: Scrapes,
    /// What queries share.
    pub answers: Answers,
    /// What the pages share.
    pub forms: Forms,
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

    /// What all paths begin with as seen from outside; empty for nothing.
    fn prefix(&self) -> &str {
        ""
    }

    /// The URL under which the gateway is reached from outside; empty where it was not said.
    fn external_url(&self) -> &str {
        let flag = self.config.flags.iter().find(|(name, _)| *name == "web.external-url");
        flag.map_or("", |(_, url)| url)
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
