//! When the pushes of one worker start, in an open loop.

use std::time::Duration;

use crate::profile::Arrivals;
use crate::workload::Rng;

/// The starts of one worker's pushes, as times since the start of the run, in rising order.
///
/// The workers' schedules together are the profile's: equal distances are dealt out in turn, and
/// independent arrivals thinned out at random are independent arrivals again.
#[derive(Debug)]
pub(super) struct Schedule {
    arrivals: Arrivals,
    worker: u64,
    workers: u64,
    /// The length of the whole run, over which a ramp rises.
    run: Duration,
    rng: Rng,
    /// Arrivals so far; of a burst, those of its own so far.
    count: u64,
    /// Seconds of the last arrival, or of the burst's begin.
    seconds: f64,
    /// The rest of the burst under way, last first.
    burst: Vec<f64>,
}

impl Schedule {
    pub(super) fn new(
        arrivals: Arrivals,
        (worker, workers): (usize, usize),
        run: Duration,
        rng: Rng,
    ) -> Self {
        Self {
            arrivals,
            worker: worker as u64,
            workers: workers as u64,
            run,
            rng,
            count: 0,
            seconds: 0.0,
            burst: Vec::new(),
        }
    }

    /// The number of the next arrival among those of all workers.
    fn number(&mut self) -> f64 {
        let number = self.worker + self.count * self.workers;
        self.count += 1;
        number as f64
    }

    fn next_seconds(&mut self) -> f64 {
        match self.arrivals {
            Arrivals::Constant(rate) => self.number() / rate.get(),
            Arrivals::Poisson(rate) => {
                let mean = self.workers as f64 / rate.get();
                // 1 - unit is never 0, so the logarithm is finite.
                self.seconds -= (1.0 - self.rng.unit()).ln() * mean;
                self.seconds
            }
            Arrivals::Bursts { size, every, within } => {
                while self.burst.is_empty() {
                    self.fill_burst(
                        size.get() as u64,
                        within.map_or(0.0, |w| w.get().as_secs_f64()),
                    );
                    self.count += 1;
                }
                let begin = (self.count - 1) as f64 * every.get().as_secs_f64();
                begin + self.burst.pop().unwrap_or(0.0)
            }
            Arrivals::Ramp { from, to } => {
                let run = self.run.as_secs_f64();
                when_on_ramp(self.number(), from.get(), to.get(), run)
            }
        }
    }

    fn fill_burst(&mut self, size: u64, within_seconds: f64) {
        let own = (self.worker..size).step_by(self.workers as usize);
        self.burst.extend(own.map(|_| self.rng.unit() * within_seconds));
        self.burst.sort_by(|a, b| b.total_cmp(a));
    }
}

/// When the `number`th arrival of a rate that goes from `from` to `to` is due: the rate's integral
/// `from t + (to - from) t² / 2 run` has reached the number. Behind the ramp the last rate stays.
fn when_on_ramp(number: f64, from: f64, to: f64, run: f64) -> f64 {
    let on_ramp = f64::midpoint(from, to) * run;
    if number > on_ramp {
        return run + (number - on_ramp) / to;
    }
    let slope = (to - from) / run;
    // The root of the quadratic in the form that does not cancel for small slopes.
    2.0 * number / (from + (from * from + 2.0 * slope * number).sqrt())
}

impl Iterator for Schedule {
    type Item = Duration;

    /// Never ends.
    fn next(&mut self) -> Option<Duration> {
        Some(Duration::from_secs_f64(self.next_seconds()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Count, Rate, Span};

    const RUN: Duration = Duration::from_secs(10);

    /// The arrivals of all workers in the first ten seconds.
    fn all(arrivals: Arrivals, workers: usize) -> Vec<f64> {
        let mut all: Vec<f64> = (0..workers)
            .flat_map(|worker| {
                let rng = Rng::new(1, worker as u64);
                Schedule::new(arrivals, (worker, workers), RUN, rng).take_while(|t| *t < RUN)
            })
            .map(|t| t.as_secs_f64())
            .collect();
        all.sort_by(f64::total_cmp);
        all
    }

    fn rate(per_second: f64) -> Rate {
        Rate::new(per_second).expect("a rate")
    }

    #[test]
    fn constant_arrivals_are_equally_far_apart_whatever_the_workers() {
        for workers in [1, 2, 3] {
            let all = all(Arrivals::Constant(rate(100.0)), workers);
            assert_eq!(all.len(), 1000);
            for (n, at) in all.iter().enumerate() {
                assert!((at - n as f64 / 100.0).abs() < 1e-6, "{n}: {at}");
            }
        }
    }

    #[test]
    fn poisson_arrivals_have_the_rate_and_the_variance_of_their_kind() {
        let all = all(Arrivals::Poisson(rate(2000.0)), 2);
        // The standard deviation of the count is the root of its mean: 141.
        assert!((19_400..20_600).contains(&all.len()), "{}", all.len());
        let gaps: Vec<f64> = all.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        let variation = variance.sqrt() / mean;
        assert!(
            (0.95..1.05).contains(&variation),
            "exponential gaps vary by their mean: {variation}"
        );
    }

    #[test]
    fn bursts_begin_on_time_and_stay_within_theirs() {
        let bursts =
            |within| Arrivals::Bursts { size: Count::new(5), every: Span::from_secs(2), within };
        let at_once = all(bursts(None), 2);
        let expected: Vec<f64> = [0.0, 2.0, 4.0, 6.0, 8.0].iter().flat_map(|&at| [at; 5]).collect();
        assert_eq!(at_once, expected);
        let spread = all(bursts(Some(Span::from_secs(1))), 2);
        assert_eq!(spread.len(), 25);
        assert!(spread.iter().all(|at| at % 2.0 < 1.0));
    }

    #[test]
    fn a_ramp_follows_the_integral_of_its_rate() {
        let all = all(Arrivals::Ramp { from: rate(10.0), to: rate(110.0) }, 2);
        assert_eq!(all.len(), 600, "60 a second on average");
        // By half time the rate is 60, and 5 (10 + 60) / 2 = 175 have arrived.
        assert_eq!(all.iter().filter(|at| **at < 5.0).count(), 175);
        let level = when_on_ramp(50.0, 10.0, 10.0, 10.0);
        assert!((level - 5.0).abs() < 1e-9, "a level ramp is constant: {level}");
    }
}
