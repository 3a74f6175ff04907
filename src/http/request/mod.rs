//! From the head of a request to its endpoint.
//!
//! Start at `dispatch`. It runs the framing check (`framing`), finds the route (`route`, `prefix`), asks `admission` who
//! sends the request and whether they may, calls the endpoint and counts the answer. `request_id` names the request in the log.

pub(in crate::http) mod admission;
pub(in crate::http) mod dispatch;
pub(in crate::http) mod framing;
pub(in crate::http) mod prefix;
pub(in crate::http) mod request_id;
pub(in crate::http) mod route;
