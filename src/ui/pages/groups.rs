//! The list of groups: searched, filtered and sorted, with buttons that delete.

use askama::Template;

use crate::ui::pages::frame::Frame;
use crate::ui::parts::pager::Pager;
use crate::ui::parts::table::{GroupLine, Heading};
use crate::ui::select::filter::{Filter, Sort};
use crate::ui::words::quantity::{count, count_of};

/// The page.
#[derive(Debug, Template)]
#[template(path = "groups.html")]
pub struct GroupsPage<'a> {
    /// What all pages have.
    pub frame: Frame<'a>,
    /// The URL of this gateway, without a slash at its end.
    pub url: String,
    /// The filter of the page.
    pub filter: &'a Filter,
    /// How many groups are stored.
    pub total: u64,
    /// How many groups pass the filter.
    pub matching: u64,
    /// The groups on this page.
    pub groups: Vec<GroupLine>,
    /// The links to the other pages.
    pub pager: Pager,
    /// How many groups have expired in the last hour, if any may expire.
    pub expired: Option<u64>,
    /// How many groups were just deleted, if any were asked to be.
    pub deleted: Option<u64>,
}

impl GroupsPage<'_> {
    fn heading(&self, sort: Sort, label: &str) -> Heading {
        Heading::new(self.filter, sort, label)
    }

    fn shows_expiry(&self) -> bool {
        self.groups.iter().any(|group| group.expires.is_some())
    }

    fn expired_words(&self) -> Option<String> {
        self.expired.map(|expired| count_of(expired, "group has", "groups have"))
    }

    fn matching_words(&self) -> String {
        count(self.matching)
    }

    fn deleted_words(&self) -> Option<String> {
        self.deleted.map(|deleted| count_of(deleted, "group was", "groups were"))
    }

    fn summary(&self) -> String {
        if self.filter.is_narrow() {
            format!("{} of {} match", count(self.matching), count_of(self.total, "group", "groups"))
        } else {
            count_of(self.total, "group", "groups")
        }
    }
}
