//! The metrics of a replica: its role, how far it is, what it appends, and the requests that it passes on to the leader.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::OwnMetrics;
use super::table::family;
use crate::cluster::{APPEND_SECONDS, Membership, Role, View};
use crate::scrape::OwnFamily;

/// What has become of a request that belongs to the leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarded {
    /// The leader has answered, and this replica shows what came of it.
    Answered,
    /// The leader has answered, and this replica did not read in time what came of it.
    Late,
    /// It was sent, and nobody knows whether it counts.
    InDoubt,
    /// There was no leader to send it to.
    NoLeader,
    /// The leader did not accept the signature of this replica.
    NotVouched,
    /// It was not sent: its body could not be read, or too many requests wait.
    Refused,
}

impl Forwarded {
    const ALL: [(Forwarded, &'static str); 6] = [
        (Forwarded::Answered, "answered"),
        (Forwarded::Late, "late"),
        (Forwarded::InDoubt, "in_doubt"),
        (Forwarded::NoLeader, "no_leader"),
        (Forwarded::NotVouched, "not_vouched"),
        (Forwarded::Refused, "refused"),
    ];
}

/// How many requests that belong to the leader came to what.
#[derive(Debug, Default)]
pub(super) struct Forwarding([AtomicU64; Forwarded::ALL.len()]);

impl OwnMetrics {
    /// Counts a request that belongs to the leader.
    pub fn forwarded(&self, result: Forwarded) {
        self.forwarding.0[result as usize].fetch_add(1, Relaxed);
    }

    /// The families of a replica, of whose requests `held` wait for a leader.
    pub fn cluster_families(&self, membership: &Membership, held: usize) -> Vec<OwnFamily> {
        let view = membership.seen();
        let value = |name, value| family(name).value(value);
        let mut forwarded = family("shardgate_cluster_forwarded_requests_total");
        for ((_, result), count) in Forwarded::ALL.iter().zip(&self.forwarding.0) {
            forwarded.sample("", &[("result", result)], count.load(Relaxed) as f64);
        }
        vec![
            role(&membership.role()),
            value("shardgate_cluster_position", membership.position() as f64),
            value("shardgate_cluster_lag_entries", view.lag_entries as f64),
            value("shardgate_cluster_lag_seconds", view.lag.as_secs_f64()),
            value("shardgate_cluster_members", view.members.len() as f64),
            value(
                "shardgate_cluster_nats_connected",
                f64::from(u8::from(view.nats_failure.is_none())),
            ),
            appends(&view),
            append_seconds(&view),
            value("shardgate_cluster_takeovers_total", view.takeovers as f64),
            value("shardgate_cluster_stream_bytes", view.stream_bytes as f64),
            forwarded,
            value("shardgate_cluster_held_pushes", held as f64),
        ]
    }
}

/// One sample for each role, of which one is 1.
fn role(role: &Role) -> OwnFamily {
    let mut roles = family("shardgate_cluster_role");
    for (name, is_it) in [
        ("connecting", matches!(role, Role::Connecting)),
        ("following", matches!(role, Role::Following)),
        ("leading", matches!(role, Role::Leading)),
        ("stepped_back", matches!(role, Role::SteppedBack(_))),
    ] {
        roles.sample("", &[("role", name)], f64::from(u8::from(is_it)));
    }
    roles
}

fn appends(view: &View) -> OwnFamily {
    let mut appends = family("shardgate_cluster_appends_total");
    let counts = &view.appends;
    for (result, count) in [
        ("acknowledged", counts.acknowledged),
        ("in_doubt", counts.in_doubt),
        ("refused", counts.refused),
    ] {
        appends.sample("", &[("result", result)], count as f64);
    }
    appends
}

fn append_seconds(view: &View) -> OwnFamily {
    let mut seconds = family("shardgate_cluster_append_seconds");
    let appends = &view.appends;
    let mut cumulative = 0;
    for (bound, count) in APPEND_SECONDS.iter().zip(appends.seconds) {
        cumulative += count;
        seconds.sample("_bucket", &[("le", &bound.to_string())], cumulative as f64);
    }
    seconds.sample("_bucket", &[("le", "+Inf")], appends.acknowledged as f64);
    seconds.sample("_sum", &[], appends.time.as_secs_f64());
    seconds.sample("_count", &[], appends.acknowledged as f64);
    seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_their_enum() {
        assert!(Forwarded::ALL.iter().enumerate().all(|(at, (result, _))| *result as usize == at));
    }
}
