//! Takes sources out of their sums, and sources away whose sums are gone.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use super::Name;
use super::families::stored_families;
use crate::aggregate::{SourceFamily, gone_labels};
use crate::exposition::Kind;
use crate::push::GroupingKey;
use crate::shard::groups::families::Families;
use crate::shard::groups::group::Group;
use crate::shard::groups::role::Role;
use crate::shard::store::Store;
use crate::shard::store::plan::Mode;

/// A source that has been dropped, and is still in its sum.
#[derive(Debug)]
pub(in crate::shard) struct Left {
    sum_hash: u64,
    sum: GroupingKey,
    hash: u64,
    key: Arc<str>,
    has_empty_instance: bool,
    families: Vec<LeftFamily>,
    /// Whether what it has counted stays in the sum.
    keeps_counts: bool,
}

#[derive(Debug)]
struct LeftFamily {
    name: String,
    kind: Kind,
    /// What its text could not say, if that goes with it.
    native: Option<Bytes>,
    pushed: u64,
}

impl Store {
    /// Notes what is to be done about the sum of a group that is being dropped, or about its sources.
    pub(in crate::shard::store) fn note_left(&mut self, hash: u64, group: &mut Group) {
        match std::mem::take(&mut group.role) {
            Role::Plain | Role::Unread(_) => {}
            Role::Sum(sum) => {
                let sources = sum.source_keys().map(|(key, hash)| (Arc::clone(key), hash));
                self.sums.orphans.extend(sources);
            }
            Role::Source(of) => {
                let families = left_families(group, &self.families, self.sums.is_moving);
                let (key, has_empty_instance) = (Arc::clone(&group.key), group.has_empty_instance);
                self.sums.left.push(Left {
                    sum_hash: of.sum_hash,
                    sum: of.sum,
                    hash,
                    key,
                    has_empty_instance,
                    families,
                    keeps_counts: !self.sums.is_moving,
                });
            }
        }
    }

    /// Makes sums right after groups have been dropped.
    pub(in crate::shard) fn settle_sums(&mut self) {
        loop {
            let orphans = std::mem::take(&mut self.sums.orphans);
            let mut left = std::mem::take(&mut self.sums.left);
            if let Some(hidden) = &mut self.hidden {
                left.append(&mut hidden.sums.left);
            }
            if orphans.is_empty() && left.is_empty() {
                return;
            }
            for (key, hash) in orphans {
                self.drop_source(hash, &key);
            }
            left.sort_by(|one, other| one.sum.text().cmp(other.sum.text()));
            for of_sum in left.chunk_by(|one, other| one.sum.text() == other.sum.text()) {
                self.leave(of_sum);
            }
        }
    }

    /// Takes sources out of their sum.
    fn leave(&mut self, sources: &[Left]) {
        let Some(Left { sum: key, sum_hash: hash, .. }) = sources.first() else { return };
        let Ok(Some(at)) = self.find(*hash, key) else { return };
        let Some(mut sum) = self.take_sum_at(*hash, at) else { return };
        let mut names = BTreeSet::new();
        for source in sources {
            if !sum.has_source(&source.key) {
                continue;
            }
            let of = GroupingKey::from_text(&source.key, source.has_empty_instance);
            let gone = of.map(|of| gone_labels(&of, key)).unwrap_or_default();
            let name = Name { key: Arc::clone(&source.key), hash: source.hash, gone };
            let families = source.families.iter().map(|family| SourceFamily {
                name: &family.name,
                kind: family.kind,
                help: "",
                text: b"", // The sum knows the values.
                native: family.native.as_deref(),
                pushed: family.pushed,
            });
            let families: Vec<_> = families.collect();
            names.extend(sum.leave(name.of(), &families, source.keeps_counts));
        }
        if sum.is_empty() {
            let is_sum = |(_, group): &(u64, Group)| *group.key == *key.text();
            if let Ok(found) = self.groups.find_entry(*hash, is_sum) {
                let group = found.remove().0;
                self.drop_groups([group]);
            }
            return;
        }
        // After a restart a sum learns only now how its gauges are put together, if no source has been pushed to.
        let settings = self.ruling.aggregation(&sources[0].key);
        let mut is_rebuilt = false;
        if let Some(settings) = settings.filter(|_| sum.settings().is_none())
            && !sum.set_settings(&settings)
        {
            is_rebuilt = true;
            sum.rebuild(&settings, |key, hash, show| {
                let hidden = self.hidden.as_deref().unwrap_or(self);
                self.show_source(hidden, key, hash, show);
            });
        }
        let shown = if is_rebuilt { sum.shown_whole() } else { sum.render(names.iter()) };
        if let Ok((batch, is_whole)) = shown {
            let mode = if is_whole { Mode::Replace } else { Mode::Add };
            if !self.show_sum(*hash, key, mode, &batch) {
                sum.forget_places();
            }
        }
        self.give_sum(*hash, key, sum);
        self.count_sum(*hash, key.text());
    }

    /// Drops a source whose sum is gone.
    fn drop_source(&mut self, hash: u64, key: &str) {
        let is_source =
            |(_, group): &(u64, Group)| *group.key == *key && matches!(group.role, Role::Source(_));
        if let Ok(found) = self.groups.find_entry(hash, is_source) {
            let group = found.remove().0;
            self.drop_groups([group]);
        }
        if let Some(hidden) = &mut self.hidden
            && let Ok(found) = hidden.groups.find_entry(hash, is_source)
        {
            let group = found.remove().0;
            hidden.drop_groups([group]);
        }
    }
}

fn left_families(group: &Group, families: &Families, takes_counts: bool) -> Vec<LeftFamily> {
    let held = stored_families(group, families);
    let held = held.iter().map(|family| LeftFamily {
        name: family.name.to_owned(),
        kind: family.kind,
        native: family.native.filter(|_| takes_counts).map(Bytes::copy_from_slice),
        pushed: family.pushed,
    });
    held.collect()
}
