//! The query API, in the reference's shapes, and what the reference does not have, such as `/api/v1/groups`.
//!
//! `queries` answers for groups: `query` reads what is asked for, `turn` waits for a place among other queries, `listing`
//! finds the groups, and `metrics` and `groups` write them to a `stream`. `status`, `history`, `rejections`, `sd` and `check` are
//! one endpoint each. `json` is what all of them share, and `cors` lets other sites read the answers.

pub(crate) mod check;
pub(crate) mod cors;
mod groups;
pub(crate) mod history;
mod json;
pub(crate) mod listing;
mod metrics;
pub(crate) mod queries;
mod query;
pub(crate) mod rejections;
pub(crate) mod sd;
pub(crate) mod status;
mod stream;
pub(crate) mod turn;
