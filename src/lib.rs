//! shardgate.
pub mod exposition;
pub mod push;
pub mod scrape;
pub mod shard;
