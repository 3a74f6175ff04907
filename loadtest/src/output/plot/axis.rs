//! Axes: from values to places, and the ticks on the way.

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scale {
    /// Begins at zero.
    Linear,
    Logarithmic,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Unit {
    /// Seconds since the start.
    Time,
    Seconds,
    PerSecond,
    Bytes,
    /// A count of nines: 2 is p99.
    Percentile,
    Number,
}

/// A scale over a range of values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    scale: Scale,
    unit: Unit,
    least: f64,
    most: f64,
}

impl Axis {
    pub(super) fn over(values: impl Iterator<Item = f64>, (scale, unit): (Scale, Unit)) -> Self {
        let finite = values.filter(|v| v.is_finite() && (scale == Scale::Linear || *v > 0.0));
        let (least, most) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), v| {
            (least.min(v), most.max(v))
        });
        let (least, most) = match scale {
            _ if least > most => (0.1, 1.0),
            Scale::Linear => (0.0, if most > 0.0 { most * 1.05 } else { 1.0 }),
            // Whole decades, so that there are at least two ticks.
            Scale::Logarithmic => {
                (10_f64.powf(least.log10().floor()), 10_f64.powf((most * 1.01).log10().ceil()))
            }
        };
        Self { scale, unit, least, most }
    }

    /// Where a value is, from 0 to 1.
    pub(super) fn place(&self, value: f64) -> f64 {
        let part = match self.scale {
            Scale::Linear => (value - self.least) / (self.most - self.least),
            Scale::Logarithmic => (value / self.least).ln() / (self.most / self.least).ln(),
        };
        part.clamp(0.0, 1.0)
    }

    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let values: Vec<f64> = match self.scale {
            Scale::Logarithmic => {
                let decades = (self.most / self.least).log10().round() as i32;
                (0..=decades).map(|n| self.least * 10_f64.powi(n)).collect()
            }
            Scale::Linear => {
                let step = match self.unit {
                    // Every nine has a name.
                    Unit::Percentile => 1.0,
                    _ => round_step(self.most - self.least),
                };
                (0..).map(|n| f64::from(n) * step).take_while(|v| *v <= self.most).collect()
            }
        };
        values.into_iter().map(|value| (value, self.label(value))).collect()
    }

    fn label(&self, value: f64) -> String {
        match self.unit {
            Unit::Time => format!("{} s", plain(value)),
            Unit::Seconds if value < 0.999e-3 => format!("{} us", plain(value * 1e6)),
            Unit::Seconds if value < 0.999 => format!("{} ms", plain(value * 1e3)),
            Unit::Seconds => format!("{} s", plain(value)),
            Unit::PerSecond if value >= 10_000.0 => format!("{}k", plain(value / 1e3)),
            Unit::PerSecond | Unit::Number => plain(value),
            Unit::Bytes => format!("{} MiB", plain(value / (1024.0 * 1024.0))),
            Unit::Percentile if value.fract() == 0.0 => percentile(value as usize),
            Unit::Percentile => String::new(),
        }
    }
}

/// 1, 2 or 5 times a power of ten, so that about five steps fill the range.
fn round_step(range: f64) -> f64 {
    let raw = range / 5.0;
    let power = 10_f64.powf(raw.log10().floor());
    let factor = match raw / power {
        f if f <= 1.0 => 1.0,
        f if f <= 2.0 => 2.0,
        f if f <= 5.0 => 5.0,
        _ => 10.0,
    };
    factor * power
}

/// At most one decimal, and none where it would be a zero.
fn plain(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    format!("{rounded}")
}

fn percentile(nines: usize) -> String {
    match nines {
        0 => "p0".to_owned(),
        1 => "p90".to_owned(),
        2 => "p99".to_owned(),
        more => format!("p99.{}", "9".repeat(more - 2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers_inside_the_range() {
        let axis = Axis::over([3.0, 87_000.0].into_iter(), (Scale::Linear, Unit::PerSecond));
        let labels: Vec<String> = axis.ticks().into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["0", "20k", "40k", "60k", "80k"]);
    }

    #[test]
    fn decades_are_equally_far_apart() {
        let axis = Axis::over([2e-4, 0.5].into_iter(), (Scale::Logarithmic, Unit::Seconds));
        let ticks = axis.ticks();
        let labels: Vec<&str> = ticks.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!(labels, ["100 us", "1 ms", "10 ms", "100 ms", "1 s"]);
        assert!((axis.place(1e-2) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn no_values_still_make_an_axis() {
        let axis = Axis::over(std::iter::empty(), (Scale::Logarithmic, Unit::Seconds));
        assert!(axis.ticks().len() >= 2);
    }
}
