//! Takes a change of a sum back, or makes it last.

use std::sync::Arc;

use super::Sum;
use super::sources::Before;
use crate::aggregate::natives::Native;
use crate::aggregate::series::Step;

/// A change that has been made, and can be reverted.
#[derive(Debug)]
pub struct Changed {
    pub(super) source: Arc<str>,
    /// The number of the source.
    pub(super) number: u32,
    pub(super) is_new_source: bool,
    /// What the source had, if that has changed.
    pub(super) before: Option<Before>,
    pub(super) families: Vec<ChangedFamily>,
    /// How many values were left out because they are quantiles.
    pub left_out: u64,
    /// How many families the sum shows without all of their native histograms.
    pub natives_left_out: u64,
}

#[derive(Debug)]
pub(super) struct ChangedFamily {
    pub(super) name: Arc<str>,
    pub(super) is_new: bool,
    /// The help text before.
    pub(super) help: Option<String>,
    pub(super) steps: Vec<Step>,
    /// The series that were made.
    pub(super) made: Vec<u32>,
    /// Whether each line knew where its value stands in what is shown.
    pub(super) knew_places: bool,
    /// When the source had pushed it before.
    pub(super) stamp: u64,
    /// What the text could not say of series before.
    pub(super) natives: Vec<(u32, Option<Native>)>,
}

impl Sum {
    /// Takes a change back that has not been committed.
    pub fn revert(&mut self, changed: Changed) {
        for note in changed.families.into_iter().rev() {
            if let Some(family) = self.families.get_mut(&note.name) {
                family.stamp(changed.number, note.stamp);
                note.steps.iter().rev().for_each(|step| family.undo(step));
                for (slot, native) in note.natives.into_iter().rev() {
                    family.natives.set(slot, native);
                }
                note.made.iter().for_each(|slot| family.remove(*slot));
                if let Some(help) = note.help {
                    family.help = help;
                }
            }
            if note.is_new {
                self.families.remove(&note.name);
            }
        }
        if let Some(before) = changed.before {
            self.sources.restore(changed.number, before);
        }
        if changed.is_new_source {
            self.sources.remove(&changed.source);
        }
    }

    /// Forgets what has been left without values.
    pub fn commit(&mut self, changed: Changed) {
        if let Some((layout, _)) = changed.before {
            self.sources.release(layout);
        }
        for note in &changed.families {
            let Some(family) = self.families.get_mut(&note.name) else { continue };
            for step in note.steps.iter().filter(|step| step.new.is_none()) {
                if family.at(step.slot).is_some_and(|series| !series.is_shown()) {
                    family.remove(step.slot);
                }
            }
            if family.series().next().is_none() {
                self.families.remove(&note.name);
            }
        }
    }
}
