//! A run cut into equal slices of time, for who plots it.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::recorder::Window;

/// All slices exist before the run starts, so that recording never allocates.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    from: Instant,
    pub(crate) slice: Duration,
    pub(crate) slices: Vec<Slice>,
}

#[derive(Clone, Debug)]
pub(crate) struct Slice {
    /// In microseconds, to two digits: a plot shows no more.
    pub(crate) latency: Histogram<u32>,
    pub(crate) successes: u64,
    pub(crate) errors: u64,
}

/// More slices than this do not show on a plot.
const SLICES_MAX: u32 = 120;
const SLICE_LEAST: Duration = Duration::from_millis(100);

/// How long the slices of a run are.
pub(crate) fn slice_length(window: Window) -> Duration {
    ((window.until - window.measure_from) / SLICES_MAX).max(SLICE_LEAST)
}

impl Timeline {
    pub(crate) fn new(window: Window) -> Self {
        let slice = slice_length(window);
        let count = (window.until - window.measure_from).div_duration_f64(slice).ceil() as usize;
        let empty = Slice { latency: slice_histogram(), successes: 0, errors: 0 };
        Self { from: window.measure_from, slice, slices: vec![empty; count] }
    }

    pub(crate) fn answered(&mut self, stamp: Instant, latency: Duration, success: bool) {
        if let Some(slice) = self.at(stamp) {
            slice.latency.saturating_record(latency.as_micros() as u64);
            if success {
                slice.successes += 1;
            } else {
                slice.errors += 1;
            }
        }
    }

    pub(crate) fn failed(&mut self, stamp: Instant) {
        if let Some(slice) = self.at(stamp) {
            slice.errors += 1;
        }
    }

    fn at(&mut self, stamp: Instant) -> Option<&mut Slice> {
        let since = stamp.saturating_duration_since(self.from).as_nanos();
        self.slices.get_mut((since / self.slice.as_nanos()) as usize)
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (slice, more) in self.slices.iter_mut().zip(&other.slices) {
            slice.latency += &more.latency;
            slice.successes += more.successes;
            slice.errors += more.errors;
        }
    }
}

fn slice_histogram() -> Histogram<u32> {
    const MICROS_MAX: u64 = 3_600_000_000;
    Histogram::new_with_bounds(1, MICROS_MAX, 2)
        .expect("1 us to an hour at two digits is within what a histogram holds")
}
