//! Jobs: each is the sum of its groups.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::shard::{JobCounts, Timestamp};
use crate::ui::select::choose::{Choice, Chosen, in_order};
use crate::ui::select::filter::{Filter, Sort};
use crate::ui::select::row::Row;

/// All groups of a job, summed up.
#[derive(Debug, Clone, Default)]
pub struct Job {
    /// Its name, escaped.
    pub name: String,
    /// How many groups it has.
    pub groups: u64,
    /// To how many of them the last push was refused.
    pub failing: u64,
    /// For how many of them the next push is late.
    pub late: u64,
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
    /// What the ledger says of it, if its groups may expire.
    pub ledger: Option<JobCounts>,
}

impl Job {
    fn add(&mut self, row: &Row, now: Timestamp) {
        self.groups += 1;
        self.late += u64::from(row.is_late(now));
        self.failing += u64::from(row.has_failed());
        self.series += row.series;
        self.bytes += row.bytes;
        self.pushed = self.pushed.max(row.pushed);
        self.oldest = self.oldest.min(row.pushed);
        self.failed = self.failed.max(row.failed);
    }
}

/// The jobs of groups that come one by one.
#[derive(Debug, Default)]
pub struct Jobs {
    by_name: HashMap<String, Job, ahash::RandomState>,
}

impl Jobs {
    /// One group more.
    pub fn add(&mut self, row: &Row, now: Timestamp) {
        let name = row.job();
        if let Some(job) = self.by_name.get_mut(name) {
            return job.add(row, now);
        }
        let mut job = Job { name: name.to_owned(), oldest: row.pushed, ..Job::default() };
        job.add(row, now);
        self.by_name.insert(job.name.clone(), job);
    }

    /// What the ledger says of a job. A job whose groups have all expired is listed by that alone, if `takes` takes what it was.
    pub fn add_ledger(&mut self, counts: JobCounts, takes: impl FnOnce(&Row) -> bool) {
        if let Some(job) = self.by_name.get_mut(&*counts.job) {
            job.ledger = Some(counts);
            return;
        }
        let (name, pushed) = (counts.job.to_string(), counts.last_push);
        if counts.groups == 0 && takes(&Row::of_job(&name, pushed)) {
            let job = Job { name, pushed, oldest: pushed, ledger: Some(counts), ..Job::default() };
            self.by_name.insert(job.name.clone(), job);
        }
    }

    /// How many jobs there are, and how many of their groups have failed and are late.
    pub fn count(&self) -> (usize, u64, u64) {
        let sum = |of: fn(&Job) -> u64| self.by_name.values().map(of).sum();
        (self.by_name.len(), sum(|job| job.failing), sum(|job| job.late))
    }

    /// Leaves out jobs none of whose groups fails or is late.
    pub fn keep_bad(&mut self) {
        self.by_name.retain(|_, job| job.failing > 0 || job.late > 0);
    }

    /// The page of them that is asked for.
    pub fn page(self, filter: &Filter) -> Chosen<Job> {
        let sort = filter.sort;
        self.choose(in_order(filter, move |one: &Job, other: &Job| {
            let by = match sort {
                Sort::Job | Sort::Families | Sort::Expires => one.name.cmp(&other.name),
                Sort::Age => other.pushed.cmp(&one.pushed),
                Sort::Failed => (one.failing, one.failed).cmp(&(other.failing, other.failed)),
                Sort::Series => one.series.cmp(&other.series),
                Sort::Bytes => one.bytes.cmp(&other.bytes),
                Sort::Groups => one.groups.cmp(&other.groups),
            };
            (by, one.name.cmp(&other.name))
        }))
    }

    /// The first `most` jobs to look at: failing jobs, then the jobs that have been quiet for longest.
    pub fn worst(self, most: usize) -> Vec<Job> {
        let choice = Choice::new(1, most, |one: &Job, other: &Job| {
            let rank = |job: &Job| (job.failing == 0, job.late == 0, job.pushed);
            rank(one).cmp(&rank(other)).then_with(|| one.name.cmp(&other.name))
        });
        self.choose(choice).shown
    }

    fn choose(self, mut choice: Choice<Job, impl Fn(&Job, &Job) -> Ordering>) -> Chosen<Job> {
        self.by_name.into_values().for_each(|job| choice.add(job));
        choice.page()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::select::row::tests::row;

    #[test]
    fn a_job_without_groups_is_listed_by_its_ledger_where_the_filter_takes_it() {
        let counts = |job: &str, groups| JobCounts {
            job: job.into(),
            last_push: Timestamp::from_nanos(9_000_000_000),
            pushes: 7,
            failures: 1,
            expired: 2,
            groups,
        };
        let of = |query: &str| {
            let filter = Filter::parse(query).expect("it makes sense");
            let (mut jobs, now) = (Jobs::default(), Timestamp::now());
            let row = row("/a", 10, 0);
            if filter.takes(&row, now) {
                jobs.add(&row, now);
            }
            for counts in [counts("a", 1), counts("gone", 0), counts("a\\\"b", 0), counts("c", 3)] {
                jobs.add_ledger(counts, |row| filter.takes(row, now));
            }
            let shown = jobs.page(&filter).shown.into_iter();
            shown
                .map(|job| format!("{} {} {}", job.name, job.groups, job.ledger.is_some()))
                .collect::<Vec<_>>()
        };
        assert_eq!(of(""), ["a 1 true", r#"a\"b 0 true"#, "gone 0 true"]);
        assert_eq!(of("q=gone"), ["gone 0 true"]);
        assert_eq!(of("q=instance=x"), [""; 0], "c has groups, which the filter leaves out");
        assert_eq!(of("state=failed"), [""; 0]);
        assert_eq!(of("older_than=1h").len(), 3);
    }

    #[test]
    fn a_job_is_the_sum_of_its_groups() {
        let mut jobs = Jobs::default();
        for row in [row("/a/x/1", 10, 20), row("/b", 5, 0), row("/a/x/2", 30, 25), row("/a", 0, 7)]
        {
            jobs.add(&row, Timestamp::NEVER);
        }
        assert_eq!(jobs.count(), (2, 2, 0));
        let a = &jobs.by_name["a"];
        let seconds = |at: Timestamp| at.nanos() / 1_000_000_000;
        assert_eq!((a.groups, a.failing, a.series), (3, 2, 3));
        assert_eq!((seconds(a.pushed), seconds(a.oldest), seconds(a.failed)), (30, 0, 25));
        let filter = Filter::parse("sort=failed&order=desc").expect("it makes sense");
        let names: Vec<_> = jobs.page(&filter).shown.into_iter().map(|job| job.name).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
