//! Says whether a push would be applied, and changes nothing.

use crate::push::{Batch, GroupingKey, Refusal};
use crate::shard::budget::Usage;
use crate::shard::store::Store;
use crate::shard::store::plan::{self, Mode};
use crate::shard::store::weigh;

impl Store {
    /// Makes all checks of a push, and stops before the first change. Bounds and quotas are not checked, because their answer may
    /// differ a moment later.
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
        let stored = self.group(hash, key);
        let held = stored.map_or(&[][..], |group| &group.families);
        let steps = plan::steps(&self.families, held, mode, batch);
        let change = plan::change(&self.families, held, &steps, batch, &self.index)?;
        let empty = || Usage::of_empty_group(key);
        let before = stored.map_or_else(empty, |group| group.charge.usage());
        let weighed = weigh::weigh(&self.families, before, held, &steps, batch);
        plan::check_size(weighed.group_bytes, self.group_bytes_max)?;
        let checked = self.index.check(&change);
        checked.map_err(|refusal| plan::spelled(refusal, &change, batch, &self.index))
    }
}
