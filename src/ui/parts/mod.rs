//! What several pages share: tables, and links between the pages of a list.

pub(crate) mod pager;
pub(crate) mod table;
