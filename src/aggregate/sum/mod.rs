//! The sum of the sources of one group.
//!
//! Start with [`Sum::push`] (`change`), which takes what one source has pushed. A change can be reverted until it is committed (`undo`): a shard may
//! still have to reject the push. Most pushes bring the lines that the source has, with other values: `values` changes only these.
//! `shown` renders what the sum shows, and `source` is what the sum knows of a source. `sources` is the table of these.

mod change;
mod shown;
pub(super) mod source;
mod sources;
pub(super) mod undo;
pub(super) mod values;

use std::sync::Arc;

use self::sources::Sources;
use crate::aggregate::families::Families;
use crate::aggregate::family::{Family, SourceFamily, is_gauge};
use crate::aggregate::lines::runs;
use crate::aggregate::series::{By, Step};
use crate::rules::Aggregation;

/// A source: its entries in the tables of sources and of times.
const SOURCE_BYTES: u64 = 128;
/// A line of a source: its value.
const VALUE_BYTES: u64 = 8;
/// What a gauge that is formed of all values takes more for each of them.
const GAUGE_BYTES: u64 = 56;

/// What all sources of a group come to, and what is needed to change that when a source changes.
#[derive(Debug, Default)]
pub struct Sum {
    settings: Option<Arc<Aggregation>>,
    pub(super) families: Families,
    sources: Sources,
    /// Whether a source has pushed native histograms that the sum does not show.
    pub has_left_natives_out: bool,
    /// For how many bytes the sum was counted last: see [`Sum::bytes`]. The shard keeps it here.
    pub counted_bytes: u64,
}

impl Sum {
    /// How many sources there are.
    pub fn sources(&self) -> u64 {
        self.sources.len() as u64
    }

    /// The keys of the sources and their hashes, in no particular order.
    pub fn source_keys(&self) -> impl Iterator<Item = (&Arc<str>, u64)> {
        self.sources.iter().map(|(key, _, source)| (key, source.hash))
    }

    /// How much memory the series take, besides what is shown of them, and what the sources have in common.
    pub fn bytes(&self) -> u64 {
        let families = self.families.iter().map(|(name, family)| family.bytes(name));
        self.sources.layout_bytes + families.sum::<u64>()
    }

    /// How much memory it takes to know a source.
    pub fn source_bytes(&self, key: &str) -> u64 {
        let number = self.sources.number(key);
        let Some(source) = number.and_then(|number| self.sources.get(number)) else { return 0 };
        let is_gauge =
            |name: &str| self.families.get(name).is_some_and(|(_, family)| is_gauge(family.kind));
        let gauges = source.layout.families.iter().filter(|state| is_gauge(&state.name));
        let gauges: usize = gauges.map(|state| state.targets.len()).sum();
        let values = VALUE_BYTES * source.values.len() as u64 + GAUGE_BYTES * gauges as u64;
        SOURCE_BYTES + 2 * key.len() as u64 + values
    }

    /// Whether a group is one of the sources.
    pub fn has_source(&self, key: &str) -> bool {
        self.sources.number(key).is_some()
    }

    /// Whether there is nothing left: no source, and nothing that sources have left behind.
    pub fn is_empty(&self) -> bool {
        self.sources.len() == 0 && self.families.is_empty()
    }

    /// How the values are put together; `None` until that is known after a restart.
    pub fn settings(&self) -> Option<&Arc<Aggregation>> {
        self.settings.as_ref()
    }

    /// Takes rules for the first time, or others that treat the values of all families alike. Answers whether it has: else
    /// [`Sum::rebuild`] has to be called.
    pub fn set_settings(&mut self, settings: &Arc<Aggregation>) -> bool {
        let is_same = |(name, family): (&Arc<str>, &Family)| {
            family.gauges().is_none_or(|gauges| gauges == settings.of_family(name).gauges)
        };
        if self.settings.as_ref() == Some(settings) {
            self.settings = Some(Arc::clone(settings)); // The very same, which is quick to compare.
            return true;
        }
        if !self.families.iter().all(is_same) {
            return false;
        }
        for (name, family) in self.families.iter_mut() {
            family.adding = settings.of_family(name);
        }
        self.settings = Some(Arc::clone(settings));
        true
    }

    /// Takes other rules, and puts the gauges of all sources together anew. `families_of` shows the families of each source.
    pub fn rebuild<'s>(
        &mut self,
        settings: &Arc<Aggregation>,
        families_of: impl Fn(&str, u64, &mut dyn FnMut(&[SourceFamily<'_>])) + 's,
    ) {
        self.settings = Some(Arc::clone(settings));
        for (name, family) in self.families.iter_mut() {
            family.adding = settings.of_family(name);
            if is_gauge(family.kind) {
                family.empty_gauges();
            }
        }
        for (key, number, source) in self.sources.iter() {
            let families = &mut self.families;
            families_of(key, source.hash, &mut |of_source| {
                for one in of_source.iter().filter(|one| is_gauge(one.kind)) {
                    let Some(state) = source.layout.state(one.name, 0) else { continue };
                    let Some(family) = families.get_mut(one.name) else { continue };
                    let by = By { source: number, pushed: one.pushed };
                    for run in runs(&state.targets, state.values(&source.values)).0 {
                        let step = Step {
                            slot: run.slot,
                            old: None,
                            new: Some((run.values, by)),
                            keeps: false,
                        };
                        family.make(&step);
                    }
                    family.stamp(number, one.pushed);
                }
            });
        }
    }
}
