//! One group: what it is, and what it holds.

use askama::Template;

use crate::ui::pages::frame::Frame;
use crate::ui::parts::pager::Pager;
use crate::ui::samples::family::Family;
use crate::ui::select::row::Row;
use crate::ui::words::quantity::shortened;
use crate::ui::words::time::Moment;

/// How many families a page shows.
pub const FAMILIES_PER_PAGE: usize = 50;
/// How many lines of them in all; those behind show only that they are there.
pub const LINES_PER_PAGE: usize = 300;

/// The page.
#[derive(Debug, Template)]
#[template(path = "group.html")]
pub struct GroupPage<'a> {
    /// What all pages have.
    pub frame: Frame<'a>,
    /// Which group it is.
    pub group: GroupHead,
    /// The only family that is shown, if it is one.
    pub only: Option<&'a str>,
    /// Its families, or some of them.
    pub families: Vec<Family>,
    /// How many there are.
    pub families_total: String,
    /// Where those are among the others.
    pub pager: Option<Pager>,
}

/// What there is to say of a group besides what it holds.
#[derive(Debug)]
pub struct GroupHead {
    pub(crate) path: String,
    pub(crate) job: String,
    pub(crate) job_path: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) has_failed: bool,
    pub(crate) pushed: Option<Moment>,
    pub(crate) failed: Option<Moment>,
}

impl GroupHead {
    /// As it is now.
    pub fn new(row: &Row, now: crate::shard::Timestamp) -> GroupHead {
        let labels = row.labels().into_iter();
        GroupHead {
            path: row.path(),
            job: shortened(&crate::ui::select::row::plain(row.job())),
            job_path: crate::ui::select::row::job_path(row.job()),
            labels: labels.map(|(name, value)| (shortened(&name), shortened(&value))).collect(),
            has_failed: row.has_failed(),
            pushed: Moment::new(row.pushed, now),
            failed: Moment::new(row.failed, now),
        }
    }
}

/// The pages of a group's families, of which this one has so many.
pub fn families_pager(page: usize, total: usize, here: usize) -> Option<Pager> {
    let pager = Pager::with(page, FAMILIES_PER_PAGE, total, here, |page| format!("?page={page}"));
    Some(pager).filter(Pager::has_others)
}
