//! Numbers and times as people read them.

pub(crate) mod quantity;
pub(crate) mod time;
