//! The overview: what is wrong, and how the gateway is.

use askama::Template;

use crate::ui::pages::frame::Frame;
use crate::ui::parts::plot::Plot;
use crate::ui::parts::table::JobLine;
use crate::ui::words::quantity::count;

/// The page.
#[derive(Debug, Template)]
#[template(path = "overview.html")]
pub struct OverviewPage<'a> {
    /// What all pages have.
    pub frame: Frame<'a>,
    /// The URL of this gateway, without a slash at its end.
    pub url: String,
    /// Why the gateway is not ready, if it is not.
    pub trouble: Option<String>,
    /// What is wrong, the worst first.
    pub problems: Vec<Problem>,
    /// Whether nothing is stored.
    pub is_empty: bool,
    /// The gateway in a few numbers.
    pub facts: Vec<Fact>,
    /// The jobs that fail or are late: failing jobs first.
    pub jobs: Vec<JobLine>,
    /// How many more of them there are.
    pub jobs_left: usize,
    /// The plots of the last hour.
    pub plots: Vec<Plot>,
}

/// Something that somebody should look at.
#[derive(Debug)]
pub struct Problem {
    /// What it is.
    pub what: String,
    /// What it means.
    pub note: String,
    /// Where it is shown, behind the prefix.
    pub link: &'static str,
}

/// A number with its name.
#[derive(Debug)]
pub struct Fact {
    /// What it is.
    pub name: &'static str,
    /// The number, with its unit.
    pub value: String,
    /// A remark; may be empty.
    pub note: String,
    /// Where there is more about it, behind the prefix; may be empty.
    pub link: &'static str,
}

impl OverviewPage<'_> {
    fn shows_ledger(&self) -> bool {
        self.jobs.iter().any(|job| job.ledger.is_some())
    }

    fn left(&self) -> String {
        count(self.jobs_left as u64)
    }
}
