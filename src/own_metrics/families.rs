//! The gateway's own families, as a scrape shows them.

use std::sync::atomic::Ordering::Relaxed;

use super::reload::{POLICY, RULES, WEB_CONFIG};
use super::requests::Verb;
use super::table::family;
use super::window::{QUANTILES, Summary};
use super::{FORMATS, OwnMetrics, SCRAPE_CODES, TICK, access, persistence, process, rules};
use crate::access::Access;
use crate::log;
use crate::persist::Status;
use crate::scrape::OwnFamily;
use crate::shard::{Budget, Limits, Shards, kept_bytes};

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
        if self.rules.is_used() {
            families.extend(self.rules.families(RULES));
            families.extend(rules::families(shards.ledger()));
        }
        families.extend(self.web_config.families(WEB_CONFIG));
        families.push(self.shed_pushes());
        families.push(dropped_log_lines());
        families
            .extend(status.into_iter().flat_map(|status| persistence::families(status, shards)));
        families
    }

    fn requests(&self) -> [OwnFamily; 1] {
        let mut total = family("pushgateway_http_requests_total");
        self.requests.each(|[code, handler, method], count| {
            let labels = [("code", code), ("handler", handler), ("method", method)];
            total.sample("", &labels, count as f64);
        });
        [total]
    }

    fn pushes(&self) -> [OwnFamily; 2] {
        let mut bytes = family("pushgateway_http_push_size_bytes");
        let mut seconds = family("pushgateway_http_push_duration_seconds");
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
        let dropped = self.dropped.load(Relaxed) + by_shards;
        family("shardgate_pushes_dropped_total").value(dropped as f64)
    }

    fn shed_pushes(&self) -> OwnFamily {
        let mut shed = family("shardgate_pushes_shed_total");
        for (reason, count) in self.shedding.each() {
            shed.sample("", &[("reason", reason)], count as f64);
        }
        shed
    }

    fn hidden_families(&self) -> OwnFamily {
        let mut hidden = family("shardgate_scrape_hidden_families");
        for (format, count) in FORMATS.iter().zip(&self.families_hidden) {
            hidden.sample("", &[("format", format)], count.load(Relaxed) as f64);
        }
        hidden
    }

    fn scrapes(&self) -> [OwnFamily; 4] {
        let in_flight = family("promhttp_metric_handler_requests_in_flight");
        let mut total = family("promhttp_metric_handler_requests_total");
        for (at, code) in SCRAPE_CODES.iter().enumerate() {
            let count = self.scrapes[at].load(Relaxed);
            total.sample("", &[("code", &code.to_string())], count as f64);
        }
        let mut bytes = family("shardgate_scrape_size_bytes");
        let mut seconds = family("shardgate_scrape_duration_seconds");
        let age = self.started.elapsed();
        write_summary(&mut bytes, &[], &self.scrape_bytes.summary(age), 1.0);
        write_summary(&mut seconds, &[], &self.scrape_seconds.summary(age), TICK.as_secs_f64());
        [in_flight.value(self.scrapes_in_flight.load(Relaxed) as f64), total, bytes, seconds]
    }
}

fn dropped_log_lines() -> OwnFamily {
    family("shardgate_log_lines_dropped_total").value(log::lines_dropped() as f64)
}

fn build_info() -> OwnFamily {
    let mut info = family("pushgateway_build_info");
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
    family("shardgate_scrape_cache_bytes").value((kept_bytes() + runs_bytes) as f64)
}

fn stored(shards: &Shards) -> [OwnFamily; 9] {
    let mut families = [
        "shardgate_groups",
        "shardgate_series",
        "shardgate_samples",
        "shardgate_storage_bytes",
        "shardgate_shard_queue_length",
        "shardgate_shard_queue_capacity",
        "shardgate_sum_sources",
        "shardgate_sum_quantiles_left_out_total",
        "shardgate_sum_natives_left_out_total",
    ]
    .map(family);
    for (shard, (stats, queue_len)) in shards.stats().enumerate() {
        let labels = [("shard", &*shard.to_string())];
        let stored = [stats.groups(), stats.series(), stats.samples(), stats.bytes()];
        let queue = [queue_len as u64, crate::shard::QUEUE_LEN as u64];
        let sums = [stats.sources(), stats.left_out(), stats.natives_left_out()];
        let values = stored.into_iter().chain(queue).chain(sums);
        for (family, value) in families.iter_mut().zip(values) {
            family.sample("", &labels, value as f64);
        }
    }
    families
}

/// What may be stored, of what is bounded.
fn limits(budget: &Budget) -> impl Iterator<Item = OwnFamily> {
    let Limits { series, bytes, .. } = budget.limits();
    let limits =
        [("shardgate_storage_series_limit", series), ("shardgate_storage_bytes_limit", bytes)];
    let limits = limits.into_iter().filter(|(_, limit)| *limit < u64::MAX);
    limits.map(|(name, limit)| family(name).value(limit as f64))
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
