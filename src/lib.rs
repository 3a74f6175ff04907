//! shardgate: the Prometheus Pushgateway, rebuilt for heavy push volumes.
//!
//! Two paths lead through it, and the modules are their stages; imports point one way.
//!
//! ```text
//! push    listen -> http -> push::decode -> shard (by hash of the grouping key) -> persist
//! scrape  listen -> http -> shard snapshots -> scrape (merge, encode) -> socket
//! ```
//!
//! A **push** is read by [`http`], decoded and rendered by [`push`] on the connection's own task, and
//! handed to the one task in [`shard`] that owns its group. A **scrape** asks all shards for
//! references to what they hold at one moment, and [`scrape`] puts those together; no sample is
//! rendered again.
//!
//! In reading order: [`exposition`] (the vocabulary of the format), [`push`], [`selector`] (which groups a query is
//! about), [`shard`], [`scrape`], [`persist`] (what is on disk), [`config`], [`access`], [`own_metrics`], [`history`],
//! [`ui`] (the pages), [`listen`], [`tls`], [`http`], [`reload`], and [`gateway`], which wires them. [`import`] copies groups
//! from another gateway, with [`client`]; no request meets it.

pub mod access;
pub mod client;
pub mod config;
pub mod descriptors;
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
pub mod reload;
pub mod scrape;
pub mod selector;
pub mod shard;
pub mod shutdown;
pub mod signals;
pub mod systemd;
pub mod tls;
pub mod ui;
