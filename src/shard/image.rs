//! A group as it is now, for whoever writes it down, and as it was, when it is read back.

use super::families::Families;
use super::group::{Group, Timestamp};
use crate::exposition::Kind;
use crate::push::{Batch, GroupingKey};

/// Writes down a group: appends its image, in whatever form, to the bytes.
pub type WriteImage = fn(&GroupImage<'_>, &mut Vec<u8>);

/// All that there is to know of a group. Borrowed from its shard.
#[derive(Debug, Clone, Copy)]
pub struct GroupImage<'a> {
    pub(super) group: &'a Group,
    pub(super) families: &'a Families,
}

/// What the group holds of one family.
#[derive(Debug)]
pub struct FamilyImage<'a> {
    /// The family's name.
    pub name: &'a str,
    /// Its kind.
    pub kind: Kind,
    /// The help text that the group brought, escaped; empty when it brought none.
    pub help: &'a str,
    /// When it was pushed.
    pub pushed: Timestamp,
    /// Its samples, rendered.
    pub text: &'a [u8],
    /// The same as `metric` records of a protobuf `MetricFamily`, where the text loses something.
    pub native: Option<&'a [u8]>,
}

/// When things happened to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupTimes {
    /// When it came to be.
    pub created: Timestamp,
    /// When it was last pushed to.
    pub pushed: Timestamp,
    /// When a push to it was last refused.
    pub failed: Timestamp,
}

impl<'a> GroupImage<'a> {
    /// The text of the grouping key.
    pub fn key(&self) -> &'a str {
        &self.group.key
    }

    /// Whether the key names an empty `instance`, rather than none.
    pub fn has_empty_instance(&self) -> bool {
        self.group.has_empty_instance
    }

    /// When things happened to it.
    pub fn times(&self) -> GroupTimes {
        let Group { created, pushed, failed, .. } = *self.group;
        GroupTimes { created, pushed, failed }
    }

    /// What was pushed to it, sorted by name.
    pub fn families(&self) -> impl ExactSizeIterator<Item = FamilyImage<'a>> {
        let families = self.families;
        self.group.families.iter().map(move |held| {
            let family = &families[held.family];
            let block = family.pages.block(held.place);
            FamilyImage {
                name: &family.name,
                kind: family.kind,
                help: held.help.as_deref().unwrap_or_default(),
                pushed: held.pushed,
                text: block.text,
                native: block.native,
            }
        })
    }
}

/// A group that was written down, to be stored again as it was.
#[derive(Debug)]
pub struct RestoredGroup {
    /// What it is called.
    pub key: GroupingKey,
    /// When things happened to it.
    pub times: GroupTimes,
    /// What was pushed to it.
    pub batch: Batch,
    /// When each family of the batch was pushed.
    pub pushed: Vec<Timestamp>,
}
