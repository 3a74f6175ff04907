//! A summary over the last ten minutes.
//!
//! As in the reference, observations age in five steps of two minutes. Each thread records into one of a few
//! stripes. A scrape adds the stripes up.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

/// The quantiles that the reference exposes.
pub(super) const QUANTILES: [(f64, &str); 3] = [(0.1, "0.1"), (0.5, "0.5"), (0.9, "0.9")];

const STEPS: usize = 5;
const STEP: Duration = Duration::from_secs(120);
const STRIPES: usize = 8;
/// Larger observations count as this one: 30 hours, or a terabyte.
const VALUE_MAX: u64 = 1 << 40;
/// Quantiles are right to one part in a hundred.
const SIGNIFICANT_DIGITS: u8 = 2;

/// Observations of one thing.
#[derive(Debug, Default)]
pub(super) struct Window {
    stripes: [Mutex<Stripe>; STRIPES],
}

#[derive(Debug, Default)]
struct Stripe {
    count: u64,
    sum: f64,
    /// By step, modulo their number. Made with the first observation.
    steps: [Option<(u64, Histogram<u64>)>; STEPS],
}

/// What a window amounts to.
#[derive(Debug)]
pub(super) struct Summary {
    /// Of all observations ever.
    pub(super) count: u64,
    pub(super) sum: f64,
    /// Of the last ten minutes, in the unit they were recorded in; `None` when there were none.
    pub(super) quantiles: Option<[u64; QUANTILES.len()]>,
}

impl Window {
    /// Records one observation, made `age` after the start: `value` in whole units for the quantiles,
    /// `exact` for the sum.
    pub(super) fn record(&self, age: Duration, value: u64, exact: f64) {
        let mut stripe = self.stripes[stripe()].lock().unwrap_or_else(PoisonError::into_inner);
        stripe.count += 1;
        stripe.sum += exact;
        let step = age.as_secs() / STEP.as_secs();
        let (recorded, histogram) = stripe.steps[step as usize % STEPS].get_or_insert_with(|| {
            (step, Histogram::new(SIGNIFICANT_DIGITS).expect("a valid precision"))
        });
        if *recorded != step {
            histogram.reset();
            *recorded = step;
        }
        histogram.record(value.min(VALUE_MAX)).expect("the histogram grows up to the bound");
    }

    /// How many observations there were ever, and their sum.
    pub(super) fn total(&self) -> (u64, f64) {
        self.stripes.iter().fold((0, 0.0), |(count, sum), stripe| {
            let stripe = stripe.lock().unwrap_or_else(PoisonError::into_inner);
            (count + stripe.count, sum + stripe.sum)
        })
    }

    /// Adds up what was recorded, `age` after the start.
    pub(super) fn summary(&self, age: Duration) -> Summary {
        let step = age.as_secs() / STEP.as_secs();
        let mut all = Histogram::<u64>::new(SIGNIFICANT_DIGITS).expect("a valid precision");
        let mut summary = Summary { count: 0, sum: 0.0, quantiles: None };
        for stripe in &self.stripes {
            let stripe = stripe.lock().unwrap_or_else(PoisonError::into_inner);
            summary.count += stripe.count;
            summary.sum += stripe.sum;
            for (recorded, histogram) in stripe.steps.iter().flatten() {
                if recorded + STEPS as u64 > step {
                    all.add(histogram).expect("the sum grows as needed");
                }
            }
        }
        if !all.is_empty() {
            summary.quantiles =
                Some(QUANTILES.map(|(quantile, _)| all.value_at_quantile(quantile)));
        }
        summary
    }
}

/// The stripe of this thread.
fn stripe() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES);
    }
    OWN.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observations_leave_the_quantiles_after_ten_minutes_but_not_the_sum() {
        let window = Window::default();
        let at = Duration::from_secs;
        (1..=100).for_each(|value| window.record(at(0), value, value as f64));
        window.record(at(599), 1000, 1000.0);
        let quantiles = window.summary(at(599)).quantiles.expect("there are observations");
        assert_eq!(quantiles.map(|value| value / 10), [1, 5, 9]);
        let later = window.summary(at(720));
        assert_eq!((later.count, later.sum), (101, 6050.0));
        let quantiles = later.quantiles.expect("one is left");
        assert!(quantiles.iter().all(|value| (990..=1010).contains(value)));
        assert!(window.summary(at(1300)).quantiles.is_none());
        assert_eq!(window.total(), (101, 6050.0));
    }
}
