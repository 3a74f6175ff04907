//! Reads sums and their sources back.

use std::sync::Arc;

use super::{Name, stored_families};
use crate::aggregate::{PushIds, Sum, gone_labels};
use crate::push::{GroupingKey, Refusal};
use crate::shard::groups::group::{Role, SourceOf};
use crate::shard::saving::group_snapshot::{SavedRole, SavedSource};
use crate::shard::store::Store;
use crate::shard::store::restore::RestoredGroup;

impl Store {
    /// Stores a group that was read back, and puts a source into its sum. `sum_hash` is the hash of the sum of a source.
    ///
    /// # Errors
    /// When it does not agree with what is stored.
    pub fn restore(
        &mut self,
        hash: u64,
        sum_hash: u64,
        restored: &RestoredGroup,
    ) -> Result<(), Refusal> {
        let key = &restored.key;
        match &restored.role {
            SavedRole::Plain => self.restore_group(hash, restored),
            SavedRole::Sum(totals) => {
                self.restore_group(hash, restored)?;
                self.restore_sum(hash, key, totals)?;
                for (hash, key) in self.sums.waiting.remove(key.text()).unwrap_or_default() {
                    self.restore_source(hash, &key, sum_hash, &restored.key)?;
                }
                Ok(())
            }
            SavedRole::Source(of) => {
                let mut hidden = match of.is_hidden {
                    true => Some(self.hidden.take().unwrap_or_else(|| self.new_hidden())),
                    false => None,
                };
                let store = hidden.as_deref_mut().unwrap_or(self);
                let result = store.restore_group(hash, restored);
                store.set_restored_source(hash, key, sum_hash, of);
                if hidden.is_some() {
                    self.hidden = hidden;
                }
                result?;
                if self.find(sum_hash, &of.sum)?.is_none() {
                    let waiting = self.sums.waiting.entry(Arc::from(of.sum.text()));
                    waiting.or_default().push((hash, key.clone()));
                    return Ok(());
                }
                self.restore_source(hash, key, sum_hash, &of.sum)
            }
        }
    }

    fn set_restored_source(
        &mut self,
        hash: u64,
        key: &GroupingKey,
        sum_hash: u64,
        of: &SavedSource,
    ) {
        let group = self.groups.find_mut(hash, |(_, group)| *group.key == *key.text());
        if let Some((_, group)) = group {
            group.role = Role::Source(Box::new(SourceOf {
                sum: of.sum.clone(),
                sum_hash,
                is_hidden: of.is_hidden,
                ids: PushIds::read(&of.ids).unwrap_or_default(),
            }));
        }
    }

    fn restore_sum(&mut self, hash: u64, key: &GroupingKey, totals: &[u8]) -> Result<(), Refusal> {
        let Some(group) = self.group(hash, key) else { return Ok(()) };
        let shown = stored_families(group, &self.families);
        let sum = Sum::restore(&shown, totals).ok_or(Refusal::Totals)?;
        self.give_sum(hash, key, Box::new(sum));
        Ok(())
    }

    /// Puts a source that has been read back into its sum.
    fn restore_source(
        &mut self,
        hash: u64,
        key: &GroupingKey,
        sum_hash: u64,
        sum: &GroupingKey,
    ) -> Result<(), Refusal> {
        let taken = self.groups.find_mut(sum_hash, |(_, group)| *group.key == *sum.text());
        let Some((_, group)) = taken else { return Ok(()) };
        let Role::Sum(mut of) = std::mem::take(&mut group.role) else {
            return Err(Refusal::KeyOfSum);
        };
        let gone = gone_labels(key, sum);
        let name = Name { key: Arc::from(key.text()), hash, gone: &gone };
        let mut result = Ok(());
        let stores = self.hidden.iter().map(|hidden| &**hidden).chain([&*self]);
        for store in stores {
            if let Some(group) = store.source(hash, key.text()) {
                result = of.restore_source(name.of(), &stored_families(group, &store.families));
                break;
            }
        }
        self.give_sum(sum_hash, sum, of);
        result
    }
}
