//! The sum of the sources of one group.
//!
//! Start with [`Sum::push`] (`change`), which takes what one source has pushed. A change can be reverted until it is committed (`undo`): a shard may
//! still have to reject the push. Most pushes bring the lines that the source has, with other values: `values` changes only these.
//! `shown` renders what the sum shows, and `source` is what the sum knows of a source.

mod change;
mod shown;
pub(super) mod source;
pub(super) mod undo;
pub(super) mod values;

use std::collections::HashMap;
use std::sync::Arc;

use self::source::Source;
use crate::aggregate::families::Families;
use crate::aggregate::family::{Family, SourceFamily, is_gauge, runs};
use crate::aggregate::series::{By, Step};
use crate::rules::Aggregation;

/// A source: its entry in the table of sources.
const SOURCE_BYTES: u64 = 128;
/// A family of a source, without its lines.
const STATE_BYTES: u64 = 40;
/// A line of a source: where its value counts.
const TARGET_BYTES: u64 = 8;
/// The same of a gauge, whose value is known too.
const GAUGE_BYTES: u64 = 64;

/// What all sources of a group come to, and what is needed to change that when a source changes.
#[derive(Debug, Default)]
pub struct Sum {
    settings: Option<Arc<Aggregation>>,
    pub(super) families: Families,
    sources: HashMap<Arc<str>, Source, ahash::RandomState>,
    last_number: u32,
    /// Whether a source has pushed native histograms, exemplars or times of creation. No sum shows these.
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
        self.sources.iter().map(|(key, source)| (key, source.hash))
    }

    /// How much memory the series take, besides what is shown of them.
    pub fn bytes(&self) -> u64 {
        self.families.iter().map(|(name, family)| family.bytes(name)).sum()
    }

    /// How much memory it takes to know a source.
    pub fn source_bytes(&self, key: &str) -> u64 {
        let Some(source) = self.sources.get(key) else { return 0 };
        let is_gauge =
            |name: &str| self.families.get(name).is_some_and(|(_, family)| is_gauge(family.kind));
        let families = source.families.iter().map(|(name, state)| {
            let lines = state.targets.len() as u64;
            STATE_BYTES + lines * if is_gauge(name) { GAUGE_BYTES } else { TARGET_BYTES }
        });
        SOURCE_BYTES + 2 * key.len() as u64 + families.sum::<u64>()
    }

    /// Whether a group is one of the sources.
    pub fn has_source(&self, key: &str) -> bool {
        self.sources.contains_key(key)
    }

    /// Whether there is nothing left: no source, and nothing that sources have left behind.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty() && self.families.is_empty()
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
        for (key, source) in &self.sources {
            let families = &mut self.families;
            families_of(key, source.hash, &mut |of_source| {
                for one in of_source.iter().filter(|one| is_gauge(one.kind)) {
                    let Some(state) = source.state(one.name) else { continue };
                    let Some(family) = families.get_mut(one.name) else { continue };
                    let by = By { source: source.number, pushed: one.pushed };
                    for run in runs(&state.targets, one.text).0 {
                        let step = Step {
                            slot: run.slot,
                            old: None,
                            new: Some((run.values, by)),
                            keeps: false,
                        };
                        if let Some(series) = family.at(run.slot) {
                            series.make(&step);
                        }
                    }
                }
            });
        }
    }
}
