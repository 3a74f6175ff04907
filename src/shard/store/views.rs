//! What the query API reads of groups: their hashes, their numbers, and all that they hold.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::duration;
use crate::exposition::Kind;
use crate::rules::Applied;
use crate::shard::groups::families::{PUSH_FAILURE_TIME_ID, PUSH_TIME_ID};
use crate::shard::groups::family::FamilyId;
use crate::shard::groups::group::{Group, write_time};
use crate::shard::groups::rhythm::Rhythm;
use crate::shard::groups::role::Role;
use crate::shard::pages::Place;
use crate::shard::pages::page::{PAGE_BYTES, Page};
use crate::shard::ruling::Ruled;
use crate::shard::store::Store;
use crate::shard::store::expire::since;
use crate::shard::timestamp::Timestamp;

/// Names a group, which may be gone by now.
#[derive(Debug, Clone)]
pub struct GroupRef {
    /// The text of the grouping key.
    pub key: Arc<str>,
    pub(in crate::shard) hash: u64,
}

/// The numbers of a group, without its push times.
#[derive(Debug)]
pub struct GroupSummary {
    /// Which group.
    pub group: GroupRef,
    /// Whether the key names an empty `instance`, rather than none.
    pub has_empty_instance: bool,
    /// When it was last pushed to.
    pub pushed: Timestamp,
    /// When a push to it was last refused.
    pub failed: Timestamp,
    /// How often it is pushed to.
    pub rhythm: Rhythm,
    /// How many families it holds.
    pub families: u64,
    /// How many series.
    pub series: u64,
    /// How many lines a scrape of it has.
    pub samples: u64,
    /// How many bytes those lines are, with their protobuf form where that is kept.
    pub bytes: u64,
    /// What rules make of it, if any applies.
    pub expiry: Option<Box<Expiry>>,
    /// How many sources it has, if it is a sum.
    pub sources: Option<u64>,
    /// Whether it is a sum that leaves out native histograms of its sources.
    pub has_left_natives_out: bool,
    /// The text of the key of its sum, if it is a source.
    pub sum: Option<Arc<str>>,
}

/// What rules make of a group.
#[derive(Debug)]
pub struct Expiry {
    /// What applies.
    pub applied: Applied,
    /// After which time its last push has asked it to expire, if it has.
    pub asked: Option<Duration>,
    /// When it expires, if it does and is not pushed to again. Scrapers may hold it longer.
    pub expires: Option<Timestamp>,
    /// The rule that says so; `None` where its last push has asked for it.
    pub rule: Option<u16>,
}

impl Expiry {
    /// Each setting that applies: its key, its value, and the number of the rule that says so. What the last push has asked for
    /// comes from no rule.
    pub fn settings(&self) -> Vec<(&'static str, String, Option<u16>)> {
        let said = self.applied.settings().into_iter();
        let said = said.filter(|(key, ..)| *key != "expire" || self.asked.is_none());
        let asked = self.asked.map(|time| ("expire", duration::spell(time), None));
        asked.into_iter().chain(said.map(|(key, value, rule)| (key, value, Some(rule)))).collect()
    }
}

/// A group with all that it holds. What its shard holds may have changed since.
#[derive(Debug)]
pub struct GroupView {
    /// The text of the grouping key.
    pub key: Arc<str>,
    /// Whether the key names an empty `instance`, rather than none.
    pub has_empty_instance: bool,
    /// When it was last pushed to.
    pub pushed: Timestamp,
    /// When a push to it was last refused.
    pub failed: Timestamp,
    /// How often it is pushed to.
    pub rhythm: Rhythm,
    /// Its families, sorted by name, the push times behind the others.
    pub families: Vec<FamilyView>,
}

/// What a group holds of one family.
#[derive(Debug)]
pub struct FamilyView {
    /// The family's name.
    pub name: Arc<str>,
    /// Its kind.
    pub kind: Kind,
    /// The help text that this group brought, escaped.
    pub help: Option<Arc<str>>,
    /// When it was pushed.
    pub pushed: Timestamp,
    /// Its samples, rendered.
    pub text: Bytes,
    /// The same as `metric` records of a protobuf `MetricFamily`, where the text loses something.
    pub native: Option<Bytes>,
}

impl Store {
    /// The hashes of all groups, or of those of some jobs, given as their escaped names, in no particular
    /// order. Walks one table, without a look at any group.
    pub fn hashes(&self, jobs: &[String]) -> Vec<u64> {
        if jobs.is_empty() {
            return self.groups.iter().map(|(hash, _)| *hash).collect();
        }
        jobs.iter().flat_map(|job| self.jobs.groups(job)).collect()
    }

    /// The groups that have these hashes: several may share one.
    pub fn summaries(&self, hashes: &[u64]) -> Vec<GroupSummary> {
        let of_hash = |hash: u64| self.groups.iter_hash(hash).filter(move |(of, _)| *of == hash);
        let mut summaries = Vec::with_capacity(hashes.len());
        for hash in hashes {
            let found = of_hash(*hash).map(|(hash, group)| self.summary(*hash, group));
            let before = summaries.len();
            summaries.extend(found);
            if let Some(hidden) = self.hidden.as_ref().filter(|_| summaries.len() == before) {
                summaries.extend(hidden.summaries(&[*hash]));
            }
        }
        summaries
    }

    /// Those of these groups that are there, in that order.
    pub fn views(&self, groups: &[GroupRef]) -> Vec<GroupView> {
        groups.iter().filter_map(|of| self.view_of(of)).collect()
    }

    fn view_of(&self, of: &GroupRef) -> Option<GroupView> {
        match self.groups.find(of.hash, |(_, group)| *group.key == *of.key) {
            Some((_, group)) => Some(self.view(group)),
            None => self.hidden.as_ref()?.view_of(of),
        }
    }

    pub(super) fn summary(&self, hash: u64, group: &Group) -> GroupSummary {
        // The sums are kept with the group: its families lie elsewhere in memory, and there may be many groups.
        GroupSummary {
            group: GroupRef { key: Arc::clone(&group.key), hash },
            has_empty_instance: group.has_empty_instance,
            pushed: group.pushed,
            failed: group.failed,
            rhythm: group.rhythm,
            families: group.families.len() as u64,
            series: group.charge.usage().series - 2,
            samples: group.samples,
            bytes: group.bytes,
            expiry: group.ruled.as_deref().map(|ruled| Box::new(expiry(group, ruled))),
            sources: match &group.role {
                Role::Sum(sum) => Some(sum.sources()),
                _ => None,
            },
            has_left_natives_out: matches!(&group.role, Role::Sum(sum) if sum.has_left_natives_out),
            sum: match &group.role {
                Role::Source(of) => Some(of.sum.text().into()),
                _ => None,
            },
        }
    }

    fn view(&self, group: &Group) -> GroupView {
        let view = |id: FamilyId, place, help: Option<&Arc<str>>, pushed| {
            let family = &self.families[id];
            let (name, kind) = (Arc::clone(&family.name), family.kind);
            let (page, slot) = family.pages.locate(place);
            let native = page.native(slot);
            FamilyView {
                name,
                kind,
                help: help.cloned(),
                pushed,
                text: self.text(id, place),
                native,
            }
        };
        let held = group.families.iter();
        let mut families: Vec<FamilyView> = held
            .map(|held| view(held.family, held.place, held.help.as_ref(), held.pushed))
            .collect();
        for (id, time) in [(PUSH_TIME_ID, group.pushed), (PUSH_FAILURE_TIME_ID, group.failed)] {
            let (family, mut text) = (&self.families[id], Vec::new());
            // Not every store keeps them as text.
            write_time(&mut text, &family.name, &group.key, time);
            families.push(FamilyView {
                name: Arc::clone(&family.name),
                kind: family.kind,
                help: family.help().cloned(),
                pushed: time.max(group.created),
                text: text.into(),
                native: None,
            });
        }
        GroupView {
            key: Arc::clone(&group.key),
            has_empty_instance: group.has_empty_instance,
            pushed: group.pushed,
            failed: group.failed,
            rhythm: group.rhythm,
            families,
        }
    }

    /// A block, copied. If the answer held the page, the next push to any group in the page would have to copy the page. A block
    /// larger than a page has a page of its own, which is held.
    fn text(&self, id: FamilyId, place: Place) -> Bytes {
        let pages = &self.families[id].pages;
        let text = pages.block(place).text;
        if text.len() <= PAGE_BYTES {
            return Bytes::copy_from_slice(text);
        }
        let (page, slot) = pages.locate(place);
        Bytes::from_owner(HeldBlock { page, slot })
    }
}

fn expiry(group: &Group, ruled: &Ruled) -> Expiry {
    let expires = ruled.lifetime().map(|lifetime| since(group).after(lifetime));
    Expiry { applied: ruled.applied.clone(), asked: ruled.asked, expires, rule: ruled.rule() }
}

/// A block in a page that is held.
struct HeldBlock {
    page: Arc<Page>,
    slot: u32,
}

impl AsRef<[u8]> for HeldBlock {
    fn as_ref(&self) -> &[u8] {
        self.page.block(self.slot).text
    }
}
