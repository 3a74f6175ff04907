//! One connection: where a request comes in, and where its answer leaves.
//!
//! Start at `accept`, and then `serve`, which reads HTTP/1 (`http1`) or HTTP/2 (`http2`) until the client leaves or meets a
//! timeout. `timeouts` enforces the header, idle and answer timeouts: one timer looks at `activity`, the notes of what is read and written.
//! `rare` keeps that timer and the stop signal out of the way of requests, and `wakes` the wakes that bodies cause. `limit` is the connection limit; `overflow`
//! answers connections above it. `target` keeps what stands behind a `#` in a path. `unread_body` discards what an answer has left of a body.

pub(crate) mod accept;
pub(crate) mod activity;
pub(crate) mod http1;
pub(crate) mod http2;
pub(crate) mod limit;
pub(crate) mod overflow;
pub(crate) mod rare;
pub(crate) mod serve;
pub(crate) mod target;
pub(crate) mod timeouts;
pub(crate) mod unread_body;
pub(crate) mod wakes;
