//! What several pages share: tables, and links between the pages of a list.

pub(crate) mod pager;
pub(crate) mod plot;
pub(crate) mod spark;
pub(crate) mod table;
