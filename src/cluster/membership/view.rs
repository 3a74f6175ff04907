//! What a replica has seen of its set, for pages, metrics and the API.

use std::time::Duration;

use super::{Membership, Role};
use crate::shard::Timestamp;

/// The upper bounds of the histogram of append times, in seconds.
pub const APPEND_SECONDS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// A replica that was lately heard of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The random name of its process.
    pub id: String,
    /// Where it is reached.
    pub url: String,
    /// Whether it says that it leads.
    pub leads: bool,
    /// The last entry that it says it has applied.
    pub position: u64,
    /// When it was last heard of.
    pub seen: Timestamp,
}

/// What has come of appending entries.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Appends {
    /// How many the stream has acknowledged.
    pub acknowledged: u64,
    /// How many it has refused, because another replica had appended.
    pub refused: u64,
    /// How many times it was not known in time whether the stream has one.
    pub in_doubt: u64,
    /// How many of those acknowledged took at most as long as each of [`APPEND_SECONDS`], but longer than the one before.
    pub seconds: [u64; APPEND_SECONDS.len()],
    /// How long all of those acknowledged took together.
    pub time: Duration,
}

/// What a replica has seen of its set.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct View {
    /// The members that were lately heard of, sorted by URL. This replica is one of them.
    pub members: Vec<Member>,
    /// By how many entries this replica is behind.
    pub lag_entries: u64,
    /// How long ago this replica was at the end of the stream: when it last heard an entry; for a leader, when it last
    /// had one acknowledged.
    pub lag: Duration,
    /// Why NATS is not reached; `None` while it is.
    pub nats_failure: Option<String>,
    /// The entries of this replica.
    pub appends: Appends,
    /// How often this replica has taken over.
    pub takeovers: u64,
    /// How many bytes the entries of the stream have, and how many of them hold the last state of a group.
    pub stream_bytes: u64,
    /// See `stream_bytes`.
    pub living_bytes: u64,
}

impl Membership {
    /// What this replica has seen of its set.
    pub fn seen(&self) -> View {
        let mut view = self.locked().clone();
        let state = self.state.borrow();
        view.lag = match state.role {
            Role::Leading => self.age(&self.acknowledged),
            _ => self.age(&self.heard),
        };
        let position = self.position();
        let last = view.members.iter().map(|member| member.position).chain([state.last]).max();
        view.lag_entries = last.unwrap_or_default().saturating_sub(position);
        for member in view.members.iter_mut().filter(|member| member.id == self.id) {
            (member.position, member.seen) = (position, Timestamp::now());
            member.leads = state.role == Role::Leading;
        }
        view
    }
}
