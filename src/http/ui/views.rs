//! The pages that show groups and jobs.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;

use crate::exposition::{NameRules, unescape};
use crate::http::reply::Reply;
use crate::http::ui::error_page::PageError;
use crate::http::ui::group_scan::{GroupScans, due, on_own_thread};
use crate::http::ui::page::html;
use crate::http::ui::site::Visitor;
use crate::http::ui::watch::Watch;
use crate::push::{GroupingKey, PUSH_FAILURE_TIME, PUSH_TIME};
use crate::rejections::{LastRejections, Rejection, Rejections, group_of};
use crate::shard::{Expiry, GroupView, Rhythm, Timestamp};
use crate::ui::{
    Due, FAMILIES_PER_PAGE, Family, Filter, Gone, GroupLine, GroupPage, GroupsPage, Job, JobLine,
    JobPage, Jobs, JobsPage, LINES_INLINE_MAX, LINES_PER_PAGE, PER_PAGE, Pager, RejectionLine, Row,
    Seen, Sparkline, choose, command, families_pager, lines, removed, span, usual, worst,
};

/// How many of its last rejections the page of a group looks at,
const REJECTIONS_FOLDED: usize = 1000;
/// and how many reasons it shows.
const REJECTIONS_SHOWN: usize = 5;

/// What the pages of groups and jobs need.
#[derive(Debug)]
pub(crate) struct Views {
    pub(crate) scans: GroupScans,
    pub(crate) name_rules: NameRules,
    pub(crate) rejections: Arc<Rejections>,
    pub(crate) watch: Arc<Watch>,
}

impl Views {
    /// Rows as tables show them, each with the rejection that has come since its last push.
    fn lines(&self, rows: &[Row], now: Timestamp) -> Vec<GroupLine> {
        let rejections = self.rejections.last();
        let line = |row: &Row| {
            let key = GroupingKey::from_text(&row.key, row.has_empty_instance);
            let rejection =
                key.and_then(|key| rejections.of_group(group_of(&key.identity()), row.pushed));
            GroupLine::new(row, now).with_rejection(rejection, now)
        };
        rows.iter().map(line).collect()
    }

    /// How many groups have expired in the last hour.
    fn expired(&self, now: Timestamp) -> u64 {
        self.scans.storage.shards.ledger().lately.count(now)
    }

    pub(crate) async fn groups(
        &self,
        visitor: &Visitor<'_>,
        query: &str,
    ) -> Result<Reply, PageError> {
        let filter = Filter::parse(query).map_err(PageError::misunderstood)?;
        let (now, mut choice) = (Timestamp::now(), choose(&filter));
        let turn = self.scans.each_of(&filter, self.name_rules, |group| {
            let row = Row::from(&group);
            if filter.takes(&row, now) {
                choice.add(row);
            }
        });
        let chosen = on_own_thread(turn.await?, move || choice.page()).await;
        let deleted = form_urlencoded::parse(query.as_bytes());
        let deleted = deleted.into_owned().find(|(name, _)| name == "deleted");
        let page = GroupsPage {
            frame: visitor.frame("/groups"),
            url: visitor.url(),
            filter: &filter,
            total: self.scans.storage.groups(),
            matching: chosen.matching as u64,
            pager: Pager::new(&filter, chosen.matching, chosen.shown.len()),
            groups: self.lines(&chosen.shown, now),
            expired: visitor.site.has_rules().then(|| self.expired(now)),
            deleted: deleted.and_then(|(_, count)| count.parse().ok()),
        };
        Ok(html(StatusCode::OK, &page))
    }

    pub(crate) async fn jobs(
        &self,
        visitor: &Visitor<'_>,
        query: &str,
    ) -> Result<Reply, PageError> {
        let filter = Filter::parse(query).map_err(PageError::misunderstood)?;
        let (now, mut jobs) = (Timestamp::now(), Jobs::default());
        let turn = self.scans.each(Vec::new(), |group| {
            let row = Row::from(&group);
            if filter.takes(&row, now) {
                jobs.add(&row, now);
            }
        });
        let (ledger, rejections) =
            (self.scans.storage.shards.ledger().jobs(), self.rejections.last());
        let made = on_own_thread(turn.await?, move || {
            for counts in ledger {
                jobs.add_ledger(counts, |row| filter.takes(row, now));
            }
            let chosen = jobs.page(&filter);
            let lines: Vec<_> =
                chosen.shown.iter().map(|job| job_line(job, &rejections, now)).collect();
            (lines, chosen.matching, filter)
        });
        let (lines, matching, filter) = made.await;
        let pager = Pager::new(&filter, matching, lines.len());
        let frame = visitor.frame("/jobs");
        Ok(html(StatusCode::OK, &JobsPage { frame, filter: &filter, jobs: lines, pager }))
    }

    pub(crate) async fn job(&self, visitor: &Visitor<'_>, tail: &[u8]) -> Result<Reply, PageError> {
        let key = GroupingKey::parse(tail, self.name_rules)?;
        let now = Timestamp::now();
        let (mut jobs, mut choice) = (Jobs::default(), worst(PER_PAGE));
        let turn = self.scans.each(vec![key.job().to_owned()], |group| {
            let row = Row::from(&group);
            jobs.add(&row, now);
            choice.add(row);
        });
        let turn = turn.await?;
        let ledger = self.scans.storage.shards.ledger();
        if let Some(counts) = ledger.job(key.job()) {
            jobs.add_ledger(counts, |_| true);
        }
        let rejections = self.rejections.last();
        let Some(job) = jobs.worst(1).first().map(|job| job_line(job, &rejections, now)) else {
            let mut text = "No group has this job. Its groups may have been deleted.".to_owned();
            let rejection = rejections.of_job(&unescape(key.job()), Timestamp::NEVER);
            text.extend(rejection.map(|found| told(found, now)));
            return Ok(visitor.message(StatusCode::NOT_FOUND, "No such job", &text));
        };
        let chosen = on_own_thread(turn, move || choice.page()).await;
        let page = JobPage {
            frame: visitor.frame("/jobs"),
            job,
            groups: self.lines(&chosen.shown, now),
            groups_left: chosen.matching - chosen.shown.len(),
            expired: ledger
                .lately
                .groups(now)
                .iter()
                .map(Gone::from)
                .filter(|gone| gone.row.job() == key.job())
                .count() as u64,
            query: Filter::of_job(key.job()).narrowing(),
        };
        Ok(html(StatusCode::OK, &page))
    }

    pub(crate) async fn group(
        &self,
        visitor: &Visitor<'_>,
        tail: &[u8],
        query: &str,
    ) -> Result<Reply, PageError> {
        self.scans.storage.readable()?;
        let key = GroupingKey::parse(tail, self.name_rules)?;
        let filter = Filter::parse(query).map_err(PageError::misunderstood)?;
        let shards = &self.scans.storage.shards;
        let found = shards.find(std::slice::from_ref(&key)).await?;
        let expiry = found.first().and_then(|summary| summary.expiry.as_deref());
        let (rules, expires) = (expiry.map(rules), expiry.and_then(due));
        let in_sum = found
            .first()
            .map(|summary| (summary.sources, summary.has_left_natives_out, summary.sum.clone()));
        let found: Vec<_> = found.into_iter().map(|summary| summary.group).collect();
        let Some(group) = shards.views(&found).await?.pop() else {
            let now = Timestamp::now();
            let gone = shards.ledger().lately.find(key.text(), now);
            let mut text = gone.map_or_else(
                || "There is no such group. It may have been deleted.".to_owned(),
                |gone| Gone::from(&gone).sentence(now),
            );
            let rejection = self.rejections.of_group(group_of(&key.identity()), 1).pop();
            text.extend(rejection.map(|found| told(&found, now)));
            return Ok(visitor.message(StatusCode::NOT_FOUND, "No such group", &text));
        };
        let pushed = group.pushed;
        let only = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "family");
        let only = only.map(|(_, family)| family.into_owned());
        let frame = visitor.frame("/groups");
        let before = self.watch.look(&key);
        let has_changes = before.is_some();
        let config = Arc::clone(&visitor.site.config);
        // A family may have millions of lines.
        let turn = self.scans.turn().await?;
        let made = on_own_thread(turn, move || {
            let query_url = |query: &str| {
                config.web.query_url.as_ref().map_or_else(String::new, |url| url.of(query))
            };
            let before = before.as_deref();
            let made = group_parts(
                &group,
                in_sum,
                expires,
                before,
                &query_url,
                only.as_deref(),
                filter.page,
            );
            let removed = before.map_or_else(Vec::new, |before| removed(&group, before));
            (made, only, removed, query_url(&format!("{{{}}}", group.key)))
        });
        let (GroupParts { head, families, total, pager, rhythm }, only, removed, query_url) =
            made.await;
        let intervals = rhythm.intervals();
        let late = rhythm.late_after().filter(|_| head.is_late()).map(span);
        let (url, path) = (visitor.url(), key.path());
        let commands = [
            ("Push a file in place of all that the group holds", "PUT"),
            ("Push a file in place of the families that it names", "POST"),
            ("Delete the group", "DELETE"),
        ];
        let rejections = self.rejections.of_group(group_of(&key.identity()), REJECTIONS_FOLDED);
        let now = Timestamp::now();
        let since = rejections.first().map(|found| &**found).filter(|found| found.time > pushed);
        let page = GroupPage {
            frame,
            usual: usual(&intervals),
            intervals: Sparkline::new(&intervals),
            late,
            removed,
            has_changes,
            query_url,
            commands: commands.map(|(name, method)| (name, command(method, &url, &path))).into(),
            group: head.with_rejection(since, now),
            rejections: RejectionLine::folded(&rejections, REJECTIONS_SHOWN, now),
            rules,
            only: only.as_deref(),
            families,
            families_total: crate::ui::count(total as u64),
            pager,
        };
        Ok(html(StatusCode::OK, &page))
    }
}

/// A job as a table shows it, with the rejection that has come since its last push.
pub(super) fn job_line(job: &Job, rejections: &LastRejections, now: Timestamp) -> JobLine {
    let rejection = rejections.of_job(&unescape(&job.name), job.pushed);
    JobLine::new(job, now).with_rejection(rejection, now)
}

/// A rejection, in a sentence that follows others.
fn told(rejection: &Rejection, now: Timestamp) -> String {
    let ago = Duration::from_nanos(now.nanos().saturating_sub(rejection.time.nanos()));
    let (status, reason) = (rejection.status, &rejection.reason);
    format!(" Its last request was rejected {} ago with status {status}: {reason}", span(ago))
}

/// What applies to a group, in one line.
fn rules(expiry: &Expiry) -> String {
    let settings = expiry.settings().into_iter().map(|(key, value, rule)| match rule {
        Some(rule) => format!("{key}: {value} (rule {rule})"),
        None => format!("{key}: {value} (header of the last push)"),
    });
    settings.collect::<Vec<_>>().join("; ")
}

/// What the page of a group is made of.
struct GroupParts {
    head: GroupLine,
    families: Vec<Family>,
    total: usize,
    pager: Option<Pager>,
    rhythm: Rhythm,
}

/// A page of one family, or one of all of them.
fn group_parts(
    group: &GroupView,
    in_sum: Option<(Option<u64>, bool, Option<Arc<str>>)>,
    expires: Option<Due>,
    before: Option<&GroupView>,
    query_url: &dyn Fn(&str) -> String,
    only: Option<&str>,
    page: usize,
) -> GroupParts {
    let now = Timestamp::now();
    let (sources, has_left_natives_out, sum) = in_sum.unwrap_or_default();
    let row = Row {
        key: group.key.clone(),
        has_empty_instance: group.has_empty_instance,
        pushed: group.pushed,
        failed: group.failed,
        rhythm: group.rhythm,
        expires,
        families: 0,
        series: 0,
        bytes: 0,
        sources,
        has_left_natives_out,
        sum,
    };
    let mut labels = row.labels();
    labels.push(("job".to_owned(), unescape(row.job()).into_owned()));
    let seen = Seen { labels, key: Arc::clone(&group.key), before, query_url, now };
    // The page says of the push times what there is to say.
    let own = [PUSH_TIME, PUSH_FAILURE_TIME];
    let pushed: Vec<_> =
        group.families.iter().filter(|family| !own.contains(&&*family.name)).collect();
    let (head, total) = (GroupLine::whole(&row, now), pushed.len());
    if let Some(only) = only {
        let family = group.families.iter().find(|family| *family.name == *only);
        let families = family.map(|family| Family::whole(family, &seen, page));
        let families = families.into_iter().collect();
        return GroupParts { head, families, total, pager: None, rhythm: group.rhythm };
    }
    let mut lines_left = LINES_PER_PAGE;
    let start = (page - 1).saturating_mul(FAMILIES_PER_PAGE);
    let shown = pushed.iter().skip(start).take(FAMILIES_PER_PAGE).map(|family| {
        let lines = lines(family);
        if lines > LINES_INLINE_MAX.min(lines_left) {
            return Family::closed(family, &seen);
        }
        lines_left -= lines;
        Family::open(family, &seen)
    });
    let families: Vec<_> = shown.collect();
    let pager = families_pager(page, total, families.len());
    GroupParts { head, families, total, pager, rhythm: group.rhythm }
}
