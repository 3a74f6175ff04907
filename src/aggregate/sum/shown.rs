//! What is shown of a sum.

use std::sync::Arc;

use super::Sum;
use super::undo::Changed;
use crate::aggregate::family::Family;
use crate::aggregate::patches::Patches;
use crate::aggregate::series::{Series, Step};
use crate::aggregate::sum::values::NUMBER_BYTES_MAX;
use crate::push::{Batch, Refusal, RenderedFamily};

impl Sum {
    /// What is to be shown of a change: all families, and then `true`, if it changes all or one is gone; else those that it
    /// changes.
    ///
    /// # Errors
    /// When the sum is larger than a batch can be.
    pub fn shown(&mut self, changed: &Changed) -> Result<(Batch, bool), Refusal> {
        let families = changed.families.iter().filter(|note| !note.steps.is_empty() || note.is_new);
        self.render(families.map(|note| &note.name))
    }

    /// All that is to be shown.
    ///
    /// # Errors
    /// When the sum is larger than a batch can be.
    pub fn shown_whole(&mut self) -> Result<(Batch, bool), Refusal> {
        let names: Vec<Arc<str>> = self.families.iter().map(|(name, _)| Arc::clone(name)).collect();
        self.render(names.iter())
    }

    /// The same for the families of these names, in order.
    ///
    /// # Errors
    /// When the sum is larger than a batch can be.
    pub fn render<'n>(
        &mut self,
        names: impl Iterator<Item = &'n Arc<str>> + Clone,
    ) -> Result<(Batch, bool), Refusal> {
        let is_shown = |family: &Family| family.series().any(Series::is_shown);
        let touched = names.clone().count();
        let is_gone = |name: &Arc<str>| self.families.get(name).is_none_or(|(_, it)| !is_shown(it));
        let is_whole = touched >= self.families.len() || names.clone().any(is_gone);
        let mut batch = Batch::default();
        let mut text = Vec::new();
        let mut add = |name: &str, family: &mut Family| {
            text.clear();
            let fingerprints = family.render(&mut text);
            let rendered = RenderedFamily {
                name,
                kind: family.kind,
                help: &family.help,
                text: &text,
                native: &family.render_natives(),
            };
            if fingerprints.is_empty() || batch.add_known(&rendered, &fingerprints) {
                return Ok(());
            }
            let bytes = (batch.bytes() + text.len()) as u64;
            Err(Refusal::GroupTooLarge { bytes, bytes_max: u64::from(u32::MAX) })
        };
        if is_whole {
            self.families.iter_mut().try_for_each(|(name, family)| add(name, family))?;
        } else {
            for name in names {
                if let Some(family) = self.families.get_mut(name) {
                    add(name, family)?;
                }
            }
        }
        Ok((batch, is_whole))
    }

    /// Whether nothing but values changes in what is shown, so that [`Sum::patch`] says all of it.
    pub fn changes_values_alone(&self, changed: &Changed) -> bool {
        changed.families.iter().all(|note| {
            let Some((_, family)) = self.families.get(&note.name) else { return false };
            let is_shown = |slot: u32| family.series_at(slot).is_some_and(Series::is_shown);
            note.knew_places
                && family.natives.is_empty()
                && note.natives.iter().all(|(_, before)| before.is_none())
                && note.help.is_none()
                && note.made.is_empty()
                && note.steps.iter().all(|step| is_shown(step.slot))
        })
    }

    /// The names of the families that a change changes, in order.
    pub fn changed_names(changed: &Changed) -> impl Iterator<Item = &Arc<str>> {
        changed.families.iter().map(|note| &note.name)
    }

    /// How many bytes the text of the sum may grow at most with such a change.
    pub fn growth_max(&self, changed: &Changed) -> u64 {
        let notes = changed.families.iter();
        let lines = notes.map(|note| {
            let family = self.families.get(&note.name).map(|(_, family)| family);
            let of = |step: &Step| family.and_then(|family| family.series_at(step.slot));
            note.steps.iter().filter_map(of).map(|series| series.lines.len()).sum::<usize>()
        });
        NUMBER_BYTES_MAX * lines.sum::<usize>() as u64
    }

    /// What such a change changes in `text`, which is what is shown of a family.
    pub fn patch(&mut self, changed: &Changed, name: &str, text: &[u8]) -> Patches {
        let mut patches = Patches::default();
        let found = changed.families.binary_search_by(|note| (*note.name).cmp(name));
        if let (Ok(at), Some(family)) = (found, self.families.get_mut(name)) {
            family.keep_places();
            let slots = changed.families[at].steps.iter().map(|step| step.slot);
            family.patch(slots, text, &mut patches);
        }
        patches
    }

    /// Forgets where values stand in what is shown, because that may not be what it should be.
    pub fn forget_places(&mut self) {
        self.families.iter_mut().for_each(|(_, family)| family.forget_places());
    }
}
