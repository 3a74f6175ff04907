//! Why a replica cannot do what it is asked, in the words that clients read.

/// Why a replica cannot do now what it is asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// NATS was not reached yet, for this reason.
    #[error("this replica has not reached NATS yet ({0}); try again")]
    Connecting(String),
    /// It still reads what the set holds.
    #[error("this replica is reading the groups of its set: entry {applied} of {last}; try again")]
    CatchingUp {
        /// How far it is.
        applied: u64,
        /// How far it has to come.
        last: u64,
    },
    /// It has heard nothing for so many seconds.
    #[error(
        "this replica has heard nothing of its set for {0} s, so its groups may be old; ask another replica"
    )]
    Stale(u64),
    /// It leads, but for so many seconds the stream has acknowledged nothing.
    #[error(
        "this replica leads its set, but NATS has acknowledged nothing for {0} s; try again or ask another replica"
    )]
    Unacknowledged(u64),
    /// It has heard neither the stream nor another replica for so many seconds.
    #[error("this replica is cut off from its set for {0} s; send pushes to another replica")]
    CutOff(u64),
    /// It stood still for so many seconds, until just now.
    #[error(
        "this replica stood still for {0} s, and your client may have sent something newer to another replica since; \
         nothing was changed; try again"
    )]
    Paused(u64),
    /// That replica leads.
    #[error("this replica does not lead its set: {0} does")]
    Follows(String),
    /// Nobody leads the set.
    #[error("no replica leads the set; try again")]
    NoLeader,
    /// It has not applied in time what the leader has acknowledged.
    #[error("applied by the leader as entry {0}, which this replica has not read in time")]
    Behind(u64),
    /// It takes no part in its set any more.
    #[error("this replica has stepped back: {0}")]
    SteppedBack(String),
    /// The gateway is about to end.
    #[error("the gateway is stopping")]
    Stopping,
}
