//! A group in the state in which it is written down.
//!
//! The task of the shard writes the record of a small group itself. Of a large group it only gathers references
//! ([`HeldSnapshot`]), and the thread of the file writes the record.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::exposition::Kind;
use crate::shard::groups::families::Families;
use crate::shard::groups::group::{Group, Held};
use crate::shard::groups::role::{Role, SavedRole, SavedSource};
use crate::shard::timestamp::Timestamp;

/// Appends the record of a group to the bytes. The form of a record belongs to `persist`.
pub type WriteRecord = fn(&GroupSnapshot<'_>, &mut Vec<u8>);

/// The number of bytes for which a reference to a family counts.
pub(in crate::shard) const REFERENCE_BYTES: usize = 128;

/// A group in the state in which it is written down: borrowed from its shard, or a snapshot.
#[derive(Debug, Clone, Copy)]
pub struct GroupSnapshot<'a>(Source<'a>);

#[derive(Debug, Clone, Copy)]
enum Source<'a> {
    /// Borrowed from its shard.
    Stored {
        group: &'a Group,
        families: &'a Families,
    },
    Held(&'a HeldSnapshot),
}

/// What the group holds of one family.
#[derive(Debug)]
pub struct SavedFamily<'a> {
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
    /// After which time its last push has asked it to expire, if it has.
    pub asked: Option<Duration>,
}

/// A group as it was at one moment. It holds references only, so the shard goes on while another thread reads it.
#[derive(Debug)]
pub(in crate::shard) struct HeldSnapshot {
    key: Arc<str>,
    has_empty_instance: bool,
    times: GroupTimes,
    role: SavedRole,
    families: Vec<HeldFamily>,
    /// How many bytes its samples and help texts take.
    bytes: usize,
}

#[derive(Debug)]
struct HeldFamily {
    name: Arc<str>,
    kind: Kind,
    help: Option<Arc<str>>,
    pushed: Timestamp,
    text: Bytes,
    native: Option<Bytes>,
}

impl HeldSnapshot {
    /// Gathers references to all that the group holds.
    pub(in crate::shard) fn new(group: &Group, families: &mut Families) -> HeldSnapshot {
        let held = group.families.iter().map(|held| {
            let family = &mut families[held.family];
            let (text, native) = family.pages.share(held.place);
            HeldFamily {
                name: Arc::clone(&family.name),
                kind: family.kind,
                help: held.help.clone(),
                pushed: held.pushed,
                text,
                native,
            }
        });
        HeldSnapshot {
            families: held.collect(),
            key: Arc::clone(&group.key),
            has_empty_instance: group.has_empty_instance,
            times: times(group),
            role: role(group),
            bytes: bytes(group),
        }
    }

    /// Writes its record, into bytes of its own.
    pub(in crate::shard) fn write(&self, write: WriteRecord) -> Vec<u8> {
        let mut image = Vec::with_capacity(self.bytes + self.key.len() + self.references_bytes());
        write(&GroupSnapshot(Source::Held(self)), &mut image);
        image
    }

    /// The number of bytes for which the references count.
    pub(in crate::shard) fn references_bytes(&self) -> usize {
        (1 + self.families.len()) * REFERENCE_BYTES
    }
}

/// How many bytes the samples of a group take, and its help texts.
pub(in crate::shard) fn bytes(group: &Group) -> usize {
    let bytes_of =
        |held: &Held| held.bytes as usize + held.help.as_ref().map_or(0, |help| help.len());
    group.families.iter().map(bytes_of).sum()
}

fn times(group: &Group) -> GroupTimes {
    let Group { created, pushed, failed, .. } = *group;
    GroupTimes { created, pushed, failed, asked: group.ruled.as_ref().and_then(|it| it.asked) }
}

fn role(group: &Group) -> SavedRole {
    let mut bytes = Vec::new();
    match &group.role {
        Role::Plain => SavedRole::Plain,
        Role::Unread(unread) => unread.saved.clone(),
        Role::Sum(sum) => {
            sum.write_totals(&mut bytes);
            SavedRole::Sum(bytes)
        }
        Role::Source(source) => {
            source.ids.write(&mut bytes);
            let (sum, is_hidden) = (source.sum.clone(), source.is_hidden);
            SavedRole::Source(Box::new(SavedSource { sum, is_hidden, ids: bytes }))
        }
    }
}

impl<'a> GroupSnapshot<'a> {
    /// Of a group as its shard holds it.
    pub(in crate::shard) fn stored(group: &'a Group, families: &'a Families) -> GroupSnapshot<'a> {
        GroupSnapshot(Source::Stored { group, families })
    }

    /// The text of the grouping key.
    pub fn key(&self) -> &'a str {
        match self.0 {
            Source::Stored { group, .. } => &group.key,
            Source::Held(image) => &image.key,
        }
    }

    /// Whether the key names an empty `instance`, rather than none.
    pub fn has_empty_instance(&self) -> bool {
        match self.0 {
            Source::Stored { group, .. } => group.has_empty_instance,
            Source::Held(image) => image.has_empty_instance,
        }
    }

    /// When things happened to it.
    pub fn times(&self) -> GroupTimes {
        match self.0 {
            Source::Stored { group, .. } => times(group),
            Source::Held(image) => image.times,
        }
    }

    /// What it is to other groups.
    pub fn role(&self) -> SavedRole {
        match self.0 {
            Source::Stored { group, .. } => role(group),
            Source::Held(image) => image.role.clone(),
        }
    }

    /// What was pushed to it, sorted by name.
    pub fn families(&self) -> impl ExactSizeIterator<Item = SavedFamily<'a>> {
        let source = self.0;
        let families = match source {
            Source::Stored { group, .. } => group.families.len(),
            Source::Held(image) => image.families.len(),
        };
        (0..families).map(move |at| source.family(at))
    }
}

impl<'a> Source<'a> {
    fn family(self, at: usize) -> SavedFamily<'a> {
        match self {
            Source::Stored { group, families } => {
                let held = &group.families[at];
                let family = &families[held.family];
                let block = family.pages.block(held.place);
                SavedFamily {
                    name: &family.name,
                    kind: family.kind,
                    help: held.help.as_deref().unwrap_or_default(),
                    pushed: held.pushed,
                    text: block.text,
                    native: block.native,
                }
            }
            Source::Held(image) => {
                let held = &image.families[at];
                SavedFamily {
                    name: &held.name,
                    kind: held.kind,
                    help: held.help.as_deref().unwrap_or_default(),
                    pushed: held.pushed,
                    text: &held.text,
                    native: held.native.as_deref(),
                }
            }
        }
    }
}
