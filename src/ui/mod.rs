//! The pages for people: what is shown, and how.
//!
//! Pure: rows and samples in, HTML out. `filter`, `choose` and `jobs` make one page out of any number of
//! groups; `family`, `metric`, `buckets` and `native` show what a group holds; the others are a page each, with its
//! template under `templates/`. `assets` are the files that pages ask for, and `token` is what keeps other sites
//! from sending our forms.
//!
//! **Invariants:** whatever was pushed is text: templates escape it. A page works without a script. How large it is
//! depends on what it shows, which is bounded, not on what is stored.

mod assets;
mod buckets;
mod check;
mod choose;
mod confirm;
mod family;
mod filter;
mod frame;
mod group;
mod groups;
mod job;
mod jobs;
mod metric;
mod moment;
mod native;
mod overview;
mod pager;
mod quantity;
mod row;
mod status;
mod table;
#[cfg(test)]
mod tests;
mod token;

pub use assets::{Asset, asset};
pub use check::{CheckPage, Outcome, command, start_of};
pub use choose::{Choice, Chosen, choose, worst};
pub use confirm::{ConfirmPage, MessagePage, NAMED_MAX};
pub use family::{Family, LINES_INLINE_MAX, Stored};
pub use filter::{Filter, FilterError, PER_PAGE, Sort};
pub use frame::Frame;
pub use group::{FAMILIES_PER_PAGE, GroupHead, GroupPage, LINES_PER_PAGE, families_pager};
pub use groups::GroupsPage;
pub use job::JobPage;
pub use jobs::{Job, JobLine, Jobs, JobsPage};
pub use moment::{Moment, span};
pub use overview::{Fact, OverviewPage, Plot};
pub use pager::Pager;
pub use quantity::{bytes, count, count_of};
pub use row::{Row, plain};
pub use status::{Fullness, StatusPage};
pub use table::GroupLine;
pub use token::Tokens;
