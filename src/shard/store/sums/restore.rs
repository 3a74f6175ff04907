//! Reads sums and their sources back.

use super::Name;
use super::families::stored_families;
use crate::aggregate::{PushIds, Sum};
use crate::push::{GroupingKey, Refusal};
use crate::shard::groups::role::{Role, SourceOf};
use crate::shard::groups::role::{SavedRole, SavedSource};
use crate::shard::store::Store;

impl Store {
    /// Makes sums and sources of all groups that were read back as such.
    ///
    /// # Errors
    /// When a sum cannot be read; it is named.
    pub(in crate::shard) fn read_roles(&mut self) -> Result<(), (String, Refusal)> {
        let (mut sums, mut sources) = (Vec::new(), Vec::new());
        let hidden = self.hidden.iter_mut().flat_map(|hidden| hidden.groups.iter_mut());
        for (hash, group) in self.groups.iter_mut().chain(hidden) {
            let Role::Unread(_) = &group.role else { continue };
            let Role::Unread(unread) = std::mem::take(&mut group.role) else { continue };
            let key = GroupingKey::from_text(&group.key, group.has_empty_instance);
            let Some(key) = key else { continue };
            match unread.saved {
                SavedRole::Plain => {}
                SavedRole::Sum(totals) => sums.push((*hash, key, totals)),
                SavedRole::Source(of) => sources.push((*hash, key, unread.sum_hash, of)),
            }
        }
        let named = |key: &GroupingKey| {
            let name = key.text().to_owned();
            move |refusal| (name, refusal)
        };
        for (hash, key, totals) in sums {
            self.restore_sum(hash, &key, &totals).map_err(named(&key))?;
        }
        for (hash, key, sum_hash, of) in &sources {
            let store = match self.hidden.as_deref_mut().filter(|_| of.is_hidden) {
                Some(hidden) => hidden,
                None => &mut *self,
            };
            let ids = PushIds::read(&of.ids).unwrap_or_default();
            let ids_bytes = ids.bytes();
            store.set_restored_source(*hash, key, *sum_hash, of, ids);
            let restored = self.restore_source(*hash, key, *sum_hash, &of.sum, ids_bytes);
            restored.map_err(named(key))?;
        }
        Ok(())
    }

    fn set_restored_source(
        &mut self,
        hash: u64,
        key: &GroupingKey,
        sum_hash: u64,
        of: &SavedSource,
        ids: PushIds,
    ) {
        let group = self.groups.find_mut(hash, |(_, group)| *group.key == *key.text());
        if let Some((_, group)) = group {
            group.role = Role::Source(Box::new(SourceOf {
                sum: of.sum.clone(),
                sum_hash,
                is_hidden: of.is_hidden,
                ids,
                counted_bytes: 0,
            }));
            if Store::is_misplaced(group) {
                self.sums.note_misplaced(hash, group);
            }
        }
    }

    fn restore_sum(&mut self, hash: u64, key: &GroupingKey, totals: &[u8]) -> Result<(), Refusal> {
        let Some(group) = self.group(hash, key) else { return Ok(()) };
        let shown = stored_families(group, &self.families);
        let sum = Sum::restore(&shown, totals).ok_or(Refusal::Totals)?;
        self.give_sum(hash, key, Box::new(sum));
        self.count_sum(hash, key.text());
        Ok(())
    }

    /// Puts a source that has been read back into its sum.
    fn restore_source(
        &mut self,
        hash: u64,
        key: &GroupingKey,
        sum_hash: u64,
        sum: &GroupingKey,
        ids_bytes: u64,
    ) -> Result<(), Refusal> {
        let taken = self.groups.find_mut(sum_hash, |(_, group)| *group.key == *sum.text());
        let Some((_, group)) = taken else { return Ok(()) };
        let Role::Sum(mut of) = std::mem::take(&mut group.role) else {
            return Err(Refusal::KeyOfSum);
        };
        let name = Name::new(hash, key, sum);
        let mut result = Ok(());
        let stores = self.hidden.iter().map(|hidden| &**hidden).chain([&*self]);
        for store in stores {
            if let Some(group) = store.source(hash, key.text()) {
                result = of.restore_source(name.of(), &stored_families(group, &store.families));
                break;
            }
        }
        let bytes = of.source_bytes(key.text()) + ids_bytes;
        self.give_sum(sum_hash, sum, of);
        let is_source = |hidden: &Store| hidden.source(hash, key.text()).is_some();
        let is_hidden = self.hidden.as_deref().is_some_and(is_source);
        let store = match self.hidden.as_deref_mut().filter(|_| is_hidden) {
            Some(hidden) => hidden,
            None => self,
        };
        store.count(hash, key.text(), bytes);
        result
    }
}
