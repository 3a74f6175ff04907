//! The gateway from outside: real sockets, one file a behaviour.

#![expect(clippy::unwrap_used, reason = "a test that cannot do what it needs fails")]

mod endpoints;
mod gateway;
mod hostile;
mod program;
mod push;
mod utf8_names;
