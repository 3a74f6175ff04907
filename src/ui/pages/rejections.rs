//! The last rejected requests: searched and filtered.

use std::sync::Arc;

use askama::Template;

use crate::rejections::{Rejection, RejectionFilter};
use crate::shard::Timestamp;
use crate::ui::pages::frame::Frame;
use crate::ui::parts::pager::Pager;
use crate::ui::words::quantity::{count, count_of};
use crate::ui::words::time::Moment;

/// How many rejections a page shows.
const REJECTIONS_PER_PAGE: usize = 50;
/// The statuses that the filter offers.
const STATUSES: [(u16, &str); 9] = [
    (400, "invalid"),
    (401, "no login"),
    (403, "not allowed"),
    (404, "wrong path"),
    (408, "too slow"),
    (409, "newer stored"),
    (413, "too large"),
    (429, "too many"),
    (503, "no room"),
];

/// The page.
#[derive(Debug, Template)]
#[template(path = "rejections.html")]
pub struct RejectionsPage<'a> {
    frame: Frame<'a>,
    filter: &'a RejectionFilter,
    rejections: Vec<RejectionLine>,
    pager: Pager,
    summary: String,
}

/// A rejection as a table shows it.
#[derive(Debug)]
pub struct RejectionLine {
    pub(crate) at: Option<Moment>,
    pub(crate) status: u16,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) job: String,
    pub(crate) source: String,
    pub(crate) user: String,
    pub(crate) reason: String,
    pub(crate) request_id: String,
    /// How often it has happened, the last time like this; empty for once.
    pub(crate) times: String,
}

impl RejectionLine {
    /// The row of a rejection at this time.
    pub fn new(rejection: &Rejection, now: Timestamp) -> RejectionLine {
        RejectionLine {
            at: Moment::new(rejection.time, now),
            status: rejection.status,
            method: rejection.method.clone(),
            path: rejection.path.clone(),
            job: rejection.job.clone(),
            source: rejection.source.clone(),
            user: rejection.user.clone(),
            reason: rejection.reason.clone(),
            request_id: rejection.request_id.clone(),
            times: String::new(),
        }
    }

    /// The rows of these rejections, newest first. Those with the same reason are one row, up to `most` rows.
    pub fn folded(found: &[Arc<Rejection>], most: usize, now: Timestamp) -> Vec<RejectionLine> {
        let mut lines: Vec<(RejectionLine, u64)> = Vec::new();
        for rejection in found {
            let is_same = |(line, _): &(RejectionLine, u64)| {
                line.reason == rejection.reason && line.status == rejection.status
            };
            match lines.iter().position(is_same) {
                Some(at) => lines[at].1 += 1,
                None if lines.len() < most => lines.push((RejectionLine::new(rejection, now), 1)),
                None => {}
            }
        }
        let counted = |(line, times): (RejectionLine, u64)| RejectionLine {
            times: if times > 1 { format!("{} times", count(times)) } else { String::new() },
            ..line
        };
        lines.into_iter().map(counted).collect()
    }
}

impl<'a> RejectionsPage<'a> {
    /// A page of those that are `found`. So many are kept, of so many since the start.
    pub fn new(
        frame: Frame<'a>,
        filter: &'a RejectionFilter,
        found: &[Arc<Rejection>],
        (kept, total): (usize, u64),
        now: Timestamp,
    ) -> RejectionsPage<'a> {
        let start = (filter.page - 1).saturating_mul(REJECTIONS_PER_PAGE);
        let shown = found.iter().skip(start).take(REJECTIONS_PER_PAGE);
        let rejections: Vec<_> = shown.map(|found| RejectionLine::new(found, now)).collect();
        let link = |page: usize| format!("?{}", filter.at_page(page));
        let (page, here) = (filter.page, rejections.len());
        let pager = Pager::with(page, REJECTIONS_PER_PAGE, found.len(), here, link);
        let total = count_of(total, "rejection", "rejections");
        let summary = format!("the last {} of {total} since the start", count(kept as u64));
        RejectionsPage { frame, filter, rejections, pager, summary }
    }

    fn has_status(&self, status: u16) -> bool {
        self.filter.status == Some(status)
    }
}
