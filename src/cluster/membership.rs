//! What a replica is to its set, for requests, probes, pages and metrics.
//!
//! The task of the replica writes it, and any task reads it. Reads are cheap. Start with [`Membership::place`], which
//! says where a change belongs, and [`Membership::readable`], which says whether groups may be shown.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::shard::Timestamp;

/// How long a change that comes while nobody leads waits for a leader.
pub const HOLD_WAIT: Duration = Duration::from_secs(10);

/// The upper bounds of the histogram of append times, in seconds.
pub const APPEND_SECONDS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

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
        let number = ahash::RandomState::new().hash_one(std::process::id());
        Membership {
            id: format!("{number:016x}"),
            url: url.to_owned(),
            lease,
            max_staleness,
            started: Instant::now(),
            state: watch::Sender::new(state),
            position: watch::Sender::new(0),
            heard: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
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

    /// Waits, for [`HOLD_WAIT`] at most, until it is known where changes go.
    ///
    /// # Errors
    /// Why that is not known.
    pub async fn place(&self) -> Result<Place, NotReady> {
        let now = self.try_place();
        match now {
            Ok(_) | Err(NotReady::SteppedBack(_) | NotReady::Stopping) => return now,
            Err(_) => {}
        }
        let mut states = self.state.subscribe();
        let given_up = Instant::now() + HOLD_WAIT;
        loop {
            // An acknowledgement changes no state, so this looks now and then.
            let wait = (self.lease / 8).min(Duration::from_millis(100));
            let _changed = tokio::time::timeout(wait, states.changed()).await;
            let now = self.try_place();
            match now {
                Ok(_) | Err(NotReady::SteppedBack(_) | NotReady::Stopping) => return now,
                Err(_) if Instant::now() >= given_up => return now,
                Err(_) => {}
            }
        }
    }

    /// Where changes go now.
    fn try_place(&self) -> Result<Place, NotReady> {
        let state = self.state.borrow();
        if state.is_stopping {
            return Err(NotReady::Stopping);
        }
        match &state.role {
            Role::SteppedBack(reason) => Err(NotReady::SteppedBack(reason.clone())),
            Role::Connecting => Err(self.connecting()),
            Role::Leading => self.is_acknowledged().map(|()| Place::Here),
            // The leader that it knows of may be one of the past.
            Role::Following if !state.is_caught_up => Err(self.catching_up(state.last)),
            Role::Following => match &state.leader {
                Some(leader) if leader.id != self.id && self.age(&self.heard) < 2 * self.lease => {
                    Ok(Place::At(leader.clone()))
                }
                _ => Err(NotReady::NoLeader),
            },
        }
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

    /// The last entry that this replica has applied; for a leader, the last that was acknowledged.
    pub fn position(&self) -> u64 {
        *self.position.borrow()
    }

    /// Whether groups that were read have names in quotes.
    pub fn has_quoted_names(&self) -> bool {
        self.has_quoted_names.load(Relaxed)
    }

    /// Waits, for [`HOLD_WAIT`] at most, until that entry has been applied.
    ///
    /// # Errors
    /// When it has not been in time.
    pub async fn applied(&self, position: u64) -> Result<(), NotReady> {
        let mut positions = self.position.subscribe();
        let applied = positions.wait_for(|applied| *applied >= position);
        match tokio::time::timeout(HOLD_WAIT, applied).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(NotReady::Behind(position)),
        }
    }

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

/// What the task of the replica says.
impl Membership {
    /// The stream ends with this entry.
    pub(super) fn knows_of(&self, last: u64) {
        self.state.send_modify(|state| state.last = last);
    }

    /// What the replica does now, and who leads.
    pub(super) fn shows(
        &self,
        role: Role,
        leader: Option<Leader>,
        is_caught_up: bool,
        [stream_bytes, living_bytes]: [u64; 2],
    ) {
        self.state.send_if_modified(|state| {
            if matches!(state.role, Role::SteppedBack(_)) {
                return false;
            }
            let is_new =
                state.role != role || state.leader != leader || !state.is_caught_up && is_caught_up;
            if is_new {
                (state.role, state.leader) = (role, leader);
                state.is_caught_up |= is_caught_up;
            }
            is_new
        });
        let mut view = self.locked();
        (view.stream_bytes, view.living_bytes) = (stream_bytes, living_bytes);
    }

    pub(super) fn steps_back(&self, reason: String) {
        self.state.send_modify(|state| state.role = Role::SteppedBack(reason));
    }

    /// The groups are thrown away, and read again from the beginning.
    pub(super) fn begins_anew(&self) {
        self.state.send_modify(|state| {
            (state.role, state.leader, state.is_caught_up) = (Role::Following, None, false);
        });
        self.position.send_replace(0);
    }

    /// Everything up to this entry is in the shards.
    pub(super) fn reaches(&self, position: u64) {
        self.position.send_if_modified(|reached| std::mem::replace(reached, position) != position);
    }

    /// No more changes may come: the last are about to be appended.
    pub(super) fn stops(&self) {
        self.state.send_modify(|state| state.is_stopping = true);
    }

    pub(super) fn takes_over(&self) {
        self.locked().takeovers += 1;
    }

    /// NATS is not reached for this reason, or is.
    pub(super) fn nats_fails(&self, failure: Option<String>) {
        self.locked().nats_failure = failure;
    }

    pub(super) fn sees_quoted_names(&self) {
        self.has_quoted_names.store(true, Relaxed);
    }

    /// A replica has told of itself. Those that have not for so long are forgotten.
    pub(super) fn meets(&self, member: Member, forgotten: Duration) {
        let mut view = self.locked();
        let members = &mut view.members;
        members.retain(|other| other.id != member.id && other.seen.after(forgotten) > member.seen);
        members.push(member);
        members.sort_unstable_by(|one, other| (&one.url, &one.id).cmp(&(&other.url, &other.id)));
    }

    /// The stream has acknowledged an append after so long.
    pub(super) fn counts_append(&self, took: Duration) {
        let appends = &mut self.locked().appends;
        appends.acknowledged += 1;
        appends.time += took;
        let bucket = APPEND_SECONDS.iter().position(|bound| took.as_secs_f64() <= *bound);
        if let Some(bucket) = bucket {
            appends.seconds[bucket] += 1;
        }
    }

    pub(super) fn counts_failed_append(&self, is_refused: bool) {
        let appends = &mut self.locked().appends;
        *if is_refused { &mut appends.refused } else { &mut appends.in_doubt } += 1;
    }

    pub(super) fn hears(&self, at: Instant) {
        self.heard.fetch_max(self.since_start(at), Relaxed);
    }

    /// An append that was sent at that time has been acknowledged.
    pub(super) fn has_acknowledged(&self, sent: Instant) {
        self.acknowledged.fetch_max(self.since_start(sent), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leader(id: &str) -> Leader {
        Leader { id: id.into(), url: "http://leader:9091".into(), since: Timestamp::now(), term: 1 }
    }

    #[tokio::test]
    async fn changes_go_to_the_leader_and_are_held_while_nobody_leads() {
        let leading = Membership::for_test("http://a:9091", Role::Leading, None, 7);
        assert_eq!((leading.place().await, leading.position()), (Ok(Place::Here), 7));
        let following = Membership::for_test("http://a:9091", Role::Following, None, 7);
        let placed = async { following.place().await };
        let elected = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            following.set_for_test(Role::Following, Some(leader("b")), 8);
        };
        let (placed, ()) = tokio::join!(placed, elected);
        assert!(matches!(placed, Ok(Place::At(Leader { id, .. })) if id == "b"));
        assert_eq!(following.applied(8).await, Ok(()));
        following.set_for_test(Role::SteppedBack("it is too old".into()), None, 8);
        assert_eq!(following.place().await, Err(NotReady::SteppedBack("it is too old".into())));
        assert_eq!(following.readable(), Err(NotReady::SteppedBack("it is too old".into())));
    }

    #[tokio::test]
    async fn a_replica_that_still_reads_the_stream_sends_nothing_to_a_leader_of_the_past() {
        let reading = Membership::for_test("http://a:9091", Role::Following, Some(leader("b")), 7);
        reading.begins_anew();
        reading.shows(Role::Following, Some(leader("b")), false, [0, 0]);
        let placed = async { reading.place().await };
        let read = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            reading.shows(Role::Following, Some(leader("c")), true, [0, 0]);
        };
        let (placed, ()) = tokio::join!(placed, read);
        assert!(matches!(placed, Ok(Place::At(Leader { id, .. })) if id == "c"));
    }

    #[test]
    fn a_leader_that_is_not_acknowledged_within_the_lease_shows_nothing() {
        let membership =
            Membership::new("http://a:9091", Duration::from_millis(30), Duration::from_secs(30));
        membership.set_for_test(Role::Leading, None, 1);
        membership.has_acknowledged(Instant::now());
        assert_eq!(membership.readable(), Ok(()));
        std::thread::sleep(Duration::from_millis(40));
        assert_eq!(membership.readable(), Err(NotReady::Unacknowledged(0)));
    }
}
