//! An exact sum of floating-point numbers.
//!
//! Numbers are added and taken away without rounding, in any order. Only [`Exact::value`] rounds, to the nearest number. So the
//! sum never drifts, however many sources come and go, and after a restart it is the same to the last bit.
//!
//! Most numbers are whole or have few binary places, and fit the fixed point of [`Exact::near`]. All others go to a fixed point
//! that is as wide as the range of a number ([`Wide`]).

use crate::aggregate::wide::Wide;

/// How many binary places the narrow fixed point has.
const NEAR_PLACES: i32 = 62;
/// What 1 is there: 2 to the power of -62.
const NEAR_UNIT: f64 = 1.0 / (1_i64 << NEAR_PLACES) as f64;
/// A number that takes more bits there goes to the wide one, so that many can be added before the sum overflows.
const NEAR_BITS_MAX: i32 = 120;

/// A sum. Infinities and NaN count while they are in it, and leave nothing behind.
#[derive(Debug, Default, Clone)]
pub(super) struct Exact {
    /// In units of 2 to the power of -62.
    near: i128,
    wide: Option<Box<Wide>>,
    /// How many NaN, positive and negative infinities are in the sum.
    odd: [i32; 3],
}

impl Exact {
    /// Adds a number.
    pub(super) fn add(&mut self, value: f64) {
        self.change(value, false);
    }

    /// Takes a number away that was added.
    pub(super) fn take(&mut self, value: f64) {
        self.change(value, true);
    }

    /// Takes a number away that was added, and adds another.
    pub(super) fn replace(&mut self, old: f64, new: f64) {
        if is_whole(old) && is_whole(new) {
            let by = i128::from(new as i64 - old as i64) << NEAR_PLACES;
            if let Some(near) = self.near.checked_add(by) {
                self.near = near;
                return;
            }
        }
        self.take(old);
        self.add(new);
    }

    /// The sum, rounded to the nearest number.
    pub(super) fn value(&self) -> f64 {
        match self.odd {
            [0, 0, 0] => {}
            [0, _, 0] => return f64::INFINITY,
            [0, 0, _] => return f64::NEG_INFINITY,
            _ => return f64::NAN,
        }
        match &self.wide {
            // Rust rounds an integer to the nearest number, and a power of two changes its exponent alone.
            None => self.near as f64 * NEAR_UNIT,
            Some(wide) => {
                let mut all = (**wide).clone();
                all.add(self.near.unsigned_abs(), -NEAR_PLACES, self.near < 0);
                all.value()
            }
        }
    }

    fn change(&mut self, value: f64, takes: bool) {
        if !value.is_finite() {
            let at = if value.is_nan() { 0 } else { 1 + usize::from(value < 0.0) };
            self.odd[at] += if takes { -1 } else { 1 };
            return;
        }
        let (mantissa, exponent) = parts(value);
        if mantissa == 0 {
            return;
        }
        let (negative, shift) = ((value < 0.0) != takes, exponent + NEAR_PLACES);
        let near = if shift >= 0 {
            let bits = 64 - mantissa.leading_zeros() as i32 + shift;
            (bits <= NEAR_BITS_MAX).then(|| i128::from(mantissa) << shift)
        } else {
            let is_whole = -shift <= mantissa.trailing_zeros() as i32;
            is_whole.then(|| i128::from(mantissa >> -shift))
        };
        if let Some(units) = near {
            let sum = self.near.checked_add(if negative { -units } else { units });
            if let Some(sum) = sum {
                self.near = sum;
                return;
            }
        }
        let wide = self.wide.get_or_insert_default();
        wide.add(u128::from(mantissa), exponent, negative);
        if wide.is_zero() {
            self.wide = None;
        }
    }

    /// Appends the sum as it is stored: a byte that says what follows, the narrow part if there is any, the wide part, and the odd numbers.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let (has_near, has_odd) = (self.near != 0, self.odd != [0; 3]);
        out.push(u8::from(has_near) | u8::from(self.wide.is_some()) << 1 | u8::from(has_odd) << 2);
        if has_near {
            out.extend_from_slice(&self.near.to_le_bytes());
        }
        if let Some(wide) = &self.wide {
            wide.write(out);
        }
        if has_odd {
            self.odd.iter().for_each(|count| out.extend_from_slice(&count.to_le_bytes()));
        }
    }

    /// Reads what was stored from the front of `bytes`.
    pub(super) fn read(bytes: &mut &[u8]) -> Option<Exact> {
        let [flags] = take(bytes)?;
        if flags > 7 {
            return None;
        }
        let near = if flags & 1 != 0 { i128::from_le_bytes(take(bytes)?) } else { 0 };
        let wide = if flags & 2 != 0 { Some(Box::new(Wide::read(bytes)?)) } else { None };
        let mut odd = [0; 3];
        if flags & 4 != 0 {
            for count in &mut odd {
                *count = i32::from_le_bytes(take(bytes)?);
            }
        }
        Some(Exact { near, wide, odd })
    }
}

/// The first bytes.
pub(super) fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

/// Whether it is a whole number that the processor converts both ways without loss.
fn is_whole(value: f64) -> bool {
    let whole = value as i64;
    whole.unsigned_abs() <= 1 << 53 && whole as f64 == value
}

/// A finite number without its sign: it is the first, times 2 to the power of the second.
fn parts(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let (exponent, fraction) = ((bits >> 52 & 0x7ff) as i32, bits & ((1 << 52) - 1));
    if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn sum(values: &[f64]) -> Exact {
        let mut sum = Exact::default();
        values.iter().for_each(|value| sum.add(*value));
        sum
    }

    #[test]
    fn whole_numbers_add_up_exactly_and_others_round_once() {
        assert_eq!(sum(&[(1_u64 << 53) as f64, 1.0, 1.0]).value(), ((1_u64 << 53) + 2) as f64);
        assert_eq!(sum(&[0.1; 10]).value(), 1.0);
        assert_eq!(sum(&[1e300, 1.0, -1e300]).value(), 1.0);
        assert_eq!(sum(&[5e-324, 1e308, -1e308]).value(), 5e-324);
        assert_eq!(sum(&[f64::MAX, f64::MAX]).value(), f64::INFINITY);
        assert_eq!(sum(&[f64::MAX, f64::MAX, -f64::MAX]).value(), f64::MAX);
        assert_eq!(sum(&[-1.5, -2.25]).value(), -3.75);
        assert_eq!(sum(&[1.0, 2_f64.powi(-53)]).value(), 1.0, "half of the last place, to even");
        assert_eq!(sum(&[1.0, 2_f64.powi(-53), 5e-324]).value(), 1.0 + f64::EPSILON);
        assert_eq!(Exact::default().value(), 0.0);
    }

    #[test]
    fn infinities_and_nan_leave_nothing_behind() {
        let mut sum = sum(&[1.0, f64::INFINITY]);
        assert_eq!(sum.value(), f64::INFINITY);
        sum.add(f64::NEG_INFINITY);
        assert!(sum.value().is_nan());
        sum.take(f64::INFINITY);
        assert_eq!(sum.value(), f64::NEG_INFINITY);
        sum.add(f64::NAN);
        sum.take(f64::NEG_INFINITY);
        assert!(sum.value().is_nan());
        sum.take(f64::NAN);
        assert_eq!(sum.value(), 1.0);
    }

    #[test]
    fn a_million_sources_that_come_and_go_leave_no_trace() {
        let (mut sum, mut random) = (Exact::default(), 1_u64);
        let mut values = Vec::new();
        for _ in 0..1_000_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let value = (random >> 11) as f64 * 1e-9;
            sum.add(value);
            values.push(value);
        }
        sum.add(0.3);
        values.iter().rev().for_each(|value| sum.take(*value));
        assert_eq!(sum.value(), 0.3);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn the_order_does_not_matter_and_what_is_stored_comes_back(
            bits in vec(any::<u64>(), 0..20),
            order in any::<prop::sample::Index>(),
        ) {
            let values: Vec<f64> = bits.iter().map(|bits| f64::from_bits(*bits)).collect();
            let all = sum(&values);
            let mut turned = values.clone();
            if !turned.is_empty() {
                let at = order.index(turned.len());
                turned.rotate_left(at);
            }
            prop_assert_eq!(all.value().to_bits(), sum(&turned).value().to_bits());
            let mut stored = Vec::new();
            all.write(&mut stored);
            let mut bytes = &stored[..];
            let mut read = Exact::read(&mut bytes).expect("it was written");
            prop_assert!(bytes.is_empty());
            prop_assert_eq!(read.value().to_bits(), all.value().to_bits());
            values.iter().for_each(|value| read.take(*value));
            prop_assert_eq!(read.value().to_bits(), 0.0_f64.to_bits());
        }

        #[test]
        fn two_numbers_add_up_as_the_processor_adds_them(one in any::<f64>(), other in any::<f64>()) {
            let (exact, sum) = (sum(&[one, other]).value(), one + other);
            prop_assert!(exact == sum || exact.is_nan() && sum.is_nan(), "{one} {other}: {exact}");
        }
    }
}
