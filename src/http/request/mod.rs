//! From the head of a request to its endpoint.
//!
//! Start at `dispatch`. It runs the framing check (`framing`), finds the endpoint (`route`, with the rules of `path`), asks
//! `admission` who sends the request and whether they may, calls the endpoint and counts the answer. `request_id` names
//! the request in the log, and `rejected` notes a request that is rejected.

pub(crate) mod admission;
pub(crate) mod dispatch;
pub(crate) mod framing;
mod hint;
pub(crate) mod path;
pub(crate) mod rejected;
pub(crate) mod request_id;
pub(crate) mod route;
