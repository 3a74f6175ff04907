//! What a push changes in the index.

use smallvec::SmallVec;

use super::STRIPES;
use crate::exposition::Kind;
use crate::push::Series;

/// A change of so many series is put in order before it is made.
const ORDERED_LEN_MIN: usize = 4096;

/// What a push changes about which families and series exist.
#[derive(Debug, Default)]
pub(in crate::shard) struct Change<'a> {
    pub(in crate::shard) names_removed: SmallVec<[(&'a str, Kind); 4]>,
    pub(in crate::shard) names_added: SmallVec<[(&'a str, Kind); 4]>,
    pub(in crate::shard) series_removed: Vec<Series>,
    /// Each with the name of its family, to explain a refusal.
    pub(in crate::shard) series_added: Vec<(Series, &'a str)>,
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
        self.names_removed.iter().any(|(removed, _)| *removed == name)
    }

    /// How many of the histograms and summaries that the change gives up expose samples as `name`.
    pub(super) fn vacates(&self, name: &str) -> u32 {
        let removed = self.names_removed.iter();
        let vacated = removed.filter(|(removed, kind)| {
            let suffix = name.strip_prefix(removed);
            suffix.is_some_and(|suffix| kind.occupied_suffixes().contains(&suffix))
        });
        vacated.count() as u32
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
