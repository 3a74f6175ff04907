//! The `process_*` families, read from `/proc`. A value that cannot be read is left out.

use procfs::WithCurrentSystemInfo;
use procfs::process::{LimitValue, Process};

use super::table::family;
use crate::scrape::OwnFamily;

/// How much of the memory is resident, in bytes; 0 where that cannot be read.
pub fn resident_bytes() -> u64 {
    let statm = Process::myself().and_then(|process| process.statm());
    statm.map_or(0, |statm| statm.resident * procfs::page_size())
}

pub(super) fn families() -> Vec<OwnFamily> {
    let Ok(process) = Process::myself() else { return Vec::new() };
    let mut families = Vec::new();
    let mut add = |name, value: f64| families.push(family(name).value(value));
    if let Ok(stat) = process.stat() {
        let seconds = |ticks: u64| ticks as f64 / procfs::ticks_per_second() as f64;
        add("process_cpu_seconds_total", seconds(stat.utime + stat.stime));
        add("process_resident_memory_bytes", stat.rss_bytes().get() as f64);
        add("process_virtual_memory_bytes", stat.vsize as f64);
        if let Ok(boot) = procfs::boot_time_secs() {
            add("process_start_time_seconds", boot as f64 + seconds(stat.starttime));
        }
    }
    if let Ok(open) = process.fd_count() {
        add("process_open_fds", open as f64);
    }
    if let Ok(limits) = process.limits()
        && let LimitValue::Value(most) = limits.max_open_files.soft_limit
    {
        add("process_max_fds", most as f64);
    }
    families
}
