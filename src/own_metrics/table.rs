//! The table of the gateway's own families: name, kind and help text.
//!
//! No push can use one of these names with another kind.

use std::sync::LazyLock;

use crate::exposition::Kind;
use crate::scrape::OwnFamily;

/// A family a line: name, kind, help text.
const TABLE: &str = "\
process_cpu_seconds_total counter User and system CPU time spent, in seconds.
process_max_fds gauge Most file descriptors that may be open.
process_open_fds gauge Open file descriptors.
process_resident_memory_bytes gauge Resident memory, in bytes.
process_start_time_seconds gauge When the process was started, in seconds since 1970.
process_virtual_memory_bytes gauge Virtual memory, in bytes.
promhttp_metric_handler_requests_in_flight gauge Scrapes being served.
promhttp_metric_handler_requests_total counter Scrapes answered, by status.
pushgateway_build_info gauge Always 1; the labels tell which version this is.
pushgateway_http_push_duration_seconds summary How long pushes took to answer, in seconds.
pushgateway_http_push_size_bytes summary Sizes of push bodies as received, in bytes.
pushgateway_http_requests_total counter Requests answered, scrapes apart.
shardgate_auth_failures_total counter Requests turned away by reason of who sent them.
shardgate_cluster_append_seconds histogram How long NATS took to acknowledge entries, in seconds.
shardgate_cluster_appends_total counter Entries that this replica has sent to the stream, by result.
shardgate_cluster_forwarded_requests_total counter Requests that belong to the leader of the replica set, by result.
shardgate_cluster_held_pushes gauge Requests that wait for a leader.
shardgate_cluster_lag_entries gauge Entries of the stream that this replica has not applied.
shardgate_cluster_lag_seconds gauge How long ago this replica was at the end of the stream, in seconds.
shardgate_cluster_members gauge Replicas that were lately heard of, this one included.
shardgate_cluster_nats_connected gauge 1 while NATS is reached, 0 otherwise.
shardgate_cluster_position gauge The last entry of the stream that this replica has applied, or had acknowledged.
shardgate_cluster_role gauge 1 for the role that this replica has, 0 for the others.
shardgate_cluster_stream_bytes gauge Bytes of the entries in the stream, before they are compressed.
shardgate_cluster_takeovers_total counter How often this replica became the leader.
shardgate_connection_panics_total counter Tasks of connections that have panicked.
shardgate_connections gauge Connections that are served, and in reserve: told that there is no room.
shardgate_connections_limit gauge Most connections served.
shardgate_connections_refused_total counter Connections answered with 503, since --web.max-connections were being served.
shardgate_groups gauge Groups stored, by shard.
shardgate_job_failures_total counter Pushes to groups of a job under rules that were refused for what they said.
shardgate_job_groups gauge Groups of a job that may expire.
shardgate_job_groups_expired_total counter Groups of a job that have expired.
shardgate_job_last_push_time_seconds gauge When a group of a job under rules was last pushed to, in seconds since 1970.
shardgate_job_pushes_total counter Pushes to groups of a job under rules that were accepted.
shardgate_jobs_forgotten_total counter Jobs under rules that have given way to others, since there are more than --rules.max-jobs.
shardgate_log_lines_dropped_total counter Lines of the log dropped because standard error did not take them.
shardgate_persistence_commit_seconds_total counter How long all commits took together, in seconds.
shardgate_persistence_commits_total counter Commits made to the persistence file.
shardgate_persistence_dirty_groups gauge Groups that have changed and are not on disk as they are.
shardgate_persistence_errors_total counter How often opening, writing or syncing the persistence file failed.
shardgate_persistence_failing gauge 1 while nothing gets to the disk, 0 otherwise.
shardgate_persistence_file_bytes gauge How large the persistence file is, in bytes.
shardgate_persistence_oldest_change_seconds gauge How long ago the oldest change was made that is not on disk, in seconds.
shardgate_persistence_written_bytes_total counter Bytes written to the persistence file.
shardgate_policy_last_reload_success_timestamp_seconds gauge When the file that is in effect was read, in seconds since 1970.
shardgate_policy_reload_failed gauge 1 while the file cannot be applied as it is, 0 otherwise.
shardgate_push_bytes_in_flight gauge Bytes of bodies in memory, and of what large ones were decoded to.
shardgate_push_bytes_in_flight_limit gauge Most bytes of bodies in memory.
shardgate_pushes_dropped_total counter Pushes dropped after they were answered with 202.
shardgate_pushes_shed_total counter Pushes turned away for want of room, by what was full.
shardgate_quota_refusals_total counter Pushes and deletes that a quota was in the way of, by the entry of the policy.
shardgate_rate_limited_requests_total counter Requests that came faster than the rate limit of all clients together allows.
shardgate_rules_last_reload_success_timestamp_seconds gauge When the file that is in effect was read, in seconds since 1970.
shardgate_rules_reload_failed gauge 1 while the file cannot be applied as it is, 0 otherwise.
shardgate_samples gauge Samples that a scrape shows, by shard.
shardgate_scrape_cache_bytes gauge Bytes of encoded or compressed samples kept for the next scrape.
shardgate_scrape_duration_seconds summary How long scrapes took to prepare, in seconds.
shardgate_scrape_hidden_families gauge Families that the last scrape left out, since their names meet others' in its format.
shardgate_scrape_size_bytes summary Sizes of scrapes before compression, in bytes.
shardgate_series gauge Series stored, by shard.
shardgate_shard_queue_capacity gauge Messages that may wait, by shard.
shardgate_shard_queue_length gauge Messages waiting, by shard.
shardgate_storage_bytes gauge Bytes stored, as they count against the bound, by shard.
shardgate_storage_bytes_limit gauge Most bytes stored, as they count.
shardgate_storage_series_limit gauge Most series stored.
shardgate_sum_natives_left_out_total counter Families pushed to sources with native histograms that their sums leave out, by shard.
shardgate_sum_quantiles_left_out_total counter Quantiles left out of sums of groups, by shard.
shardgate_sum_sources gauge Sources of sums that are not shown themselves, by shard.
shardgate_web_config_last_reload_success_timestamp_seconds gauge When the file that is in effect was read, in seconds since 1970.
shardgate_web_config_reload_failed gauge 1 while the file cannot be applied as it is, 0 otherwise.
";

static FAMILIES: LazyLock<Vec<(&str, Kind, &str)>> = LazyLock::new(|| {
    let row = |line: &'static str| {
        let (name, rest) = line.split_once(' ')?;
        let (kind, help) = rest.split_once(' ')?;
        Some((name, Kind::parse(kind.as_bytes())?, help))
    };
    TABLE.lines().map(|line| row(line).expect("a row has three columns")).collect()
});

/// All names, each with its kind.
pub fn reserved() -> Vec<(&'static str, Kind)> {
    FAMILIES.iter().map(|(name, kind, _)| (*name, *kind)).collect()
}

/// The family of this name, without samples.
pub(super) fn family(name: &str) -> OwnFamily {
    let row = FAMILIES.iter().find(|(known, ..)| *known == name);
    let (name, kind, help) = row.expect("every own family is in the table");
    OwnFamily::new(name, *kind, help)
}
