//! The stored groups as endpoints reach them: through the shards, once the persistence file allows it.

use std::sync::Arc;

use crate::http::failure::Failure;
use crate::persist::Status;
use crate::shard::{Shards, Unavailable};

/// A cheap handle to the shards and to the state of the persistence file.
#[derive(Debug, Clone)]
pub(crate) struct Storage {
    pub(crate) shards: Shards,
    /// `None` if groups are kept in memory only.
    pub(crate) persistence: Option<Arc<Status>>,
}

impl Storage {
    /// Whether groups can be shown: they are once the file has been loaded.
    pub(crate) fn readable(&self) -> Result<(), Failure> {
        Ok(self.persistence.as_ref().map_or(Ok(()), |status| status.loaded())?)
    }

    /// Waits until groups may be changed.
    pub(crate) async fn writable(&self) -> Result<(), Failure> {
        let Some(status) = &self.persistence else { return Ok(()) };
        if !self.shards.are_alive() {
            return Err(Unavailable::Dead.into()); // Without all shards nothing is saved.
        }
        Ok(status.writable().await?)
    }

    /// Whether every shard lives, the groups are loaded, and changes reach the disk.
    pub(crate) fn ready(&self) -> Result<(), Failure> {
        if !self.shards.are_alive() {
            return Err(Unavailable::Dead.into());
        }
        Ok(self.persistence.as_ref().map_or(Ok(()), |status| status.ready())?)
    }

    /// How many groups are stored.
    pub(crate) fn groups(&self) -> u64 {
        self.shards.stats().map(|(stats, _)| stats.groups()).sum()
    }
}
