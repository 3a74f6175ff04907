//! Numbers and times as people read them.

pub(crate) mod long;
pub(crate) mod name;
pub(crate) mod quantity;
pub(crate) mod time;
pub(crate) mod value;
