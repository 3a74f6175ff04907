//! The values of one gauge, of which the one is shown that was pushed last.
//!
//! They are a list in the order of their pushes. A source that pushes again leaves a dead value behind and adds a new one at the end, so the cost does
//! not depend on the number of sources. When half of the list is dead, the rest is copied.

use crate::aggregate::gauge::Contribution;

/// A shorter list is not copied.
const COPIED_LEN_MIN: usize = 32;

/// The values.
///
/// **Invariant:** unless `is_mixed`, the list is in order, and its last value is alive.
#[derive(Debug, Default)]
pub(super) struct Last {
    list: Vec<Pushed>,
    dead: usize,
    /// Whether one was added that is older than others: sources are being read back, or the clock was set back.
    is_mixed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Pushed {
    at: u64,
    source: u32,
    is_dead: bool,
    value: f64,
}

impl Pushed {
    fn order(&self) -> (u64, u32) {
        (self.at, self.source)
    }
}

impl Last {
    pub(super) fn add(&mut self, one: Contribution) {
        let Contribution { value, pushed: at, source } = one;
        let one = Pushed { at, source, is_dead: false, value };
        self.is_mixed |= self.list.last().is_some_and(|last| last.order() >= one.order());
        self.list.push(one);
    }

    /// Takes away what was added.
    pub(super) fn take(&mut self, one: Contribution) {
        if self.is_mixed {
            self.drop_dead();
            self.list.sort_unstable_by_key(Pushed::order);
            self.is_mixed = false;
        }
        let order = (one.pushed, one.source);
        let Ok(at) = self.list.binary_search_by_key(&order, Pushed::order) else { return };
        self.dead += usize::from(!std::mem::replace(&mut self.list[at].is_dead, true));
        while self.list.pop_if(|last| last.is_dead).is_some() {
            self.dead -= 1;
        }
        if self.dead > self.list.len() / 2 && self.list.len() >= COPIED_LEN_MIN {
            self.drop_dead();
        }
    }

    /// The value that was pushed last; not a number if there is none.
    pub(super) fn value(&self) -> f64 {
        let last = if self.is_mixed {
            let alive = self.list.iter().filter(|one| !one.is_dead);
            alive.max_by_key(|one| one.order())
        } else {
            self.list.last()
        };
        last.map_or(f64::NAN, |last| last.value)
    }

    fn drop_dead(&mut self) {
        self.list.retain(|one| !one.is_dead);
        self.dead = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_last_of_all_that_are_there_is_shown_in_whatever_order_they_come_and_go() {
        let mut random = 7_u64;
        let mut next = move |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) % below
        };
        for round in 0..200 {
            let (mut last, mut naive) = (Last::default(), BTreeMap::new());
            let mut of_source: BTreeMap<u32, u64> = BTreeMap::new();
            for step in 0..400_u64 {
                let source = next(50) as u32;
                if let Some(pushed) = of_source.remove(&source) {
                    let value = naive.remove(&(pushed, source)).unwrap_or_default();
                    last.take(Contribution { value, pushed, source });
                }
                if next(4) > 0 {
                    // The clock of some rounds goes back and forth, and stands still in others.
                    let pushed = [step, next(100), step / 9][round % 3];
                    last.add(Contribution { value: step as f64, pushed, source });
                    naive.insert((pushed, source), step as f64);
                    of_source.insert(source, pushed);
                }
                let expected = naive.last_key_value().map(|(_, value)| *value);
                assert_eq!(expected.unwrap_or(f64::NAN).to_bits(), last.value().to_bits());
                assert!(last.is_mixed || last.list.len() <= 2 * naive.len() + COPIED_LEN_MIN);
            }
        }
    }
}
