//! Which groups and jobs a page shows. `row` is a group and `jobs` sums the groups of a job. `filter` reads the query,
//! and `choose` keeps one page of any number of rows.

pub(crate) mod choose;
pub(crate) mod filter;
pub(crate) mod jobs;
pub(crate) mod row;
