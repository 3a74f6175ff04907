//! The overview: whether the gateway works, and which jobs need attention.

use askama::Template;

use crate::ui::assets::PLOTS;
use crate::ui::pages::frame::Frame;
use crate::ui::parts::table::JobLine;
use crate::ui::words::quantity::{count, count_of};

/// The page.
#[derive(Debug, Template)]
#[template(path = "overview.html")]
pub struct OverviewPage<'a> {
    /// What all pages have.
    pub frame: Frame<'a>,
    /// Why the gateway is not ready, if it is not.
    pub trouble: Option<String>,
    /// The gateway in a few numbers.
    pub facts: Vec<Fact>,
    /// How many groups rejected their last push; `None` while groups cannot be shown.
    pub failing: Option<u64>,
    /// The jobs to look at first: failing jobs, then the jobs that have been quiet for longest.
    pub jobs: Vec<JobLine>,
    /// How many more there are.
    pub jobs_left: usize,
    /// The plots of the last hour.
    pub plots: Vec<Plot>,
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
}

/// A plot.
#[derive(Debug)]
pub struct Plot {
    /// What it shows.
    pub title: &'static str,
    /// The columns of `/api/v1/history`, separated by blanks.
    pub series: &'static str,
    /// The present value, in words.
    pub now: String,
}

impl OverviewPage<'_> {
    fn scripts(&self) -> impl Iterator<Item = String> {
        PLOTS.iter().filter(|name| name.ends_with(".js")).map(|name| self.frame.asset(name))
    }

    fn styles(&self) -> impl Iterator<Item = String> {
        PLOTS.iter().filter(|name| name.ends_with(".css")).map(|name| self.frame.asset(name))
    }

    fn left(&self) -> String {
        count(self.jobs_left as u64)
    }

    fn failing_words(&self) -> String {
        count_of(self.failing(), "group", "groups")
    }

    fn failing(&self) -> u64 {
        self.failing.unwrap_or_default()
    }
}
