//! Rejected requests: authentication, quotas and the rate limit. Only where there are rules.

use super::table::family;
use crate::access::Access;
use crate::scrape::OwnFamily;

/// All families about access; none of them where nothing is configured.
pub(super) fn families(access: &Access) -> Vec<OwnFamily> {
    if access.rules().is_none() {
        return Vec::new();
    }
    let mut failures = family("shardgate_auth_failures_total");
    for (reason, count) in access.failures() {
        failures.sample("", &[("reason", reason)], count as f64);
    }
    let mut refusals = family("shardgate_quota_refusals_total");
    for (user, quota, count) in access.refusals() {
        refusals.sample("", &[("quota", quota), ("user", &user)], count as f64);
    }
    let limited = family("shardgate_rate_limited_requests_total");
    vec![failures, refusals, limited.value(access.rate_limited() as f64)]
}
