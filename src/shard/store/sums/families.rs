//! The families of groups and of pushes, as a sum reads them.

use crate::aggregate::SourceFamily;
use crate::push::Batch;
use crate::shard::groups::families::Families;
use crate::shard::groups::group::Group;
use crate::shard::store::Store;
use crate::shard::store::plan::Mode;
use crate::shard::timestamp::Timestamp;

impl Store {
    /// What a source has of the families that a push replaces or drops.
    pub(super) fn source_families(
        &self,
        at: Option<usize>,
        mode: Mode,
        batch: &Batch,
    ) -> Vec<SourceFamily<'_>> {
        let Some((_, group)) = at.and_then(|at| self.groups.get_bucket(at)) else {
            return Vec::new();
        };
        let mut new = batch.families.iter().map(|family| batch.name(family)).peekable();
        let mut all = stored_families(group, &self.families);
        if mode == Mode::Add {
            all.retain(|held| {
                while new.next_if(|name| *name < held.name).is_some() {}
                new.peek() == Some(&held.name)
            });
        }
        all
    }
}

/// What a group holds.
pub(super) fn stored_families<'a>(
    group: &'a Group,
    families: &'a Families,
) -> Vec<SourceFamily<'a>> {
    let held = group.families.iter().map(|held| {
        let family = &families[held.family];
        let block = family.pages.block(held.place);
        SourceFamily {
            name: &family.name,
            kind: family.kind,
            help: held.help.as_deref().unwrap_or_default(),
            text: block.text,
            native: block.native,
            pushed: held.pushed.nanos(),
        }
    });
    held.collect()
}

/// What a push brings.
pub(super) fn families(batch: &Batch, now: Timestamp) -> Vec<SourceFamily<'_>> {
    let new = batch.families.iter().map(|family| SourceFamily {
        name: batch.name(family),
        kind: family.kind,
        help: batch.help(family),
        text: batch.text(family),
        native: batch.native(family),
        pushed: now.nanos(),
    });
    new.collect()
}
