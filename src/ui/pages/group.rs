//! One group, and the families that it holds.

use askama::Template;

use crate::ui::pages::frame::Frame;
use crate::ui::pages::rejections::RejectionLine;
use crate::ui::parts::pager::Pager;
use crate::ui::parts::spark::Sparkline;
use crate::ui::parts::table::GroupLine;
use crate::ui::samples::family::Family;

/// How many families a page shows.
pub const FAMILIES_PER_PAGE: usize = 50;
/// How many lines of families a page shows in all. Families behind these show only their heads.
pub const LINES_PER_PAGE: usize = 300;

/// The page.
#[derive(Debug, Template)]
#[template(path = "group.html")]
pub struct GroupPage<'a> {
    /// What all pages have.
    pub frame: Frame<'a>,
    /// The group.
    pub group: GroupLine,
    /// What rules make of the group, if any applies.
    pub rules: Option<String>,
    /// How often it is pushed to, in words.
    pub usual: Option<String>,
    /// The times between its last pushes.
    pub intervals: Option<Sparkline>,
    /// After how long a push is late, in words, if it is.
    pub late: Option<String>,
    /// The families that the last push has removed.
    pub removed: Vec<String>,
    /// Whether what the last push has changed is known.
    pub has_changes: bool,
    /// Where a query shows all of it; empty for nowhere.
    pub query_url: String,
    /// The commands that push and delete it, each with what it does.
    pub commands: Vec<(&'static str, String)>,
    /// The last rejected requests to this group.
    pub rejections: Vec<RejectionLine>,
    /// The only family that is shown, if the page is of one family.
    pub only: Option<&'a str>,
    /// Its families, or some of them.
    pub families: Vec<Family>,
    /// How many there are.
    pub families_total: String,
    /// The links to the pages of other families.
    pub pager: Option<Pager>,
}

/// The links between the pages of a group's families. This page shows `here` of `total` families.
pub fn families_pager(page: usize, total: usize, here: usize) -> Option<Pager> {
    let pager = Pager::with(page, FAMILIES_PER_PAGE, total, here, |page| format!("?page={page}"));
    Some(pager).filter(Pager::has_others)
}
