//! shardgate: a drop-in replacement for the Prometheus Pushgateway, made for heavy push volumes.
//!
//! Two paths lead through the modules, and imports point one way:
//!
//! ```text
//! push    listen -> http -> push::decode -> shard (by hash of the grouping key) -> persist
//! scrape  listen -> http -> shard snapshots -> scrape (merge, encode) -> socket
//! ```
//!
//! - The task of a connection reads a **push** ([`http`]), and decodes and renders it ([`push`]). The task of the shard
//!   that owns the group stores it ([`shard`]).
//! - A **scrape** asks all shards for references to what they hold at one moment. [`scrape`] puts the references
//!   together; it renders no unchanged sample again.
//!
//! To read on: [`exposition`] (the words of the formats), [`push`], [`shard`], [`scrape`], [`persist`] (the file), [`http`], and
//! [`gateway`], which connects everything. No request meets [`import`], which copies groups from another gateway.

pub mod access;
pub mod aggregate;
pub mod client;
pub mod cluster;
pub mod commands;
pub mod config;
pub mod descriptors;
mod duration;
pub mod exposition;
pub mod gateway;
pub mod history;
pub mod http;
pub mod import;
pub mod listen;
pub mod log;
pub mod memory;
pub mod own_metrics;
mod parameters;
mod percent;
pub mod persist;
pub mod push;
pub mod rate;
pub mod rejections;
pub mod reload;
pub mod rules;
pub mod scrape;
pub mod selector;
pub mod shard;
pub mod shutdown;
pub mod signals;
pub mod systemd;
pub mod tls;
pub mod ui;
mod yaml;
