//! One metric family on one shard.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::exposition::Kind;
use crate::shard::budget::weight;
use crate::shard::pages::Pages;
use crate::shard::pages::page::Page;

/// The number of a family on its shard; reused once nothing holds the family.
pub(in crate::shard) type FamilyId = u32;

/// All that a shard's groups hold of one family.
#[derive(Debug)]
pub(in crate::shard) struct Family {
    pub(in crate::shard) name: Arc<str>,
    pub(in crate::shard) kind: Kind,
    /// How many groups hold it.
    pub(in crate::shard) holders: u32,
    pub(in crate::shard) pages: Pages,
    /// The help texts that groups brought, and how many brought each.
    helps: BTreeMap<Arc<str>, u32>,
    /// What these count for.
    pub(in crate::shard) help_bytes: u64,
}

impl Family {
    pub(in crate::shard) fn new(name: &str, kind: Kind) -> Family {
        Family {
            name: Arc::from(name),
            kind,
            holders: 0,
            pages: Pages::default(),
            helps: BTreeMap::new(),
            help_bytes: 0,
        }
    }

    /// The text a group's help is changed to; `None` for the empty one.
    pub(in crate::shard) fn change_help(
        &mut self,
        old: Option<Arc<str>>,
        new: &str,
    ) -> Option<Arc<str>> {
        if old.as_deref().unwrap_or_default() == new {
            return old;
        }
        if let Some(old) = old {
            self.drop_help(&old);
        }
        if new.is_empty() {
            return None;
        }
        let shared = match self.helps.get_key_value(new) {
            Some((shared, _)) => Arc::clone(shared),
            None => {
                self.help_bytes += weight::of_help(new);
                Arc::from(new)
            }
        };
        *self.helps.entry(Arc::clone(&shared)).or_default() += 1;
        Some(shared)
    }

    fn drop_help(&mut self, help: &Arc<str>) {
        if let Some(count) = self.helps.get_mut(help) {
            *count -= 1;
            if *count == 0 {
                self.helps.remove(help);
                self.help_bytes -= weight::of_help(help);
            }
        }
    }

    /// How many groups brought this help text.
    pub(in crate::shard) fn help_holders(&self, help: &str) -> u32 {
        self.helps.get(help).copied().unwrap_or_default()
    }

    /// The smallest of the help texts stored, escaped, so that the choice depends on what is stored and
    /// on nothing else.
    pub(in crate::shard) fn help(&self) -> Option<&Arc<str>> {
        self.helps.keys().next()
    }

    /// What a scrape needs of it.
    pub(in crate::shard) fn snapshot(&mut self, id: FamilyId) -> FamilySnapshot {
        let pages = self.pages.snapshot();
        self.snapshot_of(id, Shown::Pages(pages))
    }

    /// What a scrape needs of it that shows these blocks only.
    pub(in crate::shard) fn snapshot_of(&self, id: FamilyId, shown: Shown) -> FamilySnapshot {
        let (name, help) = (Arc::clone(&self.name), self.help().cloned());
        FamilySnapshot { id, name, kind: self.kind, help, shown }
    }
}

/// One family of one shard at one moment. Holds references only.
#[derive(Debug)]
pub struct FamilySnapshot {
    pub(in crate::shard) id: FamilyId,
    /// Its name.
    pub name: Arc<str>,
    /// Its kind, which is the same on all shards.
    pub kind: Kind,
    /// Its help text, escaped.
    pub help: Option<Arc<str>>,
    /// Its samples.
    pub(in crate::shard) shown: Shown,
}

/// What a scrape shows of a family.
#[derive(Debug)]
pub(in crate::shard) enum Shown {
    /// All of it: its pages, with their numbers.
    Pages(Vec<(u32, Arc<Page>)>),
    /// Some groups' blocks: each its page and its slot there.
    Blocks(Vec<(Arc<Page>, u32)>),
}
