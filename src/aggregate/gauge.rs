//! The values that the sources of a sum have of one gauge.

use std::collections::BTreeMap;

use crate::aggregate::exact::Exact;
use crate::aggregate::last::Last;
use crate::aggregate::stamps::Stamps;
use crate::rules::Gauges;

/// One value, with its source and when that was pushed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contribution {
    pub(super) value: f64,
    /// In nanoseconds since 1970.
    pub(super) pushed: u64,
    pub(super) source: u32,
}

/// All values, in the form that answers quickly what is shown of them.
#[derive(Debug)]
pub(super) enum Values {
    Sum(Exact),
    Last(Last),
    /// How many sources have each value, in the order of values; and how many have NaN.
    Ordered {
        is_max: bool,
        values: BTreeMap<i64, u32>,
        nan: u32,
    },
}

impl Values {
    pub(super) fn new(gauges: Gauges) -> Values {
        match gauges {
            Gauges::Sum => Values::Sum(Exact::default()),
            Gauges::Last => Values::Last(Last::default()),
            Gauges::Min | Gauges::Max => {
                Values::Ordered { is_max: gauges == Gauges::Max, values: BTreeMap::new(), nan: 0 }
            }
        }
    }

    pub(super) fn add(&mut self, one: Contribution, stamps: &Stamps) {
        match self {
            Values::Sum(sum) => sum.add(one.value),
            Values::Last(last) => last.add(one, stamps),
            Values::Ordered { nan, .. } if one.value.is_nan() => *nan += 1,
            Values::Ordered { values, .. } => *values.entry(rank(one.value)).or_default() += 1,
        }
    }

    /// Takes away what was added.
    pub(super) fn take(&mut self, one: Contribution, stamps: &Stamps) {
        match self {
            Values::Sum(sum) => sum.take(one.value),
            Values::Last(last) => last.take(one, stamps),
            Values::Ordered { nan, .. } if one.value.is_nan() => *nan -= 1,
            Values::Ordered { values, .. } => {
                if let Some(count) = values.get_mut(&rank(one.value)) {
                    *count -= 1;
                    if *count == 0 {
                        values.remove(&rank(one.value));
                    }
                }
            }
        }
    }

    /// Takes one away that was added, and adds another of the same source.
    pub(super) fn replace(&mut self, old: Contribution, new: Contribution, stamps: &Stamps) {
        match self {
            Values::Sum(sum) => sum.replace(old.value, new.value),
            Values::Last(last) => last.replace(old, new, stamps),
            Values::Ordered { .. } => {
                self.take(old, stamps);
                self.add(new, stamps);
            }
        }
    }

    /// What is shown. The smallest and the largest value leave NaN out, unless no source has a number.
    pub(super) fn value(&self) -> f64 {
        match self {
            Values::Sum(sum) => sum.value(),
            Values::Last(last) => last.value(),
            Values::Ordered { is_max, values, .. } => {
                let found =
                    if *is_max { values.last_key_value() } else { values.first_key_value() };
                found.map_or(f64::NAN, |(rank, _)| of_rank(*rank))
            }
        }
    }
}

/// Sorts as the numbers do.
fn rank(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

fn of_rank(rank: i64) -> f64 {
    f64::from_bits((rank ^ ((rank >> 63) as u64 >> 1) as i64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(gauges: Gauges, values: &[(u64, f64)], gone: &[usize]) -> f64 {
        let one = |at: usize| {
            let (pushed, value) = values[at];
            Contribution { value, pushed, source: at as u32 }
        };
        let (mut all, mut stamps) = (Values::new(gauges), Stamps::default());
        for (at, (pushed, _)) in values.iter().enumerate() {
            all.add(one(at), &stamps);
            stamps.set(at as u32, *pushed);
        }
        for at in gone {
            all.take(one(*at), &stamps);
            stamps.set(*at as u32, 0);
        }
        all.value()
    }

    #[test]
    fn each_rule_shows_its_value_and_forgets_what_goes() {
        let values = [(5, 2.5), (9, -1.0), (9, 4.0), (1, 4.0)];
        let all = [Gauges::Last, Gauges::Sum, Gauges::Min, Gauges::Max];
        assert_eq!(all.map(|gauges| show(gauges, &values, &[])), [4.0, 9.5, -1.0, 4.0]);
        assert_eq!(all.map(|gauges| show(gauges, &values, &[2])), [-1.0, 5.5, -1.0, 4.0]);
        assert_eq!(all.map(|gauges| show(gauges, &values, &[2, 1, 3])), [2.5; 4]);
    }

    #[test]
    fn a_value_that_is_not_a_number_hides_no_smallest_and_no_largest() {
        let values = [(1, f64::NAN), (2, f64::NEG_INFINITY), (3, 7.0)];
        assert_eq!(show(Gauges::Min, &values, &[]), f64::NEG_INFINITY);
        assert_eq!(show(Gauges::Max, &values, &[]), 7.0);
        assert_eq!(show(Gauges::Min, &values, &[1]), 7.0);
        assert!(show(Gauges::Max, &values, &[1, 2]).is_nan());
        assert!(show(Gauges::Sum, &values, &[]).is_nan());
        assert_eq!(show(Gauges::Sum, &values, &[0]), f64::NEG_INFINITY);
    }
}
