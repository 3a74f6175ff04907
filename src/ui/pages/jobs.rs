//! The list of jobs: searched, filtered and sorted.

use askama::Template;

use crate::ui::pages::frame::Frame;
use crate::ui::parts::pager::Pager;
use crate::ui::parts::table::{Heading, JobLine};
use crate::ui::select::filter::{Filter, Sort};

/// The page.
#[derive(Debug, Template)]
#[template(path = "jobs.html")]
pub struct JobsPage<'a> {
    /// What all pages have.
    pub frame: Frame<'a>,
    /// The filter of the page.
    pub filter: &'a Filter,
    /// The jobs on this page.
    pub jobs: Vec<JobLine>,
    /// The links to the other pages.
    pub pager: Pager,
}

impl JobsPage<'_> {
    fn shows_ledger(&self) -> bool {
        self.jobs.iter().any(|job| job.ledger.is_some())
    }

    fn sorted_by(&self, sort: Sort, label: &str) -> Heading {
        Heading::new(self.filter, sort, label)
    }
}
