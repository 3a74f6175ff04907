//! The status: how the gateway was built and started, and how full it is.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use hyper::StatusCode;
use tokio::sync::watch;

use crate::access::Access;
use crate::config::{Config, Flags};
use crate::history::{History, Sample};
use crate::http::body::in_flight::InFlight;
use crate::http::connection::limit::ConnectionLimit;
use crate::http::reply::Reply;
use crate::http::scrape::endpoint::Scrapes;
use crate::http::storage::Storage;
use crate::http::ui::error_page::PageError;
use crate::http::ui::overview::plot;
use crate::http::ui::page::html;
use crate::http::ui::replicas;
use crate::http::ui::site::Visitor;
use crate::rules::{GroupRules, Rule};
use crate::shard::{QUEUE_LEN, Timestamp};
use crate::ui::{Fullness, Moment, Plot, StatusPage, bytes, count, span};

/// What the status page needs.
#[derive(Debug)]
pub(crate) struct StatusPages {
    pub(crate) config: Arc<Config>,
    pub(crate) storage: Storage,
    pub(crate) access: Arc<Access>,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) connections: Arc<ConnectionLimit>,
    pub(crate) scrapes: Arc<Scrapes>,
    pub(crate) listening: Vec<String>,
    pub(crate) started: SystemTime,
    pub(crate) history: Arc<History>,
    /// The rules for groups, as they are now; `None` without a file of them.
    pub(crate) rules: Option<watch::Receiver<Arc<GroupRules>>>,
}

impl StatusPages {
    pub(crate) fn page(&self, visitor: &Visitor<'_>) -> Result<Reply, PageError> {
        let config = &self.config;
        let file = |path: &Option<PathBuf>| {
            path.as_ref().map_or("none".to_owned(), |path| path.display().to_string())
        };
        let rules = self.access.rules();
        let has_users = rules.as_ref().is_some_and(|rules| rules.users().is_some());
        let persistence = match (&config.persistence, &config.cluster) {
            (Some(options), _) => options.file.display().to_string(),
            (None, Some(set)) => format!("in the stream {} of NATS", set.stream()),
            (None, None) => "in memory only".to_owned(),
        };
        let membership = self.storage.membership();
        let since_1970 = self.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        let started =
            Timestamp::from_nanos(u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX));
        let bounds = &config.bounds;
        let stored_bound = match (&bounds.memory, bounds.stored_bytes_max) {
            (Some(memory), _) => memory.to_string(),
            (None, Some(_)) => "--storage.max-bytes".to_owned(),
            (None, None) => "none: --storage.max-bytes=0".to_owned(),
        };
        let revision = option_env!("SHARDGATE_REVISION").filter(|revision| !revision.is_empty());
        let revision = revision.unwrap_or("not known: no release build");
        let flags = marked(&config.flags);
        let page = StatusPage {
            frame: visitor.frame("/status"),
            build: vec![
                ("Version", format!("shardgate {}", env!("CARGO_PKG_VERSION"))),
                ("Revision", revision.to_owned()),
            ],
            started: Moment::new(started, Timestamp::now()),
            trouble: self.storage.ready().err().map(|failure| failure.to_string()),
            listeners: &self.listening,
            replicas: membership.map(|member| replicas::part(member, config.cluster.as_ref())),
            bounds: self.fullness(),
            limits: vec![
                ("Body of a push", bytes(bounds.body_bytes_max as u64)),
                ("One group", bytes(bounds.group_bytes_max)),
                ("Labels of a sample", count(bounds.labels_max as u64)),
                ("Name or value of a label", bytes(bounds.label_bytes_max as u64)),
                ("Time for the head of a request", span(config.web.header_wait)),
                ("Time for its body", span(config.web.body_wait)),
                ("Idle connection", span(config.web.idle_wait)),
            ],
            settings: vec![
                ("Shards", self.storage.shards.stats().count().to_string()),
                ("Groups are kept", persistence),
                ("Bound of what is stored", stored_bound),
                ("Web configuration", file(&config.web.config_file)),
                ("Users", if has_users { "must log in" } else { "need no password" }.to_owned()),
                ("Policy", file(&config.web.policy_file)),
                ("Rules for groups", file(&config.rules.file)),
                (
                    "Admin API",
                    if config.web.enable_admin_api { "enabled" } else { "off" }.to_owned(),
                ),
            ],
            rules: self
                .rules
                .as_ref()
                .map(|rules| rules.borrow().rules().iter().map(rule).collect()),
            flags: &flags,
            plots: self.plots(),
        };
        Ok(html(StatusCode::OK, &page))
    }

    /// How full everything is that has a bound.
    pub(super) fn fullness(&self) -> Vec<Fullness> {
        let (mut series, mut stored, mut queue) = (0, 0, 0);
        for (stats, waiting) in self.storage.shards.stats() {
            series += stats.series();
            stored += stats.bytes();
            queue = queue.max(waiting);
        }
        let (bounds, web) = (&self.config.bounds, &self.config.web);
        let (serving, full) = (self.connections.connections().serving, Fullness::new);
        let (in_flight, in_flight_max) = (self.in_flight.taken(), bounds.in_flight_bytes_max);
        let mut fullness = vec![
            full("Series", series, bounds.series_max, count),
            full("What is stored", stored, bounds.stored_bytes_max, bytes),
            full("Bodies in memory", in_flight as u64, Some(in_flight_max as u64), bytes),
            full("Connections", serving as u64, Some(web.connections_max as u64), count),
            full("Messages for one shard", queue as u64, Some(QUEUE_LEN as u64), count),
            full("Scrapes at a time", self.scrapes.taken(), Some(web.scrapes_max as u64), count),
        ];
        if self.rules.is_some() {
            let (jobs, jobs_max) = (self.storage.shards.ledger().len(), self.config.rules.jobs_max);
            fullness.push(full("Jobs in the ledger", jobs as u64, Some(jobs_max as u64), count));
        }
        fullness
    }

    fn plots(&self) -> Vec<Plot> {
        let latest = self.history.latest();
        let plot = |title, series, now: fn(&Sample) -> Option<String>| {
            plot(latest.as_ref(), title, series, now)
        };
        vec![
            plot(
                "Groups of the emptiest and the fullest shard",
                "shard_groups_min shard_groups_max",
                |now| {
                    let (min, max) = (now.shard_groups_min, now.shard_groups_max);
                    Some(format!("{} to {}", count(min), count(max)))
                },
            ),
            plot("Messages in the longest queue of a shard", "queue_length_max", |now| {
                Some(count(now.queue_length_max))
            }),
            plot("Size of a scrape, in bytes", "scrape_bytes", |now| {
                now.scrape_bytes.map(|size| bytes(size as u64))
            }),
        ]
    }
}

/// A rule: its selector, and its settings.
fn rule(rule: &Rule) -> (String, String) {
    let settings = rule.settings().into_iter().map(|(key, value)| format!("{key}: {value}"));
    (rule.text.clone(), settings.collect::<Vec<_>>().join("; "))
}

/// The flags, and whether each has its default value.
fn marked(flags: &[(&'static str, String)]) -> Vec<(&'static str, String, bool)> {
    let defaults = Flags::from_command_line(["shardgate".into()]);
    let defaults = defaults.map(|flags| flags.into_config().flags).unwrap_or_default();
    let flags = flags.iter().cloned();
    flags.map(|flag| (flag.0, flag.1.clone(), defaults.contains(&flag))).collect()
}
