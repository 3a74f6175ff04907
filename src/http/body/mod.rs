//! Bodies of requests and of answers.
//!
//! `read` reads the body of a request within bounds. `in_flight` is the memory that all these bodies share, and `arriving`
//! knows the bodies that are not complete yet. `chunks` is the body of an answer. `unread_answers` bounds the memory of
//! answers that wait for their clients, and `cut` says why one is cut.

pub(crate) mod arriving;
pub(crate) mod chunks;
pub(crate) mod cut;
pub(crate) mod in_flight;
pub(crate) mod read;
pub(crate) mod unread_answers;
