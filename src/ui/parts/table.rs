//! The rows and headings of tables: a group, a job.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::exposition::unescape;
use crate::push::GroupingKey;
use crate::rejections::Rejection;
use crate::shard::{JobCounts, Timestamp};
use crate::ui::parts::spark::usual;
use crate::ui::select::filter::{Filter, Sort};
use crate::ui::select::jobs::Job;
use crate::ui::select::row::{Due, Row, job_path};
use crate::ui::words::quantity::{bytes, count, count_of, shortened};
use crate::ui::words::time::Moment;

/// How many labels of a group a table shows.
pub(crate) const LABELS_SHOWN_MAX: usize = 12;

/// The heading of a column, which sorts by it.
#[derive(Debug, Template)]
#[template(
    source = r#"<th scope="col"{% if !order.is_empty() %} aria-sort="{{ order }}"{% endif %}{% if is_number %} class="number"{% endif %}><a href="?{{ query }}">{{ label }}{% if !order.is_empty() %}<span class="arrow" aria-hidden="true">{% if order == "ascending" %}▲{% else %}▼{% endif %}</span>{% endif %}</a></th>"#,
    ext = "html"
)]
pub(crate) struct Heading {
    query: String,
    label: String,
    /// The ARIA name of the order; empty if the table is sorted by another column.
    order: &'static str,
    is_number: bool,
}

impl HtmlSafe for Heading {}

impl Heading {
    pub(crate) fn new(filter: &Filter, sort: Sort, label: &str) -> Heading {
        let order = match (filter.sort == sort, filter.is_descending) {
            (false, _) => "",
            (true, false) => "ascending",
            (true, true) => "descending",
        };
        let is_number = matches!(sort, Sort::Families | Sort::Series | Sort::Bytes | Sort::Groups);
        Heading { query: filter.sorted_by(sort), label: label.to_owned(), order, is_number }
    }
}

/// A group as a table shows it.
#[derive(Debug)]
pub struct GroupLine {
    pub(crate) path: String,
    pub(crate) job_path: String,
    pub(crate) job: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) labels_left: usize,
    pub(crate) has_failed: bool,
    pub(crate) is_late: bool,
    pub(crate) pushed: Option<Moment>,
    pub(crate) failed: Option<Moment>,
    pub(crate) expires: Option<Expires>,
    pub(crate) usual: Option<String>,
    pub(crate) rejection: Option<Reason>,
    pub(crate) families: String,
    pub(crate) series: String,
    pub(crate) bytes: String,
    /// What it is in a sum: words, and the path of a page about it behind the prefix.
    pub(crate) in_sum: Option<(String, String)>,
}

impl GroupLine {
    /// The row of a group at this time.
    pub fn new(row: &Row, now: Timestamp) -> GroupLine {
        GroupLine::with_labels(row, now, LABELS_SHOWN_MAX)
    }

    /// The same, with all of its labels.
    pub fn whole(row: &Row, now: Timestamp) -> GroupLine {
        GroupLine::with_labels(row, now, usize::MAX)
    }

    fn with_labels(row: &Row, now: Timestamp, labels_max: usize) -> GroupLine {
        let mut labels = row.labels();
        let labels_left = labels.len().saturating_sub(labels_max);
        labels.truncate(labels_max);
        for (name, value) in &mut labels {
            (*name, *value) = (shortened(name), shortened(value));
        }
        GroupLine {
            path: row.path(),
            job_path: job_path(row.job()),
            job: shortened(&unescape(row.job())),
            labels,
            labels_left,
            has_failed: row.has_failed(),
            is_late: row.is_late(now),
            pushed: Moment::new(row.pushed, now),
            failed: Moment::new(row.failed, now),
            expires: row.expires.map(|due| Expires::new(due, now)),
            usual: usual(&row.rhythm.intervals()),
            rejection: None,
            families: count(row.families),
            series: count(row.series),
            bytes: bytes(row.bytes),
            in_sum: in_sum(row),
        }
    }

    /// The same, with the rejection that has come since its last push, if there is one.
    pub fn with_rejection(self, rejection: Option<&Rejection>, now: Timestamp) -> GroupLine {
        GroupLine { rejection: rejection.map(|found| Reason::new(found, now)), ..self }
    }

    /// Whether its next push is late.
    pub fn is_late(&self) -> bool {
        self.is_late
    }

    /// The group in one line of text, for screen readers.
    pub(crate) fn spoken(&self) -> String {
        let mut text = format!("job {}", self.job);
        for (name, value) in &self.labels {
            text.push_str(&format!(", {name} {value}"));
        }
        text
    }
}

/// What a group is in a sum: words, and where to see the other side.
fn in_sum(row: &Row) -> Option<(String, String)> {
    if let Some(sources) = row.sources {
        let without = if row.has_left_natives_out {
            ", without those native histograms that do not add up"
        } else {
            ""
        };
        let words = format!("sum of {}{without}", count_of(sources, "source", "sources"));
        return Some((words, format!("/groups?{}", Filter::of_sum(row.path()).narrowing())));
    }
    let key = GroupingKey::from_text(row.sum.as_ref()?, false)?;
    Some(("source of a sum".to_owned(), format!("/groups{}", key.path())))
}

/// Why and when a push was rejected.
#[derive(Debug)]
pub(crate) struct Reason {
    pub(crate) at: Option<Moment>,
    pub(crate) text: String,
}

impl Reason {
    fn new(rejection: &Rejection, now: Timestamp) -> Reason {
        Reason { at: Moment::new(rejection.time, now), text: shortened(gist(&rejection.reason)) }
    }
}

/// A reason without the words with which the Pushgateway begins many of them.
pub fn gist(reason: &str) -> &str {
    let start = "pushed metrics are invalid or inconsistent with existing metrics: ";
    reason.strip_prefix(start).unwrap_or(reason)
}

/// When a group expires, as a table shows it.
#[derive(Debug)]
pub(crate) struct Expires {
    pub(crate) moment: Moment,
    /// Whether its time has come and scrapers still hold it.
    pub(crate) is_held: bool,
    /// The rule that says so; `None` where the last push asked for it.
    pub(crate) rule: Option<u16>,
}

impl Expires {
    fn new(due: Due, now: Timestamp) -> Expires {
        if now < due.at || due.hold.is_zero() {
            let moment = Moment::ahead(due.at, now);
            return Expires { moment, is_held: false, rule: due.rule };
        }
        let moment = Moment::ahead(due.at.after(due.hold), now);
        Expires { moment, is_held: true, rule: due.rule }
    }
}

/// What the ledger says of a job.
#[derive(Debug)]
pub(crate) struct LedgerLine {
    pub(crate) last_push: Option<Moment>,
    pub(crate) pushes: String,
    pub(crate) failures: String,
    pub(crate) has_failures: bool,
    pub(crate) expired: String,
    pub(crate) groups: String,
}

impl LedgerLine {
    fn new(counts: &JobCounts, now: Timestamp) -> LedgerLine {
        LedgerLine {
            last_push: Moment::new(counts.last_push, now),
            pushes: count(counts.pushes),
            failures: count(counts.failures),
            has_failures: counts.failures > 0,
            expired: count(counts.expired),
            groups: count(counts.groups),
        }
    }
}

/// A job as a table shows it.
#[derive(Debug)]
pub struct JobLine {
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) groups: String,
    /// Whether none of its groups is stored.
    pub(crate) is_gone: bool,
    pub(crate) failing: u64,
    pub(crate) late: u64,
    pub(crate) series: String,
    pub(crate) bytes: String,
    pub(crate) pushed: Option<Moment>,
    pub(crate) oldest: Option<Moment>,
    pub(crate) failed: Option<Moment>,
    pub(crate) ledger: Option<LedgerLine>,
    pub(crate) rejection: Option<Reason>,
}

impl JobLine {
    /// The same, with the rejection that has come since its last push, if there is one.
    pub fn with_rejection(self, rejection: Option<&Rejection>, now: Timestamp) -> JobLine {
        JobLine { rejection: rejection.map(|found| Reason::new(found, now)), ..self }
    }

    /// The row of a job at this time.
    pub fn new(job: &Job, now: Timestamp) -> JobLine {
        JobLine {
            path: job_path(&job.name),
            name: shortened(&unescape(&job.name)),
            groups: count(job.groups),
            is_gone: job.groups == 0,
            failing: job.failing,
            late: job.late,
            series: count(job.series),
            bytes: bytes(job.bytes),
            pushed: Moment::new(job.pushed, now),
            oldest: Moment::new(job.oldest, now),
            failed: Moment::new(job.failed, now),
            ledger: job.ledger.as_ref().map(|counts| LedgerLine::new(counts, now)),
            rejection: None,
        }
    }
}
