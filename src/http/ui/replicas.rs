//! The replica set on the pages: the part of the status page, and what is wrong with this replica for the overview.

use std::time::Duration;

use crate::cluster::{Leader, Membership, Options, Role, View};
use crate::shard::Timestamp;
use crate::ui::{Fact, Moment, Problem, ReplicaLine, ReplicasPart, bytes, count, count_of, span};

/// From how many entries on a replica is behind. A follower is some entries behind while many pushes arrive.
const BEHIND_ENTRIES: u64 = 1000;

/// The part of the status page.
pub(super) fn part(membership: &Membership, options: Option<&Options>) -> ReplicasPart {
    let (view, role, now) = (membership.seen(), membership.role(), Timestamp::now());
    let stream = options.map(Options::stream).unwrap_or_default();
    let nats = options.map(|options| options.nats.len()).unwrap_or_default();
    let reached = match &view.nats_failure {
        Some(failure) => format!("cannot be reached: {failure}"),
        None => "connected".to_owned(),
    };
    let appends = &view.appends;
    let mut facts = vec![
        ("This replica", in_words(&role)),
        ("Leader", leader(membership.leader().as_ref(), now)),
        ("Position", format!("entry {}", count(membership.position()))),
        ("Behind the end of the stream", behind(&view)),
        (
            "Stream",
            format!(
                "{stream}, {} of which {} count",
                bytes(view.stream_bytes),
                bytes(view.living_bytes)
            ),
        ),
        ("NATS", format!("{reached} ({})", count_of(nats as u64, "server", "servers"))),
        (
            "Entries of this replica",
            format!(
                "{} acknowledged, {} refused, {} in doubt",
                count(appends.acknowledged),
                count(appends.refused),
                count(appends.in_doubt)
            ),
        ),
        ("Takeovers by this replica", count(view.takeovers)),
    ];
    if let (true, Some(average)) =
        (appends.acknowledged > 0, appends.time.checked_div(appends.acknowledged as u32))
    {
        facts.push((
            "Time of an entry, on average",
            format!("{:.1} ms", average.as_secs_f64() * 1e3),
        ));
    }
    let line = |member: &crate::cluster::Member| ReplicaLine {
        url: member.url.clone(),
        role: if member.leads { "leads" } else { "follows" },
        position: count(member.position),
        seen: Moment::new(member.seen, now),
        is_this: member.id == membership.id(),
    };
    ReplicasPart { facts, members: view.members.iter().map(line).collect() }
}

/// What is wrong with this replica, and not enough for it to be not ready.
pub(super) fn problems(membership: &Membership, lease: Duration) -> Vec<Problem> {
    let view = membership.seen();
    let problem = |what: &str, note| Problem { what: what.to_owned(), note, link: "/status" };
    let mut problems = Vec::new();
    if view.lag > 2 * lease || view.lag_entries > BEHIND_ENTRIES {
        problems.push(problem("This replica is behind its set", behind(&view)));
    }
    if membership.leader().is_none() && membership.role() == Role::Following {
        let note = "pushes and deletes wait, and are rejected after a while".to_owned();
        problems.push(problem("No replica leads the set", note));
    }
    if let Some(failure) = view.nats_failure {
        problems.push(problem("NATS cannot be reached", failure));
    }
    problems
}

/// The replica in a few words, for the overview.
pub(super) fn fact(membership: &Membership) -> Fact {
    let value = match membership.role() {
        Role::Connecting => "connecting",
        Role::Following => "follows",
        Role::Leading => "leads",
        Role::SteppedBack(_) => "stepped back",
    };
    let members = membership.seen().members.len() as u64;
    Fact {
        name: "This replica",
        value: value.to_owned(),
        note: format!("of {}", count_of(members, "replica", "replicas")),
        link: "/status",
    }
}

fn in_words(role: &Role) -> String {
    match role {
        Role::Connecting => "is connecting to NATS".to_owned(),
        Role::Following => "follows the leader".to_owned(),
        Role::Leading => "leads the set".to_owned(),
        Role::SteppedBack(reason) => format!("has stepped back: {reason}"),
    }
}

fn leader(leader: Option<&Leader>, now: Timestamp) -> String {
    match leader {
        Some(leader) => {
            let nanos = now.nanos().saturating_sub(leader.since.nanos());
            format!("{}, for {}", leader.url, span(Duration::from_nanos(nanos)))
        }
        None => "none".to_owned(),
    }
}

fn behind(view: &View) -> String {
    let entries = count_of(view.lag_entries, "entry", "entries");
    format!("{entries}; last heard of it {:.1} s ago", view.lag.as_secs_f64())
}
