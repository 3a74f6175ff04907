//! What a replica is to its set, for requests, probes, pages and metrics.
//!
//! The task of the replica writes it (`told`), and any task reads it. Reads are cheap. Start with [`Membership::place`],
//! which says where a change belongs (`place`), and [`Membership::readable`], which says whether groups may be shown. `pulse` notices
//! that the process stood still, `view` is what pages and metrics show, and `not_ready` has the words of refusals.
//!
//! **Invariant:** for a lease after the process stood still for a lease, it takes no change and passes none on. The client
//! of a request from before may have given it up, and have pushed something newer through another replica.

mod not_ready;
mod place;
mod pulse;
#[cfg(test)]
mod tests;
mod told;
mod view;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

pub use self::not_ready::NotReady;
use self::pulse::Pulse;
pub use self::view::{APPEND_SECONDS, Appends, Member, View};
use crate::shard::Timestamp;

/// How long a change that comes while nobody leads waits for a leader.
pub const HOLD_WAIT: Duration = Duration::from_secs(10);
/// For how many leases a replica may hear nothing until it no longer counts on what it has heard.
const SILENT_LEASES: u32 = 2;

/// What this replica does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// It has not reached the stream yet.
    Connecting,
    /// It reads what the leader appends.
    Following,
    /// It takes changes and appends them.
    Leading,
    /// It takes no part any more, for this reason.
    SteppedBack(String),
}

/// The replica that leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    /// The random name of its process.
    pub id: String,
    /// Where it is reached.
    pub url: String,
    /// Since when it leads, by its own clock.
    pub since: Timestamp,
    /// The entry with which it has taken over: the same on every replica.
    pub term: u64,
}

/// Where a change belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In this process.
    Here,
    /// At the leader.
    At(Leader),
}

#[derive(Debug, Clone)]
struct State {
    role: Role,
    leader: Option<Leader>,
    /// Whether the replica was at the end of the stream since it last began to read it.
    is_caught_up: bool,
    is_stopping: bool,
    /// The last entry of the stream that is known of.
    last: u64,
}

/// What a replica is to its set.
#[derive(Debug)]
pub struct Membership {
    id: String,
    url: String,
    lease: Duration,
    max_staleness: Duration,
    started: Instant,
    state: watch::Sender<State>,
    position: watch::Sender<u64>,
    /// When an entry was last heard, and when the last append was sent that was acknowledged; in nanoseconds since
    /// `started`.
    heard: AtomicU64,
    acknowledged: AtomicU64,
    /// When another replica last told of itself, in the same way.
    met: AtomicU64,
    pulse: Pulse,
    has_quoted_names: AtomicBool,
    seen: Mutex<View>,
}

impl Membership {
    /// A replica that is not connected yet, reached at `url`.
    pub fn new(url: &str, lease: Duration, max_staleness: Duration) -> Membership {
        let state = State {
            role: Role::Connecting,
            leader: None,
            is_caught_up: false,
            is_stopping: false,
            last: 0,
        };
        let started = Instant::now();
        let number = ahash::RandomState::new().hash_one(std::process::id());
        Membership {
            id: format!("{number:016x}"),
            url: url.to_owned(),
            lease,
            max_staleness,
            started,
            state: watch::Sender::new(state),
            position: watch::Sender::new(0),
            heard: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            met: AtomicU64::new(0),
            pulse: Pulse::new(started, lease),
            has_quoted_names: AtomicBool::new(false),
            seen: Mutex::default(),
        }
    }

    /// One in a given state, which has just heard from its set; for tests.
    pub fn for_test(url: &str, role: Role, leader: Option<Leader>, position: u64) -> Membership {
        let new = Membership::new(url, Duration::from_secs(3), Duration::from_secs(30));
        new.state.send_modify(|state| {
            (state.role, state.leader, state.is_caught_up) = (role, leader, true);
        });
        new.position.send_replace(position);
        new.hears(Instant::now());
        new.has_acknowledged(Instant::now());
        new
    }

    /// Puts it into another state; for tests.
    pub fn set_for_test(&self, role: Role, leader: Option<Leader>, position: u64) {
        self.state.send_modify(|state| (state.role, state.leader) = (role, leader));
        self.position.send_replace(position);
    }

    /// As if the process stood still for so long until now; for tests.
    #[cfg(test)]
    pub(crate) fn stands_still_for_test(&self, paused: Duration) {
        self.pulse.stands_still(Instant::now(), paused);
    }

    /// What this replica does.
    pub fn role(&self) -> Role {
        self.state.borrow().role.clone()
    }

    /// The random name of this process.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where the other replicas reach this one.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Who leads, as far as the stream says.
    pub fn leader(&self) -> Option<Leader> {
        self.state.borrow().leader.clone()
    }

    /// Whether the process has not just stood still. Asked before a change is made or passed on.
    ///
    /// # Errors
    /// When it has, with for how long.
    pub fn awake(&self) -> Result<(), NotReady> {
        match self.pulse.paused(Instant::now()) {
            None => Ok(()),
            Some(paused) => Err(NotReady::Paused(paused.as_secs())),
        }
    }

    /// Whether it has heard neither the stream nor another replica for so long that NATS must be out of its reach, or the
    /// others out of that of NATS.
    fn is_cut_off(&self) -> bool {
        self.age(&self.heard).min(self.age(&self.met)) >= self.silence_max()
    }

    fn silence_max(&self) -> Duration {
        SILENT_LEASES * self.lease
    }

    /// Whether groups may be shown: all are known, and are not older than `--cluster.max-staleness`. To be asked after a
    /// scrape has been made too, since the process may have been paused.
    ///
    /// # Errors
    /// Why they may not.
    pub fn readable(&self) -> Result<(), NotReady> {
        let state = self.state.borrow();
        match &state.role {
            Role::SteppedBack(reason) => return Err(NotReady::SteppedBack(reason.clone())),
            Role::Connecting => return Err(self.connecting()),
            Role::Leading => return self.is_acknowledged(),
            Role::Following => {}
        }
        if !state.is_caught_up {
            return Err(self.catching_up(state.last));
        }
        let silence = self.age(&self.heard);
        if silence > self.max_staleness {
            return Err(NotReady::Stale(silence.as_secs()));
        }
        Ok(())
    }

    /// Whether this replica can do all that it is there for: show groups, and have them changed.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn ready(&self) -> Result<(), NotReady> {
        if self.state.borrow().is_stopping {
            return Err(NotReady::Stopping);
        }
        self.readable()
    }

    /// Whether pushes should be sent here: it is ready, not cut off from its set, and did not just stand still.
    ///
    /// # Errors
    /// Why pushes should go to another replica.
    pub fn ready_for_pushes(&self) -> Result<(), NotReady> {
        self.ready()?;
        self.awake()?;
        if self.state.borrow().role == Role::Following && self.is_cut_off() {
            return Err(NotReady::CutOff(self.age(&self.heard).as_secs()));
        }
        Ok(())
    }

    /// The last entry that this replica has applied; for a leader, the last that was acknowledged.
    pub fn position(&self) -> u64 {
        *self.position.borrow()
    }

    /// Whether groups that were read have names in quotes.
    pub fn has_quoted_names(&self) -> bool {
        self.has_quoted_names.load(Relaxed)
    }

    fn catching_up(&self, last: u64) -> NotReady {
        NotReady::CatchingUp { applied: self.position(), last }
    }

    fn connecting(&self) -> NotReady {
        let failure = self.locked().nats_failure.clone();
        NotReady::Connecting(failure.unwrap_or_else(|| "it is being connected".to_owned()))
    }

    /// Whether a leader has had an append acknowledged that was sent within the lease. Until the lease has passed, no
    /// other replica takes over.
    fn is_acknowledged(&self) -> Result<(), NotReady> {
        let silence = self.age(&self.acknowledged);
        if silence < self.lease { Ok(()) } else { Err(NotReady::Unacknowledged(silence.as_secs())) }
    }

    fn age(&self, of: &AtomicU64) -> Duration {
        self.started.elapsed().saturating_sub(Duration::from_nanos(of.load(Relaxed)))
    }

    fn since_start(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.started).as_nanos() as u64
    }

    fn locked(&self) -> MutexGuard<'_, View> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
