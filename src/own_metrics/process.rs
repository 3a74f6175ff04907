//! The `process_*` families, read from `/proc`. What cannot be read is left out.

use procfs::WithCurrentSystemInfo;
use procfs::process::{LimitValue, Process};

use crate::exposition::Kind;
use crate::scrape::OwnFamily;

/// How much of the memory is resident, in bytes; 0 where that cannot be read.
pub fn resident_bytes() -> u64 {
    let statm = Process::myself().and_then(|process| process.statm());
    statm.map_or(0, |statm| statm.resident * procfs::page_size())
}

pub(super) fn families() -> Vec<OwnFamily> {
    let Ok(process) = Process::myself() else { return Vec::new() };
    let mut families = Vec::new();
    let mut add = |name, kind, help, value: f64| {
        families.push(OwnFamily::new(name, kind, help).value(value));
    };
    if let Ok(stat) = process.stat() {
        let ticks = (stat.utime + stat.stime) as f64;
        add(
            "process_cpu_seconds_total",
            Kind::Counter,
            "User and system CPU time spent, in seconds.",
            ticks / procfs::ticks_per_second() as f64,
        );
        add(
            "process_resident_memory_bytes",
            Kind::Gauge,
            "Resident memory, in bytes.",
            stat.rss_bytes().get() as f64,
        );
        add(
            "process_virtual_memory_bytes",
            Kind::Gauge,
            "Virtual memory, in bytes.",
            stat.vsize as f64,
        );
        if let Ok(boot) = procfs::boot_time_secs() {
            add(
                "process_start_time_seconds",
                Kind::Gauge,
                "When the process was started, in seconds since 1970.",
                boot as f64 + stat.starttime as f64 / procfs::ticks_per_second() as f64,
            );
        }
    }
    if let Ok(open) = process.fd_count() {
        add("process_open_fds", Kind::Gauge, "Open file descriptors.", open as f64);
    }
    if let Ok(limits) = process.limits()
        && let LimitValue::Value(most) = limits.max_open_files.soft_limit
    {
        add("process_max_fds", Kind::Gauge, "Most file descriptors that may be open.", most as f64);
    }
    families
}
