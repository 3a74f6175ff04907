//! The limits of how many messages a client may cause.

use std::fmt;
use std::time::Duration;

use tracing::Event;
use tracing::field::{Field, Visit};

use crate::rate::Rate;

/// How many messages one source may cause: so many a second, and so many at once.
const SOURCE_RATE: Rate = Rate { interval: Duration::from_millis(100), burst: 20 };
/// And all sources together, however many there are.
const ALL_RATE: Rate = Rate { interval: Duration::from_millis(1), burst: 1000 };
/// How many sources are told apart. Two that meet in a slot while both are loud share its rate.
const SLOTS: usize = 4096;
/// How often it is said what was suppressed.
pub const SUMMARY_WAIT: Duration = Duration::from_secs(10);

/// The client that an event is due to, without the port of its connection: what it has as `source`, else
/// as `job`.
pub(super) fn cause(event: &Event<'_>) -> Option<String> {
    let mut cause = Cause::default();
    event.record(&mut cause);
    let host = |source: String| match source.rsplit_once(':') {
        Some((host, _port)) => host.to_owned(),
        None => source,
    };
    cause.source.map(host).or(cause.job)
}

#[derive(Default)]
struct Cause {
    source: Option<String>,
    job: Option<String>,
}

impl Visit for Cause {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "source" => self.source = Some(format!("{value:?}")),
            "job" => self.job = Some(format!("{value:?}")),
            _ => {}
        }
    }
}

/// Whether there may be one more message at `now`. `full` is when the bucket of `rate` is full again.
fn allows(rate: Rate, full: &mut Duration, now: Duration) -> bool {
    rate.take(*full, now).map(|after| *full = after).is_ok()
}

/// How many messages each source has caused lately.
pub(super) struct Limiter {
    hasher: ahash::RandomState,
    slots: Vec<Slot>,
    all_full: Duration,
    /// Counts the summaries.
    round: u64,
    suppressed: u64,
    sources: u64,
    loudest: (u64, String),
}

#[derive(Debug, Default, Clone)]
struct Slot {
    source: u64,
    full: Duration,
    /// How many were suppressed in that round.
    suppressed: u64,
    round: u64,
}

impl Default for Limiter {
    fn default() -> Limiter {
        Limiter {
            hasher: ahash::RandomState::new(),
            slots: vec![Slot::default(); SLOTS],
            all_full: Duration::ZERO,
            round: 1,
            suppressed: 0,
            sources: 0,
            loudest: Default::default(),
        }
    }
}

impl Limiter {
    /// Whether `source` may cause one more message at `now`, counted from some moment.
    pub(super) fn allows(&mut self, source: &str, now: Duration) -> bool {
        let hash = self.hasher.hash_one(source);
        let slot = &mut self.slots[hash as usize % SLOTS];
        if slot.source != hash && slot.full <= now {
            *slot = Slot { source: hash, ..Slot::default() };
        }
        if allows(SOURCE_RATE, &mut slot.full, now) && allows(ALL_RATE, &mut self.all_full, now) {
            return true;
        }
        if slot.round != self.round {
            (slot.round, slot.suppressed) = (self.round, 0);
            self.sources += 1;
        }
        slot.suppressed += 1;
        self.suppressed += 1;
        if slot.suppressed > self.loudest.0 {
            self.loudest.0 = slot.suppressed;
            source.clone_into(&mut self.loudest.1);
        }
        false
    }

    /// How many messages were suppressed since the last summary, from about how many sources, and which
    /// of them caused most. `None` when there was nothing.
    pub(super) fn summary(&mut self) -> Option<(u64, u64, String)> {
        let (suppressed, sources) = (self.suppressed, self.sources);
        let (_, loudest) = std::mem::take(&mut self.loudest);
        (self.suppressed, self.sources) = (0, 0);
        self.round += 1;
        (suppressed > 0).then_some((suppressed, sources, loudest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(limiter: &mut Limiter, source: &str, count: usize, now: Duration) -> usize {
        (0..count).filter(|_| limiter.allows(source, now)).count()
    }

    #[test]
    fn a_source_has_a_burst_and_then_so_many_a_second_and_others_are_not_concerned() {
        let mut limiter = Limiter::default();
        let start = Duration::from_secs(100);
        assert_eq!(allowed(&mut limiter, "loud", 1000, start), 20);
        assert_eq!(allowed(&mut limiter, "other", 5, start), 5);
        assert_eq!(allowed(&mut limiter, "loud", 1000, start + Duration::from_secs(1)), 10);
        assert_eq!(allowed(&mut limiter, "loud", 1000, start + Duration::from_secs(60)), 20);
        assert_eq!(limiter.summary(), Some((980 + 990 + 980, 1, "loud".to_owned())));
        assert_eq!(limiter.summary(), None);
        assert_eq!(allowed(&mut limiter, "loud", 2, start + Duration::from_secs(60)), 0);
        assert_eq!(limiter.summary(), Some((2, 1, "loud".to_owned())));
    }

    #[test]
    fn many_sources_are_bounded_together_and_in_memory() {
        let mut limiter = Limiter::default();
        let start = Duration::from_secs(100);
        let allowed: usize =
            (0..100_000).map(|source| allowed(&mut limiter, &source.to_string(), 1, start)).sum();
        assert_eq!(allowed, 1000);
        assert_eq!(limiter.slots.len(), SLOTS);
        let (suppressed, sources, _) = limiter.summary().expect("most were suppressed");
        assert_eq!(suppressed, 99_000);
        assert!((1..=SLOTS as u64).contains(&sources));
    }
}
