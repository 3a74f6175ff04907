//! The stored groups as endpoints reach them: through the shards, once what keeps the groups allows it.

use std::sync::Arc;

use crate::cluster::{Membership, Place};
use crate::http::failure::{Cause, Failure};
use crate::persist::Status;
use crate::shard::{Shards, Unavailable};

/// A cheap handle to the shards, and to what keeps their groups.
#[derive(Debug, Clone)]
pub(crate) struct Storage {
    pub(crate) shards: Shards,
    pub(crate) keeper: Keeper,
}

/// What keeps the groups beside the memory. It says what must be true before groups may be shown or changed.
#[derive(Debug, Clone)]
pub(crate) enum Keeper {
    Memory,
    /// The persistence file.
    File(Arc<Status>),
    /// The stream of a replica set.
    Set(Arc<Membership>),
}

impl Storage {
    /// Whether groups can be shown: they are once they have been loaded, and in a replica set as long as they are not too old.
    pub(crate) fn readable(&self) -> Result<(), Failure> {
        match &self.keeper {
            Keeper::Memory => Ok(()),
            Keeper::File(status) => Ok(status.loaded()?),
            Keeper::Set(membership) => Ok(membership.readable()?),
        }
    }

    /// Waits until groups may be changed.
    pub(crate) async fn writable(&self) -> Result<(), Failure> {
        if matches!(self.keeper, Keeper::Memory) {
            return Ok(());
        }
        if !self.shards.are_alive() {
            return Err(Unavailable::Dead.into()); // Without all shards nothing is saved.
        }
        match &self.keeper {
            Keeper::Memory => Ok(()),
            Keeper::File(status) => Ok(status.writable().await?),
            // A request that changes something is passed on to the leader before. This replica has led until just now.
            // In a box, so that the connections of a gateway without a set do not carry the room for it.
            Keeper::Set(membership) => match Box::pin(membership.place()).await? {
                Place::Here => Ok(()),
                Place::At(_) => {
                    let reason = "this replica does not lead its set any more; try again";
                    Err(Failure::unavailable(reason).caused(Cause::NotLeading))
                }
            },
        }
    }

    /// Whether every shard lives, the groups can be shown, and changes are kept.
    pub(crate) fn ready(&self) -> Result<(), Failure> {
        if !self.shards.are_alive() {
            return Err(Unavailable::Dead.into());
        }
        match &self.keeper {
            Keeper::Memory => Ok(()),
            Keeper::File(status) => Ok(status.ready()?),
            Keeper::Set(membership) => Ok(membership.ready()?),
        }
    }

    /// Whether pushes should be sent here: it is ready, and a replica can pass them on.
    pub(crate) fn ready_for_pushes(&self) -> Result<(), Failure> {
        self.ready()?;
        match &self.keeper {
            Keeper::Memory | Keeper::File(_) => Ok(()),
            Keeper::Set(membership) => Ok(membership.ready_for_pushes()?),
        }
    }

    /// Whether changes are made here, and not passed on to another replica.
    pub(crate) fn leads(&self) -> Result<(), Failure> {
        match &self.keeper {
            Keeper::Memory | Keeper::File(_) => Ok(()),
            Keeper::Set(membership) => Ok(membership.leads()?),
        }
    }

    /// The state of the persistence file, if there is one.
    pub(crate) fn persistence(&self) -> Option<&Arc<Status>> {
        match &self.keeper {
            Keeper::File(status) => Some(status),
            Keeper::Memory | Keeper::Set(_) => None,
        }
    }

    /// What this replica is to its set, if it is in one.
    pub(crate) fn membership(&self) -> Option<&Arc<Membership>> {
        match &self.keeper {
            Keeper::Set(membership) => Some(membership),
            Keeper::Memory | Keeper::File(_) => None,
        }
    }

    /// How many groups are stored.
    pub(crate) fn groups(&self) -> u64 {
        self.shards.stats().map(|(stats, _)| stats.groups()).sum()
    }
}
