//! The values of one gauge, of which the one is shown that was pushed last.
//!
//! They are a list in the order of their pushes. A source that pushes again adds its new value at the end and leaves the old one where it is: nothing
//! is looked for, so the cost does not depend on the number of sources. The old value is *stale*: [`Stamps`] know a later push of its source. When
//! half of the list is stale or dead, the rest is copied.

use crate::aggregate::gauge::Contribution;
use crate::aggregate::stamps::Stamps;

/// A shorter list is not copied.
const COPIED_LEN_MIN: usize = 32;

/// The values.
///
/// **Invariants:** unless `is_mixed`, the list is in order, and its last value counts. A value counts if it is not dead and as old as the stamp of its
/// source; while a source changes, its stamp is that of its old value.
#[derive(Debug, Default)]
pub(super) struct Last {
    list: Vec<Pushed>,
    /// That which is shown.
    shown: Option<Pushed>,
    /// How long the list was when it was last copied.
    copied_len: usize,
    /// Whether one was added that is older than others: sources are being read back, or the clock was set back.
    is_mixed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Pushed {
    at: u64,
    value: f64,
    source: u32,
    is_dead: bool,
}

impl Pushed {
    fn new(Contribution { value, pushed: at, source }: Contribution) -> Pushed {
        Pushed { at, value, source, is_dead: false }
    }

    fn order(&self) -> (u64, u32) {
        (self.at, self.source)
    }

    fn counts(&self, stamps: &Stamps) -> bool {
        !self.is_dead && stamps.get(self.source) == self.at
    }
}

impl Last {
    /// Adds the value of a source that has none.
    pub(super) fn add(&mut self, one: Contribution, stamps: &Stamps) {
        let one = Pushed::new(one);
        if !self.is_mixed && self.list.last().is_some_and(|last| last.order() >= one.order()) {
            // A stale value must not be taken for this one.
            self.drop_stale(stamps);
            self.is_mixed = self.list.last().is_some_and(|last| last.order() >= one.order());
        }
        self.push(one);
    }

    /// Replaces the value of a source.
    pub(super) fn replace(&mut self, old: Contribution, new: Contribution, stamps: &Stamps) {
        let one = Pushed::new(new);
        let is_next = self.shown.is_some_and(|shown| shown.order() < one.order());
        if self.is_mixed || !is_next || old.pushed == new.pushed {
            self.take(old, stamps);
            return self.add(new, stamps);
        }
        match self.list.last_mut() {
            Some(last) if last.source == one.source => *last = one,
            _ => {
                if self.list.len() >= COPIED_LEN_MIN.max(2 * self.copied_len) {
                    self.drop_stale(stamps);
                }
                return self.push(one);
            }
        }
        self.shown = Some(one);
    }

    /// Takes away what was added.
    pub(super) fn take(&mut self, one: Contribution, stamps: &Stamps) {
        if self.is_mixed {
            self.drop_stale(stamps);
            self.list.sort_unstable_by_key(Pushed::order);
            self.is_mixed = false;
        }
        let order = (one.pushed, one.source);
        if let Ok(at) = self.list.binary_search_by_key(&order, Pushed::order) {
            self.list[at].is_dead = true;
        }
        while self.list.pop_if(|last| !last.counts(stamps)).is_some() {}
        self.shown = self.list.last().copied();
    }

    /// The value that was pushed last; not a number if there is none.
    pub(super) fn value(&self) -> f64 {
        self.shown.map_or(f64::NAN, |shown| shown.value)
    }

    fn push(&mut self, one: Pushed) {
        self.list.push(one);
        if self.shown.is_none_or(|shown| shown.order() < one.order()) {
            self.shown = Some(one);
        }
    }

    fn drop_stale(&mut self, stamps: &Stamps) {
        self.list.retain(|one| one.counts(stamps));
        self.copied_len = self.list.len();
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
        for round in 0..400 {
            let (mut last, mut naive) = (Last::default(), BTreeMap::new());
            let (mut of_source, mut stamps) = (BTreeMap::<u32, u64>::new(), Stamps::default());
            for step in 0..400_u64 {
                let source = next(50) as u32;
                // The clock of some rounds goes back and forth, and stands still in others.
                let pushed = 1 + [step, next(100), step / 9][round % 3];
                let (new, replaces) =
                    (Contribution { value: step as f64, pushed, source }, next(8) > 0);
                let old = of_source.remove(&source).map(|pushed| {
                    let value = naive.remove(&(pushed, source)).unwrap_or_default();
                    Contribution { value, pushed, source }
                });
                let stays = next(4) > 0;
                match old {
                    Some(old) if stays && replaces => last.replace(old, new, &stamps),
                    old => {
                        old.into_iter().for_each(|old| last.take(old, &stamps));
                        if stays {
                            last.add(new, &stamps);
                        }
                    }
                }
                stamps.set(source, if stays { pushed } else { 0 });
                if stays {
                    naive.insert((pushed, source), step as f64);
                    of_source.insert(source, pushed);
                }
                let expected = naive.last_key_value().map(|(_, value)| *value);
                assert_eq!(expected.unwrap_or(f64::NAN).to_bits(), last.value().to_bits());
                assert!(last.is_mixed || last.list.len() <= 2 * 50 + COPIED_LEN_MIN);
            }
        }
    }
}
