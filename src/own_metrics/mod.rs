//! The metrics of the gateway itself: the reference's families, and those of the shards.
//!
//! A request costs a few relaxed atomics and one uncontended lock. A scrape builds the families (`families`), which
//! join the pushed families of the same name.
//!
//! **Invariant:** every family is in `table`, so that no push can use its name with another kind.

mod access;
mod cluster;
mod connections;
mod families;
mod guards;
mod persistence;
mod process;
mod reload;
mod requests;
mod rules;
mod shed;
mod table;
mod totals;
mod window;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

pub use cluster::Forwarded;
pub use connections::{body_families, connection_families};
pub use guards::{PanicWatch, ScrapeAtHand};
pub use persistence::oldest_change_seconds;
pub use process::resident_bytes;
pub use reload::ReloadStatus;
pub use requests::Verb;
pub use shed::{SHED_WAIT, Shed};
pub use table::reserved;
pub use totals::Totals;

use crate::scrape::Format;
use cluster::Forwarding;
use requests::Requests;
use shed::Shedding;
use window::Window;

/// Everything that is counted. One for the life of the gateway.
#[derive(Debug)]
pub struct OwnMetrics {
    started: Instant,
    requests: Requests,
    /// PUT, then POST.
    push_bytes: [Window; 2],
    push_seconds: [Window; 2],
    scrape_bytes: Window,
    scrape_seconds: Window,
    scrapes: [AtomicU64; SCRAPE_CODES.len()],
    scrapes_in_flight: AtomicU64,
    connection_panics: AtomicU64,
    /// By [`FORMATS`].
    families_hidden: [AtomicU64; FORMATS.len()],
    dropped: AtomicU64,
    policy: Arc<ReloadStatus>,
    rules: Arc<ReloadStatus>,
    web_config: Arc<ReloadStatus>,
    shedding: Shedding,
    forwarding: Forwarding,
}

/// What a scrape may be answered with.
const SCRAPE_CODES: [u16; 3] = [200, 500, 503];
/// The formats of scrapes.
const FORMATS: [&str; 3] = ["text", "protobuf", "openmetrics"];
/// One is a tenth of a microsecond.
const TICK: Duration = Duration::from_nanos(100);

impl OwnMetrics {
    /// Nothing counted yet. `handlers` are the names that requests are counted under.
    pub fn new(handlers: impl IntoIterator<Item = &'static str>) -> OwnMetrics {
        OwnMetrics {
            started: Instant::now(),
            requests: Requests::new(handlers),
            push_bytes: Default::default(),
            push_seconds: Default::default(),
            scrape_bytes: Window::default(),
            scrape_seconds: Window::default(),
            scrapes: Default::default(),
            scrapes_in_flight: AtomicU64::new(0),
            connection_panics: AtomicU64::new(0),
            families_hidden: Default::default(),
            dropped: AtomicU64::new(0),
            policy: Arc::default(),
            rules: Arc::default(),
            web_config: Arc::default(),
            shedding: Shedding::default(),
            forwarding: Forwarding::default(),
        }
    }

    /// How the reloading of the policy fares.
    pub fn policy(&self) -> Arc<ReloadStatus> {
        Arc::clone(&self.policy)
    }

    /// How the reloading of the rules fares.
    pub fn rules(&self) -> Arc<ReloadStatus> {
        Arc::clone(&self.rules)
    }

    /// How the reloading of the web configuration fares.
    pub fn web_config(&self) -> Arc<ReloadStatus> {
        Arc::clone(&self.web_config)
    }

    /// Counts an answered request.
    pub fn answered(&self, handler: &str, verb: Verb, code: u16) {
        self.requests.count(handler, verb, code);
    }

    /// Records a push, accepted or not: its size as it came over the wire and the time it took.
    pub fn pushed(&self, verb: Verb, bytes: u64, since: Instant) {
        let at = match verb {
            Verb::Put => 0,
            _ => 1,
        };
        let now = Instant::now();
        let age = now - self.started;
        self.push_bytes[at].record(age, bytes, bytes as f64);
        record_duration(&self.push_seconds[at], age, now - since);
    }

    /// Counts a push that was answered with 202, but contradicts itself.
    pub fn dropped(&self) {
        self.dropped.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    /// Counts a push that was turned away for want of room.
    pub fn shed(&self, shed: Shed) {
        self.shedding.count(shed, self.started);
    }

    /// Whether a push was turned away for load within [`SHED_WAIT`].
    pub fn is_shedding(&self) -> bool {
        self.shedding.is_recent(self.started)
    }

    /// Notes how many families a scrape of everything has left out, and says so when there are more
    /// than before.
    pub fn families_hidden(&self, format: Format, count: usize) {
        let at = match format {
            Format::Text => 0,
            Format::Protobuf => 1,
            Format::OpenMetrics(_) => 2,
        };
        let before =
            self.families_hidden[at].swap(count as u64, std::sync::atomic::Ordering::Relaxed);
        if count as u64 > before {
            let format = FORMATS[at];
            tracing::warn!(families = count, format, "left out of scrapes: names that meet");
        }
    }

    /// Records a scrape: the size of the text and the time until it was ready to be sent.
    fn scraped(&self, code: u16, bytes: u64, since: Instant) {
        use std::sync::atomic::Ordering::Relaxed;
        if let Some(at) = SCRAPE_CODES.iter().position(|known| *known == code) {
            self.scrapes[at].fetch_add(1, Relaxed);
        }
        if code == 200 {
            let now = Instant::now();
            let age = now - self.started;
            self.scrape_bytes.record(age, bytes, bytes as f64);
            record_duration(&self.scrape_seconds, age, now - since);
        }
    }
}

fn record_duration(window: &Window, age: Duration, duration: Duration) {
    let ticks = u64::try_from(duration.as_nanos() / TICK.as_nanos()).unwrap_or(u64::MAX);
    window.record(age, ticks, duration.as_secs_f64());
}
