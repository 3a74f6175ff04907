//! HTTP: the only place that knows hyper.
//!
//! A request walks through the rooms in this order:
//!
//! ```text
//! connection -> request -> body -> push | scrape | api | ui | admin | probes -> reply -> connection
//! ```
//!
//! Start at `endpoints`, the table of all endpoints. `server` makes the state of each family. `storage` reaches the stored
//! groups, and `forward` passes changes on to the leader of a replica set. `failure` is an error with its status, and `reply` an answer. `push_priority` makes work that can wait pause.

mod admin;
mod api;
mod body;
mod connection;
mod endpoints;
mod failure;
mod forward;
mod lifecycle;
mod probes;
mod push;
mod push_priority;
mod reply;
mod request;
mod scrape;
mod server;
mod storage;
mod ui;

pub use connection::accept::accept;
pub use endpoints::handlers;
pub use server::{Backend, Http};
