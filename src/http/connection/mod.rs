//! One connection: where a request comes in, and where its answer leaves.
//!
//! Start at `serve`, which reads HTTP/1 (`http1`) or HTTP/2 (`http2`) until the client leaves or waits too long. `activity`
//! notes how far the connection is, `watched` notes what is read and written, and one timer in `serve` looks at the notes.
//! `rare` keeps that timer and the stop signal out of the way of requests. `limit` is the connection limit; `overflow`
//! answers connections beyond it. `unread_body` takes in what an answer has left of a request's body.

pub(in crate::http) mod activity;
pub(in crate::http) mod http1;
pub(in crate::http) mod http2;
pub(in crate::http) mod limit;
pub(in crate::http) mod overflow;
pub(in crate::http) mod rare;
pub(in crate::http) mod serve;
pub(in crate::http) mod unread_body;
pub(in crate::http) mod watched;
