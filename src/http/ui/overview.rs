//! The overview: how the gateway is, and which jobs need attention.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper::StatusCode;

use crate::history::{History, Sample};
use crate::http::reply::Reply;
use crate::http::ui::error_page::PageError;
use crate::http::ui::group_scan::{GroupScans, on_own_thread};
use crate::http::ui::page::html;
use crate::http::ui::replicas;
use crate::http::ui::site::Visitor;
use crate::http::ui::status::StatusPages;
use crate::http::ui::views::job_line;
use crate::own_metrics::{oldest_change_seconds, resident_bytes};
use crate::rejections::Rejections;
use crate::shard::Timestamp;
use crate::ui::{
    Fact, Jobs, OverviewPage, Plot, Problem, Row, bytes, count, count_of, gist, span, start_of,
};

/// How many jobs the overview shows.
const JOBS_SHOWN: usize = 12;
/// From which share of a bound on the overview warns, in percent.
const NEAR_PERCENT: u64 = 80;
/// For how long a rejection is a problem.
const REJECTED_LATELY: Duration = Duration::from_secs(600);
/// How much of the last rejection the overview quotes.
const PATH_SHOWN_BYTES: usize = 100;
const REASON_SHOWN_BYTES: usize = 200;
/// A change may wait for the disk this long, or three times the interval if that is longer.
const PERSISTENCE_SLACK: Duration = Duration::from_secs(10);

/// What the overview needs.
#[derive(Debug)]
pub(crate) struct Overview {
    pub(crate) scans: GroupScans,
    pub(crate) history: Arc<History>,
    pub(crate) rejections: Arc<Rejections>,
    pub(crate) started: SystemTime,
}

impl Overview {
    pub(crate) async fn page(
        &self,
        visitor: &Visitor<'_>,
        status: &StatusPages,
    ) -> Result<Reply, PageError> {
        let now = Timestamp::now();
        let storage = &self.scans.storage;
        let mut page = OverviewPage {
            frame: visitor.frame("/"),
            url: visitor.url(),
            trouble: storage.ready().err().map(|failure| failure.to_string()),
            problems: Vec::new(),
            is_empty: storage.readable().is_ok() && storage.groups() == 0,
            facts: Vec::new(),
            jobs: Vec::new(),
            jobs_left: 0,
            plots: self.plots(),
        };
        // While groups cannot be shown, the rest still can.
        let (mut jobs_total, mut jobs) = (None, Jobs::default());
        let scanned = self.scans.each(Vec::new(), |group| jobs.add(&Row::from(&group), now)).await;
        if let Ok(turn) = scanned {
            let rejections = self.rejections.last();
            let made = on_own_thread(turn, move || {
                let (total, failing, late) = jobs.count();
                jobs.keep_bad();
                let bad = jobs.count().0;
                let first = jobs.worst(JOBS_SHOWN);
                let lines: Vec<_> =
                    first.iter().map(|job| job_line(job, &rejections, now)).collect();
                (total, failing, late, bad, lines)
            });
            let (total, failing, late, bad, lines) = made.await;
            jobs_total = Some(total as u64);
            page.jobs_left = bad - lines.len();
            page.jobs = lines;
            page.problems = group_problems(failing, late);
        }
        page.problems.extend(self.gateway_problems(status, now));
        page.facts = self.facts(jobs_total);
        if visitor.site.has_rules() {
            let expired = count(storage.shards.ledger().lately.count(now));
            let (name, note) = ("Expired", "in the last hour".to_owned());
            page.facts.push(Fact { name, value: expired, note, link: "/expired" });
        }
        Ok(html(StatusCode::OK, &page))
    }

    /// What is wrong besides groups that fail or are late.
    fn gateway_problems(&self, status: &StatusPages, now: Timestamp) -> Vec<Problem> {
        let mut problems = Vec::new();
        let since = now.nanos().saturating_sub(REJECTED_LATELY.as_nanos() as u64);
        let rejected = self.rejections.since(Timestamp::from_nanos(since)) as u64;
        if rejected > 0 {
            let mut note = "in the last ten minutes".to_owned();
            if let Some(last) = self.rejections.all().0.first() {
                let ago = Duration::from_nanos(now.nanos().saturating_sub(last.time.nanos()));
                let (status, path) = (last.status, start_of(&last.path, PATH_SHOWN_BYTES));
                note = format!(
                    "{note}; the last one {} ago: {} {path}, {status}: {}",
                    span(ago),
                    last.method,
                    start_of(gist(&last.reason), REASON_SHOWN_BYTES)
                );
            }
            problems.push(Problem {
                what: format!("{} rejected", count_of(rejected, "request", "requests")),
                note,
                link: "/rejections",
            });
        }
        let full = status.fullness().into_iter();
        for bound in
            full.filter(|bound| bound.percent.is_some_and(|percent| percent >= NEAR_PERCENT))
        {
            let (used, most) = (bound.used, bound.most);
            problems.push(Problem {
                what: format!("{} near the bound", bound.name),
                note: format!("{used} of {most}"),
                link: "/status",
            });
        }
        if let Some(persistence) = self.scans.storage.persistence() {
            let lag = oldest_change_seconds(persistence, &self.scans.storage.shards);
            let interval = status.config.persistence.as_ref().map(|options| options.interval);
            let expected = interval.unwrap_or_default() * 3;
            if lag > expected.max(PERSISTENCE_SLACK).as_secs_f64() {
                problems.push(Problem {
                    what: "Changes reach the disk late".to_owned(),
                    note: format!("the oldest change that is not on disk is {lag:.0} s old"),
                    link: "/status",
                });
            }
        }
        if let Some(membership) = self.scans.storage.membership() {
            let set = status.config.cluster.as_ref();
            let lease = set.map(|set| set.lease).unwrap_or_default();
            problems.extend(replicas::problems(membership, lease));
        }
        problems
    }

    fn facts(&self, jobs: Option<u64>) -> Vec<Fact> {
        let (mut groups, mut series, mut samples) = (0, 0, 0);
        for (stats, _) in self.scans.storage.shards.stats() {
            groups += stats.groups();
            series += stats.series();
            samples += stats.samples();
        }
        let fact = |name, value, note| Fact { name, value, note, link: "" };
        let jobs = jobs.map(|jobs| format!("of {}", count_of(jobs, "job", "jobs")));
        let mut facts = vec![
            fact("Groups", count(groups), jobs.unwrap_or_default()),
            fact("Series", count(series), count_of(samples, "sample", "samples")),
            fact("Memory", bytes(resident_bytes()), String::new()),
        ];
        if let Some(latest) = self.history.latest() {
            let failures = format!("{} rejected", rate(latest.failures_per_second));
            facts.push(fact("Pushes", rate(latest.pushes_per_second), failures));
            if let (Some(seconds), Some(size)) = (latest.scrape_seconds, latest.scrape_bytes) {
                let size = bytes(size as u64);
                facts.push(fact("Scrape", millis(seconds), size));
            }
        }
        if let Some(status) = self.scans.storage.persistence() {
            let lag = oldest_change_seconds(status, &self.scans.storage.shards);
            facts.push(fact("Not on disk yet", format!("{lag:.1} s"), "oldest change".to_owned()));
        }
        facts.extend(self.scans.storage.membership().map(|member| replicas::fact(member)));
        let up = self.started.elapsed().unwrap_or_default();
        facts.push(fact("Up", span(up), String::new()));
        facts
    }

    /// The plots, each with its present value as text for visitors who do not see the plot.
    fn plots(&self) -> Vec<Plot> {
        let latest = self.history.latest();
        let plot = |title, series, now: fn(&Sample) -> Option<String>| {
            plot(latest.as_ref(), title, series, now)
        };
        let mut plots = vec![
            plot(
                "Pushes and rejections per second",
                "pushes_per_second failures_per_second",
                |now| {
                    let (pushes, failures) = (now.pushes_per_second, now.failures_per_second);
                    Some(format!("{}, {} rejected", rate(pushes), rate(failures)))
                },
            ),
            plot("Stored series", "series", |now| Some(count(now.series))),
            plot("Resident memory, in bytes", "memory_bytes", |now| Some(bytes(now.memory_bytes))),
            plot("Time to make a scrape, in seconds", "scrape_seconds", |now| {
                now.scrape_seconds.map(millis)
            }),
        ];
        if self.scans.storage.persistence().is_some() {
            plots.push(plot(
                "Age of the oldest change that is not on disk, in seconds",
                "persistence_lag_seconds",
                |now| Some(format!("{:.1} s", now.persistence_lag_seconds)),
            ));
        }
        plots
    }
}

/// What is wrong with groups.
fn group_problems(failing: u64, late: u64) -> Vec<Problem> {
    let mut problems = Vec::new();
    if failing > 0 {
        problems.push(Problem {
            what: format!("{} failing", count_of(failing, "group", "groups")),
            note: "the last push was rejected".to_owned(),
            link: "/groups?state=failed",
        });
    }
    if late > 0 {
        problems.push(Problem {
            what: format!("{} late", count_of(late, "group", "groups")),
            note: "no push for much longer than usual".to_owned(),
            link: "/groups?state=late",
        });
    }
    problems
}

/// A plot with its present value.
pub(super) fn plot(
    latest: Option<&Sample>,
    title: &'static str,
    series: &'static str,
    now: fn(&Sample) -> Option<String>,
) -> Plot {
    let now = latest.and_then(now).unwrap_or_else(|| "nothing yet".to_owned());
    Plot { title, series, now }
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
