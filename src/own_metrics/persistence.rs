//! How what is kept on disk fares.

use crate::exposition::Kind;
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
    let counter = |name, help| OwnFamily::new(name, Kind::Counter, help);
    let gauge = |name, help| OwnFamily::new(name, Kind::Gauge, help);
    [
        counter("shardgate_persistence_commits_total", "Commits made to the persistence file.")
            .value(counts.commits as f64),
        counter(
            "shardgate_persistence_commit_seconds_total",
            "How long all commits took together, in seconds.",
        )
        .value(counts.commit_time.as_secs_f64()),
        gauge(
            "shardgate_persistence_dirty_groups",
            "Groups that have changed and are not on disk as they are.",
        )
        .value((unsaved + counts.groups_at_hand) as f64),
        counter(
            "shardgate_persistence_errors_total",
            "How often opening, writing or syncing the persistence file failed.",
        )
        .value(counts.errors as f64),
        gauge("shardgate_persistence_failing", "1 while nothing gets to the disk, 0 otherwise.")
            .value(f64::from(u8::from(status.ready().is_err()))),
        gauge("shardgate_persistence_file_bytes", "How large the persistence file is, in bytes.")
            .value(counts.file_bytes as f64),
        gauge(
            "shardgate_persistence_oldest_change_seconds",
            "How long ago the oldest change was made that is not on disk, in seconds.",
        )
        .value(oldest_change_seconds(status, shards)),
        counter(
            "shardgate_persistence_written_bytes_total",
            "Bytes written to the persistence file.",
        )
        .value(counts.written_bytes as f64),
    ]
}
