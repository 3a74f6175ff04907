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
    /// What was asked for.
    pub filter: &'a Filter,
    /// What of that is on this page.
    pub jobs: Vec<JobLine>,
    /// Where it is among the others.
    pub pager: Pager,
}

impl JobsPage<'_> {
    fn sorted_by(&self, sort: Sort, label: &str) -> Heading {
        Heading::new(self.filter, sort, label)
    }
}
