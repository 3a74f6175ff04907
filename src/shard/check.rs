//! Whether a push would be applied.

use super::plan::{self, Mode};
use super::store::Store;
use crate::push::{Batch, GroupingKey, Refusal};

impl Store {
    /// Goes the way of a push up to where it would change something.
    ///
    /// # Errors
    /// Why the push would be refused.
    pub fn check(
        &self,
        hash: u64,
        key: &GroupingKey,
        mode: Mode,
        batch: &Batch,
    ) -> Result<(), Refusal> {
        self.check_spelling(hash, key)?;
        let stored = self.groups.find(hash, |(_, group)| *group.key == *key.text());
        let held = stored.map_or(&[][..], |(_, group)| &group.families);
        let steps = plan::steps(&self.families, held, mode, batch);
        if self.unsaved.is_some() {
            plan::check_size(&self.families, held, &steps, batch)?;
        }
        self.index.check(&plan::change(&self.families, held, &steps, batch)?)
    }
}
