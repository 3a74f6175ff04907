//! Looks at the target's process from time to time, also across a restart of it.

use std::net::SocketAddr;
use std::time::Duration;

use super::process::{Process, Usage, process_listening_on};
use super::report::TargetUsage;

/// Adds up what the target uses while it is looked at.
#[derive(Debug)]
pub(crate) struct Observer {
    process: Option<Process>,
    /// Where to look for its successor; none for a target of another machine.
    address: Option<SocketAddr>,
    /// The last look at the process; CPU time counts from one look to the next.
    last: Option<Usage>,
    seen: TargetUsage,
}

impl Observer {
    pub(crate) fn new(process: Option<Process>, address: SocketAddr) -> Self {
        let pid = process.map_or(0, |process| process.pid);
        Self {
            process,
            address: (process.is_some() && address.ip().is_loopback()).then_some(address),
            last: None,
            seen: TargetUsage {
                pid,
                cpu: Duration::ZERO,
                resident_bytes: 0,
                resident_bytes_max: 0,
                memory: Vec::new(),
            },
        }
    }

    /// One look, `since` the measurement began; `keep` adds it to the memory over time.
    pub(crate) fn look(&mut self, since: Duration, keep: bool) {
        let Some(usage) = self.process.and_then(Process::usage) else {
            self.last = None;
            self.process = self.address.and_then(process_listening_on);
            return;
        };
        if let Some(last) = self.last {
            self.seen.cpu += usage.cpu.saturating_sub(last.cpu);
        }
        self.last = Some(usage);
        self.seen.resident_bytes = usage.resident_bytes;
        self.seen.resident_bytes_max = self.seen.resident_bytes_max.max(usage.resident_bytes);
        if keep {
            self.seen.memory.push((since, usage.resident_bytes));
        }
    }

    /// What was used; none if there was never a process to look at.
    pub(crate) fn finish(self) -> Option<TargetUsage> {
        (self.seen.resident_bytes_max > 0).then_some(self.seen)
    }
}
