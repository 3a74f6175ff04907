//! How the gateway was built and started.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::json::success;
use crate::cluster::{Membership, Options, Role};
use crate::config::Config;
use crate::http::reply::Reply;
use crate::rules::{GroupRules, Rule};
use crate::shard::Timestamp;

/// What the status needs.
#[derive(Debug)]
pub(crate) struct BuildStatus {
    pub(crate) config: Arc<Config>,
    /// The rules for groups, as they are now; `None` without a file of them.
    pub(crate) rules: Option<watch::Receiver<Arc<GroupRules>>>,
    pub(crate) started: SystemTime,
    /// What this gateway is to its replica set; `None` for one that stands alone.
    pub(crate) membership: Option<Arc<Membership>>,
}

impl BuildStatus {
    pub(crate) fn answer(&self) -> Reply {
        let flags = self.config.flags.iter();
        let flags: Map<String, Value> =
            flags.map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
        let mut status = json!({
            "build_information": {
                "branch": "",
                "buildDate": "",
                "buildUser": "",
                "goVersion": "",
                "revision": option_env!("SHARDGATE_REVISION").unwrap_or_default(),
                "version": env!("CARGO_PKG_VERSION"),
            },
            "flags": flags,
            "start_time": humantime::format_rfc3339_nanos(self.started).to_string(),
        });
        if let Some(rules) = &self.rules {
            let rules = Arc::clone(&rules.borrow());
            status["rules"] = rules.rules().iter().map(rule).collect();
        }
        if let Some(membership) = &self.membership {
            status["cluster"] = cluster(membership, self.config.cluster.as_ref());
        }
        success(status)
    }
}

/// The replica set, as this replica sees it.
fn cluster(membership: &Membership, options: Option<&Options>) -> Value {
    let view = membership.seen();
    let time = |at: Timestamp| {
        let since_1970 = Duration::from_nanos(at.nanos());
        humantime::format_rfc3339_millis(UNIX_EPOCH + since_1970).to_string()
    };
    let (role, reason) = match membership.role() {
        Role::Connecting => ("connecting", None),
        Role::Following => ("following", None),
        Role::Leading => ("leading", None),
        Role::SteppedBack(reason) => ("stepped_back", Some(reason)),
    };
    let not_ready = membership.ready().err().map(|reason| reason.to_string());
    let leader = membership
        .leader()
        .map(|leader| json!({ "id": leader.id, "url": leader.url, "since": time(leader.since) }));
    let members = view.members.iter().map(|member| {
        json!({
            "id": member.id,
            "url": member.url,
            "leads": member.leads,
            "position": member.position,
            "seen": time(member.seen),
        })
    });
    json!({
        "name": options.map(|options| &*options.name),
        "stream": options.map(Options::stream),
        "id": membership.id(),
        "url": membership.url(),
        "role": role,
        "stepped_back": reason,
        "not_ready": not_ready,
        "leader": leader,
        "position": membership.position(),
        "lag_entries": view.lag_entries,
        "lag_seconds": view.lag.as_secs_f64(),
        "nats_failure": view.nats_failure,
        "takeovers": view.takeovers,
        "stream_bytes": view.stream_bytes,
        "members": members.collect::<Vec<_>>(),
    })
}

/// A rule as the file has it.
fn rule(rule: &Rule) -> Value {
    let settings = rule.settings().into_iter().map(|(key, value)| (key, value.into()));
    let settings: Map<String, Value> = std::iter::once(("match", rule.text.as_str().into()))
        .chain(settings)
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    settings.into()
}
