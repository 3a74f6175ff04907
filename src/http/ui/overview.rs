//! The overview: how the gateway is, and which jobs need attention.

use std::sync::Arc;
use std::time::SystemTime;

use hyper::StatusCode;

use crate::history::{History, Sample};
use crate::http::reply::Reply;
use crate::http::ui::error_page::PageError;
use crate::http::ui::group_scan::{GroupScans, on_own_thread};
use crate::http::ui::page::html;
use crate::http::ui::site::Visitor;
use crate::own_metrics::{oldest_change_seconds, resident_bytes};
use crate::shard::Timestamp;
use crate::ui::{Fact, JobLine, Jobs, OverviewPage, Plot, Row, bytes, count, count_of, span};

/// How many jobs the overview shows.
const JOBS_SHOWN: usize = 12;

/// What the overview needs.
#[derive(Debug)]
pub(crate) struct Overview {
    pub(crate) scans: GroupScans,
    pub(crate) history: Arc<History>,
    pub(crate) started: SystemTime,
}

impl Overview {
    pub(crate) async fn page(&self, visitor: &Visitor<'_>) -> Result<Reply, PageError> {
        let now = Timestamp::now();
        let mut page = OverviewPage {
            frame: visitor.frame("/"),
            trouble: self.scans.storage.ready().err().map(|failure| failure.to_string()),
            facts: Vec::new(),
            failing: None,
            jobs: Vec::new(),
            jobs_left: 0,
            plots: self.plots(),
        };
        // While groups cannot be shown, the rest still can.
        let (mut jobs_total, mut jobs) = (None, Jobs::default());
        if let Ok(turn) = self.scans.each(Vec::new(), |group| jobs.add(&Row::from(&group))).await {
            let made = on_own_thread(turn, move || {
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
        for (stats, _) in self.scans.storage.shards.stats() {
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
                facts.push(fact("Scrape", millis(seconds), size));
            }
        }
        if let Some(status) = &self.scans.storage.persistence {
            let lag = oldest_change_seconds(status, &self.scans.storage.shards);
            facts.push(fact("Not on disk yet", format!("{lag:.1} s"), "oldest change".to_owned()));
        }
        let up = self.started.elapsed().unwrap_or_default();
        facts.push(fact("Up", span(up), String::new()));
        facts
    }

    /// The plots, each with its present value as text for visitors who do not see the plot.
    fn plots(&self) -> Vec<Plot> {
        let latest = self.history.latest();
        let latest = latest.as_ref();
        let plot = |title, series, now: fn(&Sample) -> Option<String>| {
            let now = latest.and_then(now).unwrap_or_else(|| "nothing yet".to_owned());
            Plot { title, series, now }
        };
        let mut plots = vec![
            plot("Pushes", "pushes_per_second", |now| Some(rate(now.pushes_per_second))),
            plot("Refused pushes", "failures_per_second", |now| {
                Some(rate(now.failures_per_second))
            }),
            plot("Groups", "groups", |now| Some(count(now.groups))),
            plot("Series", "series", |now| Some(count(now.series))),
            plot("Memory", "memory_bytes", |now| Some(bytes(now.memory_bytes))),
            plot("Time of a scrape", "scrape_seconds", |now| now.scrape_seconds.map(millis)),
            plot("Size of a scrape", "scrape_bytes", |now| {
                now.scrape_bytes.map(|size| bytes(size as u64))
            }),
            plot(
                "Groups of the emptiest and the fullest shard",
                "shard_groups_min shard_groups_max",
                |now| {
                    let (min, max) = (now.shard_groups_min, now.shard_groups_max);
                    Some(format!("{} to {}", count(min), count(max)))
                },
            ),
            plot("Longest queue of a shard", "queue_length_max", |now| {
                Some(count(now.queue_length_max))
            }),
        ];
        if self.scans.storage.persistence.is_some() {
            plots.push(plot("Oldest change not on disk", "persistence_lag_seconds", |now| {
                Some(format!("{:.1} s", now.persistence_lag_seconds))
            }));
        }
        plots
    }
}

fn rate(per_second: f64) -> String {
    if per_second < 10.0 {
        format!("{per_second:.1}/s")
    } else {
        format!("{}/s", count(per_second as u64))
    }
}

fn millis(seconds: f64) -> String {
    format!("{:.1} ms", seconds * 1e3)
}
