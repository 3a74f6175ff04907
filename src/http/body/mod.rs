//! Bodies of requests, read within bounds, and bodies of answers, written without copying.
//!
//! `chunks` reads and writes them. `in_flight` is the memory that all request bodies share, and `arriving` the bodies
//! that are still on their way. `unread_answers` bounds what answers that wait to be read keep in memory.

pub(in crate::http) mod arriving;
pub(in crate::http) mod chunks;
pub(in crate::http) mod in_flight;
pub(in crate::http) mod unread_answers;
