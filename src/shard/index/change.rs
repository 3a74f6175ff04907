//! What a push changes in the index: which names and series come and go.

use smallvec::SmallVec;

use super::STRIPES;
use crate::exposition::Kind;
use crate::push::{Refusal, Series};

/// A change of so many series is put in order before it is made.
const ORDERED_LEN_MIN: usize = 4096;

/// What a push changes about which families and series exist.
#[derive(Debug, Default)]
pub(in crate::shard) struct Change<'a> {
    /// Sorted where names are added too.
    pub(in crate::shard) names_removed: SmallVec<[(&'a str, Kind); 4]>,
    pub(in crate::shard) names_added: SmallVec<[(&'a str, Kind); 4]>,
    pub(in crate::shard) series_removed: Vec<Series>,
    /// Each with the name of its family, to explain a refusal.
    pub(in crate::shard) series_added: Vec<(Series, &'a str)>,
    /// What is against the change already: it can only be rejected.
    pub(in crate::shard) conflicts: Vec<Refusal>,
}

impl Change<'_> {
    pub(in crate::shard) fn is_empty(&self) -> bool {
        self.names_removed.is_empty()
            && self.names_added.is_empty()
            && self.series_removed.is_empty()
            && self.series_added.is_empty()
    }

    /// Puts the series in the order of their stripes where there are many: the stripe at hand stays in the cache.
    pub(in crate::shard) fn order(&mut self) {
        if self.series_removed.len().max(self.series_added.len()) >= ORDERED_LEN_MIN {
            by_stripe(&mut self.series_removed, |series| *series);
            by_stripe(&mut self.series_added, |(series, _)| *series);
        }
    }

    /// Whether the change gives up `name` as a family.
    pub(super) fn releases(&self, name: &str) -> bool {
        self.removed(name).is_some()
    }

    /// How many of the histograms and summaries that the change gives up expose samples as `name`.
    pub(super) fn vacates(&self, name: &str) -> u32 {
        let (base, suffix) = name.split_at(name.rfind('_').unwrap_or(0));
        let suffixes = self.removed(base).map_or(&[][..], Kind::occupied_suffixes);
        u32::from(suffixes.contains(&suffix))
    }

    /// The kind of a family that the change gives up.
    fn removed(&self, name: &str) -> Option<Kind> {
        let at = self.names_removed.binary_search_by_key(&name, |(removed, _)| removed).ok()?;
        Some(self.names_removed[at].1)
    }
}

/// The stripe of a series. Not the bits that place it within the stripe.
pub(super) fn series_stripe(series: Series) -> usize {
    (series.bits() >> 48) as usize % STRIPES
}

fn by_stripe<T: Copy>(all: &mut Vec<T>, series: impl Fn(&T) -> Series) {
    let mut starts = [0; STRIPES + 1];
    for one in &*all {
        starts[series_stripe(series(one)) + 1] += 1;
    }
    for stripe in 0..STRIPES {
        starts[stripe + 1] += starts[stripe];
    }
    let mut ordered = all.clone();
    for one in &*all {
        let start = &mut starts[series_stripe(series(one))];
        ordered[*start] = *one;
        *start += 1;
    }
    *all = ordered;
}
