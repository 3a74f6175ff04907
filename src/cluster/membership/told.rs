//! What the task of the replica says: it is the only writer.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::{APPEND_SECONDS, Leader, Member, Membership, Role};

impl Membership {
    /// The stream ends with this entry.
    pub(in crate::cluster) fn knows_of(&self, last: u64) {
        self.state.send_modify(|state| state.last = last);
    }

    /// What the replica does now, and who leads.
    pub(in crate::cluster) fn shows(
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

    pub(in crate::cluster) fn steps_back(&self, reason: String) {
        self.state.send_modify(|state| state.role = Role::SteppedBack(reason));
    }

    /// The groups are thrown away, and read again from the beginning.
    pub(in crate::cluster) fn begins_anew(&self) {
        self.state.send_modify(|state| {
            (state.role, state.leader, state.is_caught_up) = (Role::Following, None, false);
        });
        self.position.send_replace(0);
    }

    /// Everything up to this entry is in the shards.
    pub(in crate::cluster) fn reaches(&self, position: u64) {
        self.position.send_if_modified(|reached| std::mem::replace(reached, position) != position);
    }

    /// No more changes may come: the last are about to be appended.
    pub(in crate::cluster) fn stops(&self) {
        self.state.send_modify(|state| state.is_stopping = true);
    }

    pub(in crate::cluster) fn takes_over(&self) {
        self.locked().takeovers += 1;
    }

    /// The process does not stand still.
    pub(in crate::cluster) fn beats(&self) {
        self.pulse.beat(Instant::now());
    }

    /// NATS is not reached for this reason, or is.
    pub(in crate::cluster) fn nats_fails(&self, failure: Option<String>) {
        self.locked().nats_failure = failure;
    }

    pub(in crate::cluster) fn sees_quoted_names(&self) {
        self.has_quoted_names.store(true, Relaxed);
    }

    /// A replica has told of itself. Those that have not for so long are forgotten.
    pub(in crate::cluster) fn meets(&self, member: Member, forgotten: Duration) {
        if member.id != self.id {
            self.met.fetch_max(self.since_start(Instant::now()), Relaxed);
        }
        let mut view = self.locked();
        let members = &mut view.members;
        members.retain(|other| other.id != member.id && other.seen.after(forgotten) > member.seen);
        members.push(member);
        members.sort_unstable_by(|one, other| (&one.url, &one.id).cmp(&(&other.url, &other.id)));
    }

    /// The stream has acknowledged an append after so long.
    pub(in crate::cluster) fn counts_append(&self, took: Duration) {
        let appends = &mut self.locked().appends;
        appends.acknowledged += 1;
        appends.time += took;
        let bucket = APPEND_SECONDS.iter().position(|bound| took.as_secs_f64() <= *bound);
        if let Some(bucket) = bucket {
            appends.seconds[bucket] += 1;
        }
    }

    pub(in crate::cluster) fn counts_failed_append(&self, is_refused: bool) {
        let appends = &mut self.locked().appends;
        *if is_refused { &mut appends.refused } else { &mut appends.in_doubt } += 1;
    }

    pub(in crate::cluster) fn hears(&self, at: Instant) {
        self.heard.fetch_max(self.since_start(at), Relaxed);
    }

    /// An append that was sent at that time has been acknowledged.
    pub(in crate::cluster) fn has_acknowledged(&self, sent: Instant) {
        self.acknowledged.fetch_max(self.since_start(sent), Relaxed);
    }
}
