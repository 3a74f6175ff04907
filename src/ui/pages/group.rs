//! One group: what it is, and what it holds.

use askama::Template;

use crate::ui::pages::frame::Frame;
use crate::ui::parts::pager::Pager;
use crate::ui::parts::table::GroupLine;
use crate::ui::samples::family::Family;

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
    pub group: GroupLine,
    /// The only family that is shown, if it is one.
    pub only: Option<&'a str>,
    /// Its families, or some of them.
    pub families: Vec<Family>,
    /// How many there are.
    pub families_total: String,
    /// Where those are among the others.
    pub pager: Option<Pager>,
}

/// The pages of a group's families, of which this one has so many.
pub fn families_pager(page: usize, total: usize, here: usize) -> Option<Pager> {
    let pager = Pager::with(page, FAMILIES_PER_PAGE, total, here, |page| format!("?page={page}"));
    Some(pager).filter(Pager::has_others)
}
