//! Jobs: what the groups of one name have in common.

use std::collections::HashMap;

use askama::Template;

use super::choose::{Chosen, page_of};
use super::filter::{Filter, Sort};
use super::frame::Frame;
use super::moment::Moment;
use super::pager::Pager;
use super::quantity::{bytes, count, shortened};
use super::row::{Row, job_path, plain};
use crate::shard::Timestamp;

/// All groups of a job, summed up.
#[derive(Debug, Clone)]
pub struct Job<'a> {
    /// Its name, escaped.
    pub name: &'a str,
    /// How many groups it has.
    pub groups: u64,
    /// To how many of them the last push was refused.
    pub failing: u64,
    /// How many series they hold.
    pub series: u64,
    /// How many bytes their samples are.
    pub bytes: u64,
    /// When any of them was last pushed to.
    pub pushed: Timestamp,
    /// When the one that has waited longest was last pushed to.
    pub oldest: Timestamp,
    /// When a push to any of them was last refused.
    pub failed: Timestamp,
}

/// The jobs of these groups, in no particular order.
pub fn jobs(rows: &[Row]) -> Vec<Job<'_>> {
    let mut jobs: HashMap<&str, Job<'_>, ahash::RandomState> = HashMap::default();
    for row in rows {
        let name = row.job();
        let (pushed, oldest) = (Timestamp::NEVER, row.pushed);
        let job = jobs.entry(name).or_insert_with(|| Job {
            name,
            groups: 0,
            failing: 0,
            series: 0,
            bytes: 0,
            pushed,
            oldest,
            failed: Timestamp::NEVER,
        });
        job.groups += 1;
        job.failing += u64::from(row.has_failed());
        job.series += row.series;
        job.bytes += row.bytes;
        job.pushed = job.pushed.max(row.pushed);
        job.oldest = job.oldest.min(row.pushed);
        job.failed = job.failed.max(row.failed);
    }
    jobs.into_values().collect()
}

/// A page of these jobs.
pub fn choose_jobs<'a>(jobs: Vec<Job<'a>>, filter: &Filter) -> Chosen<Job<'a>> {
    page_of(jobs, filter, |one, other| {
        let by = match filter.sort {
            Sort::Job | Sort::Families => one.name.cmp(other.name),
            Sort::Age => other.pushed.cmp(&one.pushed),
            Sort::Failed => (one.failing, one.failed).cmp(&(other.failing, other.failed)),
            Sort::Series => one.series.cmp(&other.series),
            Sort::Bytes => one.bytes.cmp(&other.bytes),
            Sort::Groups => one.groups.cmp(&other.groups),
        };
        (by, one.name.cmp(other.name))
    })
}

/// The jobs to look at first, so many of them: those that fail, then those that have been quiet for longest.
pub fn worst_jobs(mut jobs: Vec<Job<'_>>, most: usize) -> Vec<Job<'_>> {
    jobs.sort_unstable_by_key(|job| (job.failing == 0, job.pushed, job.name));
    jobs.truncate(most);
    jobs
}

/// A job as a table shows it.
#[derive(Debug)]
pub struct JobLine {
    pub(super) path: String,
    pub(super) name: String,
    pub(super) groups: String,
    pub(super) failing: u64,
    pub(super) series: String,
    pub(super) bytes: String,
    pub(super) pushed: Option<Moment>,
    pub(super) oldest: Option<Moment>,
    pub(super) failed: Option<Moment>,
}

impl JobLine {
    /// As it is now.
    pub fn new(job: &Job<'_>, now: Timestamp) -> JobLine {
        JobLine {
            path: job_path(job.name),
            name: shortened(&plain(job.name)),
            groups: count(job.groups),
            failing: job.failing,
            series: count(job.series),
            bytes: bytes(job.bytes),
            pushed: Moment::new(job.pushed, now),
            oldest: Moment::new(job.oldest, now),
            failed: Moment::new(job.failed, now),
        }
    }
}

/// All jobs, searched and sorted.
#[derive(Debug, Template)]
#[template(path = "jobs.html")]
pub struct JobsPage<'a> {
    /// What all pages have.
    pub frame: Frame<'a>,
    /// What was asked for.
    pub filter: &'a Filter,
    /// What of that is on this page.
    pub jobs: Vec<JobLine>,
    /// Where it is among the others.
    pub pager: Pager,
}

impl JobsPage<'_> {
    fn sorted_by(&self, sort: Sort, label: &str) -> super::table::Heading {
        super::table::Heading::new(self.filter, sort, label)
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::row;
    use super::*;

    #[test]
    fn a_job_is_the_sum_of_its_groups() {
        let rows = [row("/a/x/1", 10, 20), row("/b", 5, 0), row("/a/x/2", 30, 25), row("/a", 0, 7)];
        let found = jobs(&rows);
        let a = found.iter().find(|job| job.name == "a").expect("it is there");
        let seconds = |at: Timestamp| at.nanos() / 1_000_000_000;
        assert_eq!((found.len(), a.groups, a.failing, a.series), (2, 3, 2, 3));
        assert_eq!((seconds(a.pushed), seconds(a.oldest), seconds(a.failed)), (30, 0, 25));
        let filter = Filter::parse("sort=failed&order=desc").expect("it makes sense");
        let names: Vec<_> = choose_jobs(found, &filter).shown.iter().map(|job| job.name).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
