//! Whether a push would be applied.

use crate::push::{Batch, GroupingKey, Refusal};
use crate::shard::budget::Usage;
use crate::shard::store::Store;
use crate::shard::store::plan::{self, Mode};
use crate::shard::store::weight;

impl Store {
    /// Goes the way of a push up to where it would change something. Whether there is room for it, in bounds
    /// and quotas, is not looked at: that may be another answer in the next moment.
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
        let stored = stored.map(|(_, group)| group);
        let held = stored.map_or(&[][..], |group| &group.families);
        let steps = plan::steps(&self.families, held, mode, batch);
        let change = plan::change(&self.families, held, &steps, batch)?;
        let empty = || Usage::of_empty_group(key);
        let before = stored.map_or_else(empty, |group| group.charge.usage());
        let weighed = weight::weigh(&self.families, before, held, &steps, batch);
        plan::check_size(&weighed, self.group_bytes_max)?;
        self.index.check(&change)
    }
}
