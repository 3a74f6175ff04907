//! A fixed point as wide as the range of a floating-point number.

use crate::aggregate::exact::take;

/// From the smallest number, 2 to the power of -1074, to the largest, and 64 bits more for the sum of many.
const LIMBS: usize = 34;
const LOWEST: i32 = -1074;

/// A whole number of the smallest unit, as two's complement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wide([u64; LIMBS]);

impl Default for Wide {
    fn default() -> Wide {
        Wide([0; LIMBS])
    }
}

impl Wide {
    /// Adds a whole number times 2 to the power of `exponent`, or takes it away.
    pub(super) fn add(&mut self, number: u128, exponent: i32, takes: bool) {
        let at = (exponent - LOWEST) as usize;
        let (first, shift) = (at / 64, at % 64);
        let (low, high) = (number as u64, (number >> 64) as u64);
        let spilled = |limb: u64| if shift == 0 { 0 } else { limb >> (64 - shift) };
        let parts = [low << shift, high << shift | spilled(low), spilled(high)];
        let mut carry = false;
        for (at, limb) in self.0.iter_mut().enumerate().skip(first) {
            let part = parts.get(at - first).copied();
            if part.is_none() && !carry {
                return;
            }
            let part = part.unwrap_or(0);
            let step = |limb: u64, by: u64| {
                if takes { limb.overflowing_sub(by) } else { limb.overflowing_add(by) }
            };
            let (changed, first_carry) = step(*limb, part);
            let (changed, second_carry) = step(changed, u64::from(carry));
            (*limb, carry) = (changed, first_carry || second_carry);
        }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0 == [0; LIMBS]
    }

    /// The nearest number; of two that are as near, the even one.
    pub(super) fn value(&self) -> f64 {
        let negative = self.0[LIMBS - 1] >> 63 != 0;
        let mut magnitude = self.0;
        if negative {
            let mut carry = true;
            for limb in &mut magnitude {
                (*limb, carry) = (!*limb).overflowing_add(u64::from(carry));
            }
        }
        let Some(top) = magnitude.iter().rposition(|limb| *limb != 0) else { return 0.0 };
        let bits = top * 64 + 64 - magnitude[top].leading_zeros() as usize;
        let bit = |at: usize| magnitude[at / 64] >> (at % 64) & 1;
        let dropped = bits.saturating_sub(53);
        let mut mantissa = 0;
        for at in (dropped..bits).rev() {
            mantissa = mantissa << 1 | bit(at);
        }
        if dropped > 0 && bit(dropped - 1) == 1 {
            let half = dropped - 1;
            let below = magnitude[..half / 64].iter().any(|limb| *limb != 0)
                || magnitude[half / 64] & ((1 << (half % 64)) - 1) != 0;
            mantissa += u64::from(below || mantissa & 1 == 1);
        }
        // The spelling of a number as bits grows with the number, so that a mantissa that is full carries into the exponent.
        let spelled = ((dropped as u64) << 52) + mantissa;
        let value = f64::from_bits(spelled.min(f64::INFINITY.to_bits()));
        if negative { -value } else { value }
    }

    /// Appends the number as it is stored.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.0.iter().for_each(|limb| out.extend_from_slice(&limb.to_le_bytes()));
    }

    pub(super) fn read(bytes: &mut &[u8]) -> Option<Wide> {
        let mut wide = Wide::default();
        for limb in &mut wide.0 {
            *limb = u64::from_le_bytes(take(bytes)?);
        }
        Some(wide)
    }
}
