//! A replica set as requests meet it: a replica that does not lead passes what changes groups on to the leader.
//!
//! Start at [`ReplicaSet::take`](set::ReplicaSet::take). `set` decides where a request is answered, `pass_on` passes it on, and
//! `attempt` is one attempt of that. `signature` tells the leader who the client is and when it was sent, and `headers` says
//! which headers are passed on.
//!
//! **Invariants:** a request is passed on once at most. A body that is passed on is read within the bounds of a push first, so
//! a slow client takes no connection to the leader, and a push can be sent again when the leader fails.

pub(crate) mod attempt;
pub(crate) mod headers;
mod pass_on;
pub(crate) mod set;
pub(crate) mod signature;
#[cfg(test)]
mod tests;
