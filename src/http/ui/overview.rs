//! The overview and the status: how the gateway is.

use hyper::StatusCode;

use super::error_page::Instead;
use super::page::html;
use super::{Visitor, aside};
use crate::http::Http;
use crate::http::reply::Reply;
use crate::own_metrics::{oldest_change_seconds, resident_bytes};
use crate::shard::{QUEUE_LEN, Timestamp, Unavailable};
use crate::ui::{
    Fact, Fullness, JobLine, Jobs, Moment, OverviewPage, Plot, Row, StatusPage, bytes, count,
    count_of, span,
};

/// How many jobs the overview shows.
const JOBS_SHOWN: usize = 12;

impl Http {
    pub(super) async fn overview(&self, visitor: &Visitor<'_>) -> Result<Reply, Instead> {
        let now = Timestamp::now();
        let mut page = OverviewPage {
            frame: self.frame(visitor, "/"),
            trouble: self.trouble(),
            facts: Vec::new(),
            failing: None,
            jobs: Vec::new(),
            jobs_left: 0,
            plots: self.plots(),
        };
        // While groups cannot be shown, the rest still can.
        let (mut jobs_total, mut jobs) = (None, Jobs::default());
        if let Ok(turn) = self.each_group(Vec::new(), |group| jobs.add(&Row::from(&group))).await {
            let made = aside(turn, move || {
                let (total, failing) = jobs.count();
                let first = jobs.worst(JOBS_SHOWN);
                let lines: Vec<_> = first.iter().map(|job| JobLine::new(job, now)).collect();
                (failing, total, lines)
            });
            let (failing, total, lines) = made.await;
            (page.failing, jobs_total) = (Some(failing), Some(total as u64));
            page.jobs_left = total - lines.len();
            page.jobs = lines;
        }
        page.facts = self.facts(jobs_total);
        Ok(html(StatusCode::OK, &page))
    }

    fn facts(&self, jobs: Option<u64>) -> Vec<Fact> {
        let (mut groups, mut series, mut samples) = (0, 0, 0);
        for (stats, _) in self.shards.stats() {
            groups += stats.groups();
            series += stats.series();
            samples += stats.samples();
        }
        let fact = |name, value, note| Fact { name, value, note };
        let jobs = jobs.map(|jobs| format!("of {}", count_of(jobs, "job", "jobs")));
        let mut facts = vec![
            fact("Groups", count(groups), jobs.unwrap_or_default()),
            fact("Series", count(series), count_of(samples, "sample", "samples")),
            fact("Memory", bytes(resident_bytes()), String::new()),
        ];
        if let Some(latest) = self.history.latest() {
            let failures = format!("{} refused", rate(latest.failures_per_second));
            facts.push(fact("Pushes", rate(latest.pushes_per_second), failures));
            if let (Some(seconds), Some(size)) = (latest.scrape_seconds, latest.scrape_bytes) {
                let size = bytes(size as u64);
                facts.push(fact("Scrape", format!("{:.1} ms", seconds * 1e3), size));
            }
        }
        if let Some(status) = &self.persistence {
            let lag = oldest_change_seconds(status, &self.shards);
            facts.push(fact("Not on disk yet", format!("{lag:.1} s"), "oldest change".to_owned()));
        }
        let up = self.started.elapsed().unwrap_or_default();
        facts.push(fact("Up", span(up), String::new()));
        facts
    }

    /// What is drawn, each with what it is now for who does not see it drawn.
    fn plots(&self) -> Vec<Plot> {
        let latest = self.history.latest();
        let latest = latest.as_ref();
        let known = |value: Option<String>| value.unwrap_or_else(|| "nothing yet".to_owned());
        let plot = |title, series, now: Option<String>| Plot { title, series, now: known(now) };
        let mut plots = vec![
            plot("Pushes", "pushes_per_second", latest.map(|one| rate(one.pushes_per_second))),
            plot(
                "Refused pushes",
                "failures_per_second",
                latest.map(|one| rate(one.failures_per_second)),
            ),
            plot("Groups", "groups", latest.map(|one| count(one.groups))),
            plot("Series", "series", latest.map(|one| count(one.series))),
            plot("Memory", "memory_bytes", latest.map(|one| bytes(one.memory_bytes))),
            plot(
                "Time of a scrape",
                "scrape_seconds",
                latest
                    .and_then(|one| one.scrape_seconds)
                    .map(|seconds| format!("{:.1} ms", seconds * 1e3)),
            ),
            plot(
                "Size of a scrape",
                "scrape_bytes",
                latest.and_then(|one| one.scrape_bytes).map(|size| bytes(size as u64)),
            ),
            plot(
                "Groups of the emptiest and the fullest shard",
                "shard_groups_min shard_groups_max",
                latest.map(|one| {
                    format!("{} to {}", count(one.shard_groups_min), count(one.shard_groups_max))
                }),
            ),
            plot(
                "Longest queue of a shard",
                "queue_length_max",
                latest.map(|one| count(one.queue_length_max)),
            ),
        ];
        if self.persistence.is_some() {
            let lag = latest.map(|one| format!("{:.1} s", one.persistence_lag_seconds));
            plots.push(plot("Oldest change not on disk", "persistence_lag_seconds", lag));
        }
        plots
    }

    pub(super) fn status_page(&self, visitor: &Visitor<'_>) -> Result<Reply, Instead> {
        let config = &self.config;
        let (mut series, mut stored, mut queue) = (0, 0, 0);
        for (stats, waiting) in self.shards.stats() {
            series += stats.series();
            stored += stats.bytes();
            queue = queue.max(waiting);
        }
        let file = |path: &Option<std::path::PathBuf>| {
            path.as_ref().map_or("none".to_owned(), |path| path.display().to_string())
        };
        let rules = self.access.rules();
        let has_users = rules.as_ref().is_some_and(|rules| rules.users().is_some());
        let persistence = match &config.persistence {
            Some(options) => options.file.display().to_string(),
            None => "in memory only".to_owned(),
        };
        let since_1970 = self.started.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let started =
            Timestamp::from_nanos(u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX));
        let (bounds, seats) = (&config.bounds, self.seats.taken());
        let stored_bound = match (&bounds.memory, bounds.stored_bytes_max) {
            (Some(memory), _) => memory.to_string(),
            (None, Some(_)) => "--storage.max-bytes".to_owned(),
            (None, None) => "none: --storage.max-bytes=0".to_owned(),
        };
        let revision = option_env!("SHARDGATE_REVISION").unwrap_or("not told");
        let page = StatusPage {
            frame: self.frame(visitor, "/status"),
            build: vec![
                ("Version", format!("shardgate {}", env!("CARGO_PKG_VERSION"))),
                ("Revision", revision.to_owned()),
            ],
            started: Moment::new(started, Timestamp::now()),
            trouble: self.trouble(),
            listeners: &self.listening,
            bounds: vec![
                Fullness::new("Series", series, bounds.series_max, count),
                Fullness::new("What is stored", stored, bounds.stored_bytes_max, bytes),
                Fullness::new(
                    "Bodies in memory",
                    self.in_flight.taken() as u64,
                    Some(bounds.in_flight_bytes_max as u64),
                    bytes,
                ),
                Fullness::new(
                    "Connections",
                    seats.serving as u64,
                    Some(config.web.connections_max as u64),
                    count,
                ),
                Fullness::new(
                    "Messages for one shard",
                    queue as u64,
                    Some(QUEUE_LEN as u64),
                    count,
                ),
                Fullness::new(
                    "Scrapes at a time",
                    self.scrapes.taken(),
                    Some(config.web.scrapes_max as u64),
                    count,
                ),
            ],
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
                ("Shards", self.shards.stats().count().to_string()),
                ("Groups are kept", persistence),
                ("Bound of what is stored", stored_bound),
                ("Web configuration", file(&config.web.config_file)),
                ("Users", if has_users { "must log in" } else { "need no password" }.to_owned()),
                ("Policy", file(&config.web.policy_file)),
                (
                    "Admin API",
                    if config.web.enable_admin_api { "enabled" } else { "off" }.to_owned(),
                ),
            ],
            flags: &config.flags,
        };
        Ok(html(StatusCode::OK, &page))
    }

    /// Why the gateway is not ready, if it is not.
    fn trouble(&self) -> Option<String> {
        if !self.shards.are_alive() {
            return Some(Unavailable::Dead.to_string());
        }
        let status = self.persistence.as_ref()?;
        status.ready().err().map(|not_ready| not_ready.to_string())
    }
}

fn rate(per_second: f64) -> String {
    if per_second < 10.0 {
        format!("{per_second:.1}/s")
    } else {
        format!("{}/s", count(per_second as u64))
    }
}
