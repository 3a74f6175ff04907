//! The gateway from outside: real sockets, one file a behaviour.

#![expect(clippy::unwrap_used, reason = "a test that cannot do what it needs fails")]

mod answer;
mod api;
mod basic_auth;
mod bounds;
mod busy_scrapes;
mod check;
mod connections;
mod delete_many;
mod endpoints;
mod expansion;
mod filters;
mod formats;
mod gateway;
mod healthcheck;
mod hostile;
mod listeners;
mod logs;
mod open_metrics;
mod parts;
mod persistence;
mod persistence_disk;
mod persistence_load;
mod persistence_refusals;
mod persistence_restart;
mod persistence_shown;
mod persistence_store;
mod placed;
mod policy;
mod policy_certificates;
mod policy_reload;
mod prefix;
mod program;
mod push;
mod quotas;
mod read;
mod sd;
mod shedding;
mod systemd;
mod ui;
mod utf8_names;
mod web_config;
