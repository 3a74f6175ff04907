//! One job: all its groups together.

use askama::Template;

use crate::ui::pages::frame::Frame;
use crate::ui::parts::table::{GroupLine, JobLine};
use crate::ui::words::quantity::{count, count_of};

/// The page.
#[derive(Debug, Template)]
#[template(path = "job.html")]
pub struct JobPage<'a> {
    /// What all pages have.
    pub frame: Frame<'a>,
    /// The job.
    pub job: JobLine,
    /// Its failing groups, then the groups that have been quiet for longest.
    pub groups: Vec<GroupLine>,
    /// How many more groups it has.
    pub groups_left: usize,
    /// How many of its groups have expired in the last hour.
    pub expired: u64,
    /// The query of the list of all its groups.
    pub query: String,
}

impl JobPage<'_> {
    fn shows_expiry(&self) -> bool {
        self.groups.iter().any(|group| group.expires.is_some())
    }

    fn expired_words(&self) -> Option<String> {
        let expired = Some(self.expired).filter(|expired| *expired > 0);
        expired.map(|expired| count_of(expired, "group", "groups"))
    }

    fn left(&self) -> String {
        count(self.groups_left as u64)
    }
}
