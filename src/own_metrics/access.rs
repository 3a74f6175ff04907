//! Who was turned away, where there are rules.

use crate::access::Access;
use crate::exposition::Kind;
use crate::scrape::OwnFamily;

/// All families about access; none of them where nothing is configured.
pub(super) fn families(access: &Access) -> Vec<OwnFamily> {
    if access.rules().is_none() {
        return Vec::new();
    }
    let mut failures = OwnFamily::new(
        "shardgate_auth_failures_total",
        Kind::Counter,
        "Requests turned away by reason of who sent them.",
    );
    for (reason, count) in access.failures() {
        failures.sample("", &[("reason", reason)], count as f64);
    }
    let mut refusals = OwnFamily::new(
        "shardgate_quota_refusals_total",
        Kind::Counter,
        "Pushes and deletes that a quota was in the way of, by the entry of the policy.",
    );
    for (user, quota, count) in access.refusals() {
        refusals.sample("", &[("quota", quota), ("user", &user)], count as f64);
    }
    let help = "Requests that came faster than the rate limit of all clients together allows.";
    let limited = OwnFamily::new("shardgate_rate_limited_requests_total", Kind::Counter, help);
    vec![failures, refusals, limited.value(access.rate_limited() as f64)]
}
