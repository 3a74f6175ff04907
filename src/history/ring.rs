//! The samples of the last hour.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::reading::Sample;

/// How many samples are kept: those of an hour.
pub const SAMPLES_MAX: usize = 360;

/// The last samples, oldest first. One task writes them, and any task may read them.
#[derive(Debug)]
pub struct History {
    samples: Mutex<VecDeque<Sample>>,
}

impl Default for History {
    fn default() -> History {
        History { samples: Mutex::new(VecDeque::with_capacity(SAMPLES_MAX)) }
    }
}

impl History {
    /// Adds a sample, in place of the oldest where there are enough.
    pub fn add(&self, sample: Sample) {
        let mut samples = self.lock();
        if samples.len() == SAMPLES_MAX {
            samples.pop_front();
        }
        samples.push_back(sample);
    }

    /// The newest sample; `None` in the first seconds.
    pub fn latest(&self) -> Option<Sample> {
        self.lock().back().cloned()
    }

    /// All samples, oldest first.
    pub fn samples(&self) -> Vec<Sample> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Sample>> {
        // Nothing in here panics half way.
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_kept_and_no_more() {
        let history = History::default();
        assert_eq!(history.latest(), None);
        let room = history.lock().capacity();
        for time in 0..1000 {
            history.add(Sample { time, ..Sample::default() });
        }
        let times: Vec<u64> = history.samples().iter().map(|sample| sample.time).collect();
        assert_eq!(times, (640..1000).collect::<Vec<u64>>());
        assert_eq!(history.latest().map(|sample| sample.time), Some(999));
        assert_eq!(history.lock().capacity(), room);
    }
}
