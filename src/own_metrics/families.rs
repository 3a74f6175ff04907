//! The gateway's own families, as a scrape shows them.

use std::sync::atomic::Ordering::Relaxed;

use super::reload::{POLICY, WEB_CONFIG};
use super::requests::Verb;
use super::window::{QUANTILES, Summary};
use super::{FORMATS, OwnMetrics, SCRAPE_CODES, TICK, access, persistence, process};
use crate::access::Access;
use crate::exposition::Kind;
use crate::log;
use crate::persist::Status;
use crate::scrape::OwnFamily;
use crate::shard::{Budget, Limits, Shards, kept_bytes};

/// The names and kinds of all families below and in `process`.
pub const RESERVED: [(&str, Kind); 48] = [
    ("process_cpu_seconds_total", Kind::Counter),
    ("process_max_fds", Kind::Gauge),
    ("process_open_fds", Kind::Gauge),
    ("process_resident_memory_bytes", Kind::Gauge),
    ("process_start_time_seconds", Kind::Gauge),
    ("process_virtual_memory_bytes", Kind::Gauge),
    ("promhttp_metric_handler_requests_in_flight", Kind::Gauge),
    ("promhttp_metric_handler_requests_total", Kind::Counter),
    ("pushgateway_build_info", Kind::Gauge),
    ("pushgateway_http_push_duration_seconds", Kind::Summary),
    ("pushgateway_http_push_size_bytes", Kind::Summary),
    ("pushgateway_http_requests_total", Kind::Counter),
    ("shardgate_auth_failures_total", Kind::Counter),
    ("shardgate_connection_panics_total", Kind::Counter),
    ("shardgate_connections", Kind::Gauge),
    ("shardgate_connections_limit", Kind::Gauge),
    ("shardgate_connections_refused_total", Kind::Counter),
    ("shardgate_groups", Kind::Gauge),
    ("shardgate_log_lines_dropped_total", Kind::Counter),
    ("shardgate_persistence_commit_seconds_total", Kind::Counter),
    ("shardgate_persistence_commits_total", Kind::Counter),
    ("shardgate_persistence_dirty_groups", Kind::Gauge),
    ("shardgate_persistence_errors_total", Kind::Counter),
    ("shardgate_persistence_failing", Kind::Gauge),
    ("shardgate_persistence_file_bytes", Kind::Gauge),
    ("shardgate_persistence_oldest_change_seconds", Kind::Gauge),
    ("shardgate_persistence_written_bytes_total", Kind::Counter),
    ("shardgate_policy_last_reload_success_timestamp_seconds", Kind::Gauge),
    ("shardgate_policy_reload_failed", Kind::Gauge),
    ("shardgate_push_bytes_in_flight", Kind::Gauge),
    ("shardgate_push_bytes_in_flight_limit", Kind::Gauge),
    ("shardgate_pushes_dropped_total", Kind::Counter),
    ("shardgate_pushes_shed_total", Kind::Counter),
    ("shardgate_quota_refusals_total", Kind::Counter),
    ("shardgate_rate_limited_requests_total", Kind::Counter),
    ("shardgate_samples", Kind::Gauge),
    ("shardgate_scrape_cache_bytes", Kind::Gauge),
    ("shardgate_scrape_duration_seconds", Kind::Summary),
    ("shardgate_scrape_hidden_families", Kind::Gauge),
    ("shardgate_scrape_size_bytes", Kind::Summary),
    ("shardgate_series", Kind::Gauge),
    ("shardgate_shard_queue_capacity", Kind::Gauge),
    ("shardgate_shard_queue_length", Kind::Gauge),
    ("shardgate_storage_bytes", Kind::Gauge),
    ("shardgate_storage_bytes_limit", Kind::Gauge),
    ("shardgate_storage_series_limit", Kind::Gauge),
    ("shardgate_web_config_last_reload_success_timestamp_seconds", Kind::Gauge),
    ("shardgate_web_config_reload_failed", Kind::Gauge),
];

impl OwnMetrics {
    /// All own families, as they are now; `runs_bytes` is what scrapes keep besides what is kept with
    /// the pages, `status` how what is kept on disk fares, if anything is.
    pub fn families(
        &self,
        shards: &Shards,
        runs_bytes: usize,
        access: &Access,
        status: Option<&Status>,
    ) -> Vec<OwnFamily> {
        let mut families = process::families();
        families.push(build_info());
        families.extend(self.requests());
        families.extend(self.pushes());
        families.extend(self.scrapes());
        families.push(cache(runs_bytes));
        families.push(self.hidden_families());
        families.extend(stored(shards));
        families.extend(shards.budget().into_iter().flat_map(limits));
        families.push(self.dropped_pushes(shards));
        families.push(self.connection_panics());
        families.extend(access::families(access));
        families.extend(self.policy.families(POLICY));
        families.extend(self.web_config.families(WEB_CONFIG));
        families.push(self.shed_pushes());
        families.push(dropped_log_lines());
        families
            .extend(status.into_iter().flat_map(|status| persistence::families(status, shards)));
        debug_assert!(
            families.iter().all(|family| RESERVED.contains(&(family.name(), family.kind()))),
            "every own family is reserved"
        );
        families
    }

    fn requests(&self) -> [OwnFamily; 1] {
        let mut total = OwnFamily::new(
            "pushgateway_http_requests_total",
            Kind::Counter,
            "Requests answered, scrapes apart.",
        );
        self.requests.each(|[code, handler, method], count| {
            let labels = [("code", code), ("handler", handler), ("method", method)];
            total.sample("", &labels, count as f64);
        });
        [total]
    }

    fn pushes(&self) -> [OwnFamily; 2] {
        let mut bytes = OwnFamily::new(
            "pushgateway_http_push_size_bytes",
            Kind::Summary,
            "Sizes of push bodies as received, in bytes.",
        );
        let mut seconds = OwnFamily::new(
            "pushgateway_http_push_duration_seconds",
            Kind::Summary,
            "How long pushes took to answer, in seconds.",
        );
        let age = self.started.elapsed();
        for (at, verb) in [Verb::Put, Verb::Post].into_iter().enumerate() {
            let labels = [("method", verb.label())];
            write_summary(&mut bytes, &labels, &self.push_bytes[at].summary(age), 1.0);
            let tick = TICK.as_secs_f64();
            write_summary(&mut seconds, &labels, &self.push_seconds[at].summary(age), tick);
        }
        [bytes, seconds]
    }

    fn dropped_pushes(&self, shards: &Shards) -> OwnFamily {
        let by_shards: u64 = shards.stats().map(|(stats, _)| stats.dropped()).sum();
        let help = "Pushes dropped after they were answered with 202.";
        OwnFamily::new("shardgate_pushes_dropped_total", Kind::Counter, help)
            .value((self.dropped.load(Relaxed) + by_shards) as f64)
    }

    fn shed_pushes(&self) -> OwnFamily {
        let help = "Pushes turned away for want of room, by what was full.";
        let mut shed = OwnFamily::new("shardgate_pushes_shed_total", Kind::Counter, help);
        for (reason, count) in self.shedding.each() {
            shed.sample("", &[("reason", reason)], count as f64);
        }
        shed
    }

    fn hidden_families(&self) -> OwnFamily {
        let help =
            "Families that the last scrape left out, since their names meet others' in its format.";
        let mut hidden = OwnFamily::new("shardgate_scrape_hidden_families", Kind::Gauge, help);
        for (format, count) in FORMATS.iter().zip(&self.families_hidden) {
            hidden.sample("", &[("format", format)], count.load(Relaxed) as f64);
        }
        hidden
    }

    fn scrapes(&self) -> [OwnFamily; 4] {
        let in_flight = OwnFamily::new(
            "promhttp_metric_handler_requests_in_flight",
            Kind::Gauge,
            "Scrapes being served.",
        );
        let mut total = OwnFamily::new(
            "promhttp_metric_handler_requests_total",
            Kind::Counter,
            "Scrapes answered, by status.",
        );
        for (at, code) in SCRAPE_CODES.iter().enumerate() {
            let count = self.scrapes[at].load(Relaxed);
            total.sample("", &[("code", &code.to_string())], count as f64);
        }
        let mut bytes = OwnFamily::new(
            "shardgate_scrape_size_bytes",
            Kind::Summary,
            "Sizes of scrapes before compression, in bytes.",
        );
        let mut seconds = OwnFamily::new(
            "shardgate_scrape_duration_seconds",
            Kind::Summary,
            "How long scrapes took to prepare, in seconds.",
        );
        let age = self.started.elapsed();
        write_summary(&mut bytes, &[], &self.scrape_bytes.summary(age), 1.0);
        write_summary(&mut seconds, &[], &self.scrape_seconds.summary(age), TICK.as_secs_f64());
        [in_flight.value(self.scrapes_in_flight.load(Relaxed) as f64), total, bytes, seconds]
    }
}

fn dropped_log_lines() -> OwnFamily {
    let help = "Lines of the log dropped because standard error did not take them.";
    OwnFamily::new("shardgate_log_lines_dropped_total", Kind::Counter, help)
        .value(log::lines_dropped() as f64)
}

fn build_info() -> OwnFamily {
    let mut info = OwnFamily::new(
        "pushgateway_build_info",
        Kind::Gauge,
        "Always 1; the labels tell which version this is.",
    );
    let labels = [
        ("branch", ""),
        ("goversion", ""),
        ("revision", option_env!("SHARDGATE_REVISION").unwrap_or_default()),
        ("version", env!("CARGO_PKG_VERSION")),
    ];
    info.sample("", &labels, 1.0);
    info
}

fn cache(runs_bytes: usize) -> OwnFamily {
    let help = "Bytes of encoded or compressed samples kept for the next scrape.";
    OwnFamily::new("shardgate_scrape_cache_bytes", Kind::Gauge, help)
        .value((kept_bytes() + runs_bytes) as f64)
}

fn stored(shards: &Shards) -> [OwnFamily; 6] {
    let gauge = |name, help| OwnFamily::new(name, Kind::Gauge, help);
    let mut groups = gauge("shardgate_groups", "Groups stored, by shard.");
    let mut series = gauge("shardgate_series", "Series stored, by shard.");
    let mut samples = gauge("shardgate_samples", "Samples that a scrape shows, by shard.");
    let mut bytes = gauge(
        "shardgate_storage_bytes",
        "Bytes stored, as they count against the bound, by shard.",
    );
    let mut queued = gauge("shardgate_shard_queue_length", "Messages waiting, by shard.");
    let mut capacity = gauge("shardgate_shard_queue_capacity", "Messages that may wait, by shard.");
    for (shard, (stats, queue_len)) in shards.stats().enumerate() {
        let labels = [("shard", &*shard.to_string())];
        groups.sample("", &labels, stats.groups() as f64);
        series.sample("", &labels, stats.series() as f64);
        samples.sample("", &labels, stats.samples() as f64);
        bytes.sample("", &labels, stats.bytes() as f64);
        queued.sample("", &labels, queue_len as f64);
        capacity.sample("", &labels, crate::shard::QUEUE_LEN as f64);
    }
    [groups, series, samples, bytes, queued, capacity]
}

/// What may be stored, of what is bounded.
fn limits(budget: &Budget) -> impl Iterator<Item = OwnFamily> {
    let Limits { series, bytes, .. } = budget.limits();
    let limits = [
        ("shardgate_storage_series_limit", "Most series stored.", series),
        ("shardgate_storage_bytes_limit", "Most bytes stored, as they count.", bytes),
    ];
    let limits = limits.into_iter().filter(|(_, _, limit)| *limit < u64::MAX);
    limits.map(|(name, help, limit)| OwnFamily::new(name, Kind::Gauge, help).value(limit as f64))
}

/// Adds one summary, unless nothing was ever observed: the reference shows none then, either.
fn write_summary(family: &mut OwnFamily, labels: &[(&str, &str)], summary: &Summary, unit: f64) {
    if summary.count == 0 {
        return;
    }
    for (at, (_, name)) in QUANTILES.iter().enumerate() {
        let mut labels = labels.to_vec();
        labels.push(("quantile", name));
        let value = summary.quantiles.map_or(f64::NAN, |quantiles| quantiles[at] as f64 * unit);
        family.sample("", &labels, value);
    }
    family.sample("_sum", labels, summary.sum);
    family.sample("_count", labels, summary.count as f64);
}
