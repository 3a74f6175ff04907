//! A slice: how much of a change is done at a time, and where the change goes on.

use std::borrow::Cow;

use crate::push::{Batch, BatchFamily, Series};
use crate::shard::groups::group::Held;
use crate::shard::store::Store;
use crate::shard::store::plan::Step;

/// What a slice does at most: a quarter of a millisecond, or one where its memory is new. Another push may wait for three
/// slices: to be read, to be applied, and to be answered. Tests cut everything.
pub(super) const SLICE_FAMILIES: usize = if cfg!(test) { 2 } else { 64 };
pub(super) const SLICE_SERIES: usize = if cfg!(test) { 3 } else { 2048 };
pub(super) const SLICE_BYTES: usize = if cfg!(test) { 10 } else { 256 << 10 };
/// Batches and groups keep so many series of one family sorted.
pub(in crate::shard::store) const SORTED_FROM: usize = 4096;

/// A step, and how many series of its family are behind.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) step: usize,
    pub(super) series: usize,
}

impl Position {
    /// Behind some series of the step, or at the next one where there are no more.
    pub(super) fn goes_on(&mut self, series: Option<usize>) {
        *self = match series {
            Some(series) => Position { series, ..*self },
            None => Position { step: self.step + 1, series: 0 },
        };
    }
}

/// What is left of a slice.
pub(super) struct Slice {
    pub(super) families: usize,
    pub(super) series: usize,
}

impl Slice {
    pub(super) const NEW: Slice = Slice { families: SLICE_FAMILIES, series: SLICE_SERIES };

    pub(super) fn is_over(&self) -> bool {
        self.families == 0 || self.series == 0
    }
}

/// Removes families, and takes their names and some series out of the index. Answers by how many bytes the shared ones have grown.
pub(super) fn remove(store: &mut Store, families: Vec<Held>, mut series: Vec<Series>) -> i64 {
    let before = store.families.shared.bytes;
    let gone = families.into_iter().filter_map(|held| store.families.remove(held));
    let mut names = gone.collect();
    let grown = store.families.shared.bytes as i64 - before as i64;
    store.forget(&mut names, &mut series);
    grown
}

/// What the group holds, and what the push brings.
pub(super) fn sides<'h, 'b>(
    step: Step,
    held: &'h [Held],
    batch: &'b Batch,
) -> (Option<&'h Held>, Option<&'b BatchFamily>) {
    match step {
        Step::Keep { held: at } | Step::Remove { held: at } => (Some(&held[at]), None),
        Step::Replace { held: at, family } => (Some(&held[at]), Some(&batch.families[family])),
        Step::Insert { family } => (None, Some(&batch.families[family])),
    }
}

/// Goes on through the series of `one`, from `at` to `end` and as far as the slice reaches, and gives those away that `other`
/// lacks. Answers where to go on; `None` behind the last.
pub(super) fn lacking(
    one: &[Series],
    other: &[Series],
    at: usize,
    end: usize,
    slice: &mut Slice,
    mut give: impl FnMut(Series),
) -> Option<usize> {
    if at >= one.len() || at == 0 && one == other {
        return None;
    }
    let (one, other) = (in_order(one), in_order(other));
    let end = end.min(one.len()).min(at + slice.series);
    slice.series -= end - at;
    let mut other = &other[other.partition_point(|series| *series < one[at])..];
    for series in &one[at..end] {
        while other.first().is_some_and(|first| first < series) {
            other = &other[1..];
        }
        if other.first() != Some(series) {
            give(*series);
        }
    }
    (end < one.len()).then_some(end)
}

fn in_order(series: &[Series]) -> Cow<'_, [Series]> {
    if series.len() >= SORTED_FROM || series.is_sorted() {
        debug_assert!(series.is_sorted(), "many series are kept sorted");
        return Cow::Borrowed(series);
    }
    let mut series = series.to_vec();
    series.sort_unstable();
    Cow::Owned(series)
}
