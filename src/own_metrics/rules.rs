//! The ledger of jobs whose groups may expire. Only with rules for groups.

use super::table::family;
use crate::exposition::unescape;
use crate::scrape::OwnFamily;
use crate::shard::Ledger;

/// All families of the ledger.
pub(super) fn families(ledger: &Ledger) -> Vec<OwnFamily> {
    let mut families = [
        "shardgate_job_last_push_time_seconds",
        "shardgate_job_pushes_total",
        "shardgate_job_failures_total",
        "shardgate_job_groups",
        "shardgate_job_groups_expired_total",
    ]
    .map(family);
    for counts in ledger.jobs() {
        let job = unescape(&counts.job);
        let counted = [counts.pushes, counts.failures, counts.groups, counts.expired];
        let counted = counted.map(|count| count as f64);
        let values = std::iter::once(counts.last_push.seconds()).chain(counted);
        for (family, value) in families.iter_mut().zip(values) {
            family.sample("", &[("job", &*job)], value);
        }
    }
    let forgotten = family("shardgate_jobs_forgotten_total").value(ledger.forgotten() as f64);
    families.into_iter().chain([forgotten]).collect()
}
