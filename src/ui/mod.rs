//! The web pages: rows and samples in, HTML out. This folder does no input or output.
//!
//! The rooms, each of which uses only the rooms before it:
//!
//! - `words`: numbers and times as people read them.
//! - `select`: the rows of groups and jobs, and the page of them that a filter asks for.
//! - `parts`: tables and links to other pages.
//! - `samples`: what a group holds, read back from the stored exposition.
//! - `manual`: the pages of `docs/`, which are part of the program.
//! - `pages`: one file for each page, with its template in `templates/`; `assets` are the files that pages load.
//!
//! **Invariants:** pushed text is always escaped. A page works without a script. Its size does not depend on what is stored.

mod assets;
mod manual;
mod pages;
mod parts;
mod samples;
mod select;
#[cfg(test)]
mod tests;
mod words;

pub use assets::{Asset, asset};
pub use manual::{Rendered, manual};
pub use pages::check::{CheckPage, ExcerptLine, Found, Outcome, command, excerpt, start_of};
pub use pages::confirm::{ConfirmPage, MessagePage, NAMED_MAX};
pub use pages::expired::{ExpiredPage, Gone};
pub use pages::frame::Frame;
pub use pages::group::{FAMILIES_PER_PAGE, GroupPage, LINES_PER_PAGE, families_pager};
pub use pages::groups::GroupsPage;
pub use pages::job::JobPage;
pub use pages::jobs::JobsPage;
pub use pages::manual::ManualPage;
pub use pages::overview::{Fact, OverviewPage, Problem};
pub use pages::rejections::{RejectionLine, RejectionsPage};
pub use pages::replicas::{ReplicaLine, ReplicasPart};
pub use pages::status::{Fullness, StatusPage};
pub use parts::pager::Pager;
pub use parts::plot::Plot;
pub use parts::spark::{Sparkline, usual};
pub use parts::table::{GroupLine, JobLine, gist};
pub(crate) use samples::buckets::Bucket;
pub use samples::changes::removed;
pub use samples::family::{Family, LINES_INLINE_MAX, Seen, lines};
pub(crate) use samples::native::{Native, natives};
pub use select::choose::{Choice, Chosen, choose, worst};
pub use select::filter::{Filter, FilterError, PER_PAGE, Sort};
pub use select::jobs::{Job, Jobs};
pub use select::row::{Due, Row, job_in};
pub use words::quantity::{bytes, count, count_of};
pub use words::time::{Moment, span};
