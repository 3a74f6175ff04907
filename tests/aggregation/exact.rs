//! Numbers that add without any rounding.

use std::ops::{AddAssign, Sub};

/// What the value is multiplied by: the last bit of 0.1 and of every other value of these tests is a whole number then.
const BITS: i32 = 64;

/// A number in fixed point.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Exact(i128);

impl Exact {
    /// The number itself: none of its bits may be lost.
    pub(crate) fn of(value: f64) -> Exact {
        let scaled = value * 2_f64.powi(BITS);
        assert!(scaled.abs() < 2_f64.powi(126) && scaled.fract() == 0.0, "{value} does not fit");
        Exact(scaled as i128)
    }

    /// The nearest number that a scrape can show.
    pub(crate) fn nearest(self) -> f64 {
        // The conversion rounds once, to even; a power of two scales without another rounding.
        self.0 as f64 / 2_f64.powi(BITS)
    }
}

impl AddAssign for Exact {
    fn add_assign(&mut self, other: Exact) {
        self.0 += other.0;
    }
}

impl Sub for Exact {
    type Output = Exact;

    fn sub(self, other: Exact) -> Exact {
        Exact(self.0 - other.0)
    }
}
