//! A minimal HTTP/1.1 client: one request at a time on one connection, bytes in, status out.
//!
//! Owns sockets, deadlines and the reading of responses. Never retries: what a request met is the
//! measurement. One write and, for a short answer, one read per request.

mod answer;
mod connection;
mod deadline;
mod failure;
mod stream;
mod target;
mod tls;

pub(crate) use answer::Answer;
pub(crate) use connection::{Connection, fetch};
pub(crate) use failure::Failure;
pub(crate) use target::{Target, TargetError};
