//! What one worker counts while it drives its connections.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::timeline::Timeline;
use crate::client::{Answer, Failure};

/// When a run starts to count and when it ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) start: Instant,
    pub(crate) measure_from: Instant,
    pub(crate) until: Instant,
}

impl Window {
    pub(crate) fn opening_now(warmup: Duration, duration: Duration) -> Self {
        let start = Instant::now();
        let measure_from = start + warmup;
        Self { start, measure_from, until: measure_from + duration }
    }

    pub(crate) fn contains(&self, when: Instant) -> bool {
        (self.measure_from..self.until).contains(&when)
    }
}

/// Whose clock starts a push: this decides which pushes belong to the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Loop {
    /// The last answer does. What ends inside the window counts, so that a rate is per second of it.
    Closed,
    /// The schedule does. What was to start inside the window counts, however late it ends: a
    /// server that stalls must not get rid of the pushes it made wait.
    Open,
}

/// Latencies are kept in nanoseconds, to three digits, up to this.
const LATENCY_MAX: Duration = Duration::from_secs(3600);
/// A push sent later than this after its time is reported as late.
const LATE: Duration = Duration::from_millis(1);

/// An empty histogram of times in nanoseconds.
pub(crate) fn time_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MAX.as_nanos() as u64, 3)
        .expect("1 ns to an hour at three digits is within what a histogram holds")
}

/// The counts of one worker; workers are merged once, after the run.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    window: Window,
    pub(crate) pace: Loop,
    /// Answered requests, of any status, and those that never ended, by their time from the
    /// intended start to the last byte or the end of the run.
    pub(crate) latency: Histogram<u64>,
    /// How long after its time a push was handed out, through the tester's own fault.
    pub(crate) handed_out_late: Histogram<u64>,
    /// Pushes sent more than a millisecond after their time, for whatever reason.
    pub(crate) sent_late: u64,
    /// Pushes without an answer when the run ended.
    pub(crate) unfinished: u64,
    /// Answers of status 200; others are in `statuses`.
    ok: u64,
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) failures: BTreeMap<Failure, u64>,
    /// The first bytes of the first answer that was an error: mostly says what is wrong.
    pub(crate) first_error: Option<String>,
    pub(crate) timeline: Timeline,
}

impl Recorder {
    pub(crate) fn new(window: Window, pace: Loop) -> Self {
        Self {
            window,
            pace,
            latency: time_histogram(),
            handed_out_late: time_histogram(),
            sent_late: 0,
            unfinished: 0,
            ok: 0,
            statuses: BTreeMap::new(),
            failures: BTreeMap::new(),
            first_error: None,
            timeline: Timeline::new(window),
        }
    }

    pub(crate) fn answered(&mut self, due: Instant, done: Instant, answer: Answer) {
        if let Some(stamp) = self.counted(due, done) {
            let latency = done.saturating_duration_since(due);
            self.latency.saturating_record(latency.as_nanos() as u64);
            self.timeline.answered(stamp, latency, answer.is_success());
            // One status is all there mostly is: the map is for the others.
            if answer.status == 200 {
                self.ok += 1;
            } else {
                *self.statuses.entry(answer.status).or_default() += 1;
            }
        }
    }

    pub(crate) fn failed(&mut self, due: Instant, done: Instant, failure: Failure) {
        if let Some(stamp) = self.counted(due, done) {
            self.timeline.failed(stamp);
            *self.failures.entry(failure).or_default() += 1;
        }
    }

    /// A push that still waits at the end took at least as long as until now.
    pub(crate) fn unfinished(&mut self, due: Instant, end: Instant) {
        if self.window.contains(due) {
            let latency = end.saturating_duration_since(due);
            self.latency.saturating_record(latency.as_nanos() as u64);
            self.unfinished += 1;
        }
    }

    pub(crate) fn handed_out(&mut self, due: Instant, now: Instant) {
        if self.window.contains(due) {
            self.handed_out_late.saturating_record((now - due).as_nanos() as u64);
        }
    }

    pub(crate) fn sent(&mut self, due: Instant, now: Instant) {
        if self.pace == Loop::Open && now - due > LATE && self.window.contains(due) {
            self.sent_late += 1;
        }
    }

    /// When a push that belongs to the window counts.
    fn counted(&self, due: Instant, done: Instant) -> Option<Instant> {
        let stamp = match self.pace {
            Loop::Closed => done,
            Loop::Open => due,
        };
        self.window.contains(stamp).then_some(stamp)
    }

    /// Requests answered with success.
    pub(crate) fn successes(&self) -> u64 {
        self.ok + self.with_status(|status| status / 100 == 2)
    }

    /// Requests answered with an error, or not at all.
    pub(crate) fn errors(&self) -> u64 {
        self.with_status(|status| status / 100 != 2)
            + self.failures.values().sum::<u64>()
            + self.unfinished
    }

    fn with_status(&self, wanted: impl Fn(u16) -> bool) -> u64 {
        self.statuses.iter().filter(|&(&status, _)| wanted(status)).map(|(_, n)| n).sum()
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.latency += &other.latency;
        self.handed_out_late += &other.handed_out_late;
        self.sent_late += other.sent_late;
        self.unfinished += other.unfinished;
        self.ok += other.ok;
        for (&status, &n) in &other.statuses {
            *self.statuses.entry(status).or_default() += n;
        }
        for (&failure, &n) in &other.failures {
            *self.failures.entry(failure).or_default() += n;
        }
        if self.first_error.is_none() {
            self.first_error.clone_from(&other.first_error);
        }
        self.timeline.merge(&other.timeline);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorder(pace: Loop) -> (Recorder, Instant) {
        let window = Window::opening_now(Duration::from_secs(1), Duration::from_secs(10));
        (Recorder::new(window, pace), window.measure_from)
    }

    const OK: Answer = Answer { status: 200, body_bytes: 0 };

    #[test]
    fn percentiles_of_known_latencies() {
        let (mut recorder, from) = recorder(Loop::Open);
        for millis in 1..=1000 {
            recorder.answered(from, from + Duration::from_millis(millis), OK);
        }
        for (quantile, millis) in [(0.5, 500.0), (0.9, 900.0), (0.99, 990.0), (1.0, 1000.0)] {
            let found = recorder.latency.value_at_quantile(quantile) as f64 / 1e6;
            assert!((found - millis).abs() <= millis / 500.0, "{quantile}: {found} ms");
        }
    }

    #[test]
    fn a_closed_loop_counts_by_the_end_and_an_open_one_by_the_start() {
        let second = Duration::from_secs(1);
        for (pace, expected) in [(Loop::Closed, 2), (Loop::Open, 2)] {
            let (mut recorder, from) = recorder(pace);
            recorder.answered(from - second, from + second, OK);
            recorder.answered(from + second, from + 2 * second, OK);
            recorder.answered(from + 9 * second, from + 11 * second, OK);
            assert_eq!(recorder.successes(), expected);
        }
    }

    #[test]
    fn a_push_that_never_ended_is_an_error_and_has_a_latency() {
        let (mut recorder, from) = recorder(Loop::Open);
        recorder.unfinished(from, from + Duration::from_secs(5));
        assert_eq!((recorder.errors(), recorder.latency.len()), (1, 1));
        assert!(recorder.latency.max() >= 4_990_000_000);
    }
}
