//! The result of one run, all workers together.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::recorder::{Loop, Recorder};

/// What one run measured.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) profile: String,
    pub(crate) target: String,
    pub(crate) connections: usize,
    pub(crate) groups: usize,
    /// The time in which requests were counted.
    pub(crate) measured: Duration,
    pub(crate) requests: Recorder,
    pub(crate) usage: Option<TargetUsage>,
    pub(crate) scrapes: Option<Scrapes>,
    pub(crate) tester: Tester,
}

/// What the target used while it was measured.
#[derive(Clone, Debug)]
pub(crate) struct TargetUsage {
    pub(crate) pid: u32,
    pub(crate) cpu: Duration,
    pub(crate) resident_bytes: u64,
    pub(crate) resident_bytes_max: u64,
    /// Resident bytes by the time since the measurement began.
    pub(crate) memory: Vec<(Duration, u64)>,
}

/// What the scraper beside the pushers saw.
#[derive(Clone, Debug)]
pub(crate) struct Scrapes {
    pub(crate) duration: Histogram<u64>,
    pub(crate) errors: u64,
    /// The size of the last one, as it came over the wire.
    pub(crate) last_bytes: u64,
}

/// What the tester itself used: a run says so when it was the limit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tester {
    pub(crate) workers: usize,
    pub(crate) cpu: Duration,
    /// How long workers were ready to run but had no CPU.
    pub(crate) waited: Duration,
    pub(crate) elapsed: Duration,
}

/// How a tester can be the limit of what it measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bottleneck {
    /// Its workers never idled: a quicker tester would have measured more.
    Workers,
    /// It handed pushes out late, so their latencies are partly its own.
    Schedule,
}

impl Report {
    /// Requests answered with success, a second.
    pub(crate) fn pushes_per_second(&self) -> f64 {
        let seconds = self.measured.as_secs_f64();
        if seconds > 0.0 { self.requests.successes() as f64 / seconds } else { 0.0 }
    }

    /// The target's CPU time for one successful request.
    pub(crate) fn cpu_per_push(&self) -> Option<Duration> {
        let cpu = self.usage.as_ref()?.cpu.as_secs_f64();
        let successes = self.requests.successes();
        (successes > 0).then(|| Duration::from_secs_f64(cpu / successes as f64))
    }

    /// The tester's own CPU time for one successful request.
    pub(crate) fn tester_cpu_per_push(&self) -> Option<Duration> {
        let cpu = self.tester.busy() * self.tester.workers as f64 * self.measured.as_secs_f64();
        let successes = self.requests.successes();
        (successes > 0).then(|| Duration::from_secs_f64(cpu / successes as f64))
    }

    pub(crate) fn bottleneck(&self) -> Option<Bottleneck> {
        const BUSY_MAX: f64 = 0.95;
        /// Later than this for one push in a hundred, and percentiles are no longer the target's.
        const LATE_P99_MAX: Duration = Duration::from_millis(2);
        let late = self.requests.handed_out_late.value_at_quantile(0.99);
        if self.tester.busy() > BUSY_MAX {
            Some(Bottleneck::Workers)
        } else if self.requests.pace == Loop::Open && u128::from(late) > LATE_P99_MAX.as_nanos() {
            Some(Bottleneck::Schedule)
        } else {
            None
        }
    }
}

impl Bottleneck {
    pub(crate) const fn explanation(self) -> &'static str {
        match self {
            Self::Workers => "its workers were never idle",
            Self::Schedule => "it could not keep its schedule; latencies are partly its own",
        }
    }
}

impl Tester {
    pub(crate) fn merge(&mut self, other: Self) {
        self.workers += other.workers;
        self.cpu += other.cpu;
        self.waited += other.waited;
        self.elapsed = self.elapsed.max(other.elapsed);
    }

    /// The part of their time that the workers spent computing.
    pub(crate) fn busy(&self) -> f64 {
        self.part_of_its_time(self.cpu)
    }

    /// The part of their time that the workers were ready but had no CPU.
    pub(crate) fn waiting(&self) -> f64 {
        self.part_of_its_time(self.waited)
    }

    fn part_of_its_time(&self, time: Duration) -> f64 {
        let available = self.elapsed.as_secs_f64() * self.workers as f64;
        if available > 0.0 { time.as_secs_f64() / available } else { 0.0 }
    }
}
