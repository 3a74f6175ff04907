//! The groups that have expired in the last hour: searched and paged.

use std::time::Duration;

use askama::Template;

use crate::shard::Timestamp;
use crate::ui::pages::frame::Frame;
use crate::ui::parts::pager::Pager;
use crate::ui::parts::table::GroupLine;
use crate::ui::select::filter::{Filter, PER_PAGE};
use crate::ui::select::row::Row;
use crate::ui::words::quantity::{count, count_of};
use crate::ui::words::time::{Moment, span};

/// The page.
#[derive(Debug, Template)]
#[template(path = "expired.html")]
pub struct ExpiredPage<'a> {
    frame: Frame<'a>,
    filter: &'a Filter,
    groups: Vec<ExpiredLine>,
    pager: Pager,
    summary: String,
    /// Whether there are rules by which groups could expire.
    has_rules: bool,
}

/// A group that has expired, as it was.
#[derive(Debug)]
pub struct Gone {
    /// The group.
    pub row: Row,
    /// When it expired.
    pub expired: Timestamp,
    /// How long after its last push it was due.
    pub after: Duration,
    /// The rule that said so; `None` where the last push asked for it.
    pub rule: Option<u16>,
}

#[derive(Debug)]
struct ExpiredLine {
    group: GroupLine,
    expired: Option<Moment>,
    after: String,
    rule: Option<u16>,
}

impl<'a> ExpiredPage<'a> {
    /// A page of those that are `found`, the last one first. So many are known, of `total` in the last hour.
    pub fn new(
        frame: Frame<'a>,
        filter: &'a Filter,
        found: &[Gone],
        (known, total): (usize, u64),
        has_rules: bool,
        now: Timestamp,
    ) -> ExpiredPage<'a> {
        let start = (filter.page - 1).saturating_mul(PER_PAGE);
        let line = |gone: &Gone| ExpiredLine {
            group: GroupLine::new(&gone.row, now),
            expired: Moment::new(gone.expired, now),
            after: span(gone.after),
            rule: gone.rule,
        };
        let groups: Vec<_> = found.iter().skip(start).take(PER_PAGE).map(line).collect();
        let pager = Pager::new(filter, found.len(), groups.len());
        let mut summary = format!("{} in the last hour", count_of(total, "group", "groups"));
        if (known as u64) < total {
            summary = format!("{summary}, the last {} are listed", count(known as u64));
        }
        ExpiredPage { frame, filter, groups, pager, summary, has_rules }
    }
}

impl Gone {
    /// Why the group is not there any more, in a sentence.
    pub fn sentence(&self, now: Timestamp) -> String {
        let ago = Duration::from_nanos(now.nanos().saturating_sub(self.expired.nanos()));
        let why = match self.rule {
            Some(rule) => format!("rule {rule} of --rules.file says so"),
            None => "its last push had asked for that".to_owned(),
        };
        format!(
            "The group expired {} ago, {} after its last push: {why}. The next push makes it again.",
            span(ago),
            span(self.after)
        )
    }
}
