//! What is shown of a sum.

use std::sync::Arc;

use super::Sum;
use super::undo::Changed;
use crate::aggregate::family::Family;
use crate::aggregate::series::Series;
use crate::push::{Batch, Refusal, RenderedFamily};

impl Sum {
    /// What is to be shown of a change: all families, and then `true`, if it changes all or one is gone; else those that it
    /// changes.
    ///
    /// # Errors
    /// When the sum is larger than a batch can be.
    pub fn shown(&self, changed: &Changed) -> Result<(Batch, bool), Refusal> {
        let families = changed.families.iter().filter(|note| !note.steps.is_empty() || note.is_new);
        self.render(families.map(|note| &note.name))
    }

    /// All that is to be shown.
    ///
    /// # Errors
    /// When the sum is larger than a batch can be.
    pub fn shown_whole(&self) -> Result<(Batch, bool), Refusal> {
        self.render(self.families.iter().map(|(name, _)| name))
    }

    /// The same for the families of these names, in order.
    ///
    /// # Errors
    /// When the sum is larger than a batch can be.
    pub fn render<'n>(
        &self,
        names: impl Iterator<Item = &'n Arc<str>> + Clone,
    ) -> Result<(Batch, bool), Refusal> {
        let is_shown = |family: &Family| family.series().any(Series::is_shown);
        let touched = names.clone().count();
        let is_gone = |name: &Arc<str>| self.families.get(name).is_none_or(|(_, it)| !is_shown(it));
        let is_whole = touched >= self.families.len() || names.clone().any(is_gone);
        let mut batch = Batch::default();
        let (mut text, mut fingerprints) = (Vec::new(), Vec::new());
        let mut add = |name: &str, family: &Family| {
            text.clear();
            fingerprints.clear();
            for series in family.series().filter(|series| series.is_shown()) {
                series.render(&mut text);
                fingerprints.push(series.fingerprint);
            }
            let rendered = RenderedFamily {
                name,
                kind: family.kind,
                help: &family.help,
                text: &text,
                native: b"",
            };
            if fingerprints.is_empty() || batch.add_known(&rendered, &fingerprints) {
                return Ok(());
            }
            let bytes = (batch.bytes() + text.len()) as u64;
            Err(Refusal::GroupTooLarge { bytes, bytes_max: u64::from(u32::MAX) })
        };
        if is_whole {
            self.families.iter().try_for_each(|(name, family)| add(name, family))?;
        } else {
            let mut touched = names.filter_map(|name| self.families.get(name));
            touched.try_for_each(|(name, family)| add(name, family))?;
        }
        Ok((batch, is_whole))
    }
}
