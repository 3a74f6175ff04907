//! The metrics of the persistence file.

use super::table::family;
use crate::persist::Status;
use crate::scrape::OwnFamily;
use crate::shard::{Shards, Timestamp};

/// How long ago the oldest change was made that is not on disk, in seconds; 0 when there is none.
pub fn oldest_change_seconds(status: &Status, shards: &Shards) -> f64 {
    let since = shards.stats().map(|(stats, _)| stats.dirty_since());
    let since = since.chain([status.counts().oldest]).filter(|since| *since > Timestamp::NEVER);
    let age = since.min().map(|oldest| Timestamp::now().seconds() - oldest.seconds());
    age.unwrap_or_default().max(0.0)
}

/// The families of a gateway that keeps its groups on disk.
pub(super) fn families(status: &Status, shards: &Shards) -> [OwnFamily; 8] {
    let counts = status.counts();
    let unsaved: u64 = shards.stats().map(|(stats, _)| stats.dirty()).sum();
    [
        ("shardgate_persistence_commits_total", counts.commits as f64),
        ("shardgate_persistence_commit_seconds_total", counts.commit_time.as_secs_f64()),
        ("shardgate_persistence_dirty_groups", (unsaved + counts.groups_at_hand) as f64),
        ("shardgate_persistence_errors_total", counts.errors as f64),
        ("shardgate_persistence_failing", f64::from(u8::from(status.ready().is_err()))),
        ("shardgate_persistence_file_bytes", counts.file_bytes as f64),
        ("shardgate_persistence_oldest_change_seconds", oldest_change_seconds(status, shards)),
        ("shardgate_persistence_written_bytes_total", counts.written_bytes as f64),
    ]
    .map(|(name, value)| family(name).value(value))
}
