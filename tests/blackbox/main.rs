//! The gateway from outside: real sockets, one file a behaviour.

#![expect(clippy::unwrap_used, reason = "a test that cannot do what it needs fails")]

mod basic_auth;
mod busy_scrapes;
mod check;
mod endpoints;
mod filters;
mod formats;
mod gateway;
mod hostile;
mod open_metrics;
mod parts;
mod persistence;
mod persistence_disk;
mod persistence_load;
mod persistence_refusals;
mod persistence_restart;
mod persistence_shown;
mod persistence_store;
mod policy;
mod program;
mod push;
mod quotas;
mod read;
mod ui;
mod utf8_names;
