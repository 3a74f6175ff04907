//! HTTP: the only place that knows hyper.
//!
//! A request's way: `connection` has it read by `http1` or `http2` (`progress` and `watched` note how far it is; `aside` keeps the
//! timer and the stop signal out of its way), unless there are no `seats` left but in the `reserve`; `sound` refuses what others may read otherwise, `route` says whose it is (`prefix` where everything has one), `admission` who sends it and whether they may, `dispatch` hands it over and counts the answer, and one file per family of
//! endpoints answers: `push`, `check` (a push that is only tried), `scrape` (`selection` reads its query, with `jobs`, `render` has the work done), `api`, `admin` (`manners` lets pushes go before what can wait), `probes`, `ui`. `body` reads and writes bodies
//! within bounds (`in_flight` is that of all together, `arriving` are those on their way; `decoders` decode the large ones; `unread_answers` bounds what answers that wait to be read keep in memory); `reply` makes answers, and is the one table from errors to statuses;
//! `unread_body` takes in what an answer has left of a body; `request_id` says under which id the log has an error.

mod admin;
mod admission;
mod api;
mod arriving;
mod aside;
mod body;
mod check;
mod connection;
mod decoders;
mod dispatch;
mod http1;
mod http2;
mod in_flight;
mod jobs;
mod manners;
mod placed;
mod prefix;
mod probes;
mod progress;
mod push;
mod render;
mod reply;
mod request_id;
mod reserve;
mod route;
mod scrape;
mod seats;
mod selection;
mod sound;
mod ui;
mod unread_answers;
mod unread_body;
mod watched;

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
pub use connection::{HEADER_BYTES_MAX, serve};
pub use decoders::Decoders;
pub use in_flight::InFlight;
pub use request_id::REQUEST_ID_BYTES_MAX;
pub use reserve::{RESERVE_WAIT, serve_in_reserve};
pub use scrape::Scrapes;
pub use seats::{Seat, Seats};
pub use ui::Forms;
pub use unread_answers::{SCRAPE_SEND_WAIT, UNREAD_BYTES_MAX, Unread};

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
