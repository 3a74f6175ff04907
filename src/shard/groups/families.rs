//! The table of the families of one shard, and what happens to a family when a group changes.

use std::collections::HashMap;
use std::ops::{Index, IndexMut};
use std::sync::Arc;

use smallvec::SmallVec;

use crate::aggregate::Patches;
use crate::exposition::{Kind, has_quoted_names};
use crate::push::{Batch, BatchFamily, PUSH_FAILURE_TIME, PUSH_TIME, Series};
use crate::shard::budget::Budget;
use crate::shard::budget::claim::SharedCharge;
use crate::shard::budget::weight;
use crate::shard::groups::family::{Family, FamilyId, FamilySnapshot};
use crate::shard::groups::group::{Group, Held, write_time};
use crate::shard::pages::page::Block;
use crate::shard::pages::part::PartHash;
use crate::shard::pages::{Pages, Place};
use crate::shard::timestamp::Timestamp;

/// The families that every group holds. They have numbers of their own, which are never reused.
pub(in crate::shard) const PUSH_TIME_ID: FamilyId = 0;
pub(in crate::shard) const PUSH_FAILURE_TIME_ID: FamilyId = 1;

const PUSH_TIME_HELP: &str = "When the group was last pushed to, in seconds since 1970.";
const PUSH_FAILURE_TIME_HELP: &str =
    "When a push to the group was last refused, in seconds since 1970.";

/// The families of one shard.
///
/// **Invariant:** a family without holders is forgotten, the push times excepted.
#[derive(Debug)]
pub(in crate::shard) struct Families {
    list: Vec<Family>,
    ids: HashMap<Arc<str>, FamilyId, ahash::RandomState>,
    unused: Vec<FamilyId>,
    /// How many series the groups hold, without their push times.
    pub(in crate::shard) series: u64,
    /// How many samples the groups hold, without their push times.
    pub(in crate::shard) samples: u64,
    /// What groups share: families and help texts, the push times excepted.
    pub(in crate::shard) shared: SharedCharge,
    /// Whether nothing reads the push times as text, so that they need not be written.
    pub(in crate::shard) hides_times: bool,
    scratch: Vec<u8>,
}

impl Index<FamilyId> for Families {
    type Output = Family;

    fn index(&self, id: FamilyId) -> &Family {
        &self.list[id as usize]
    }
}

impl IndexMut<FamilyId> for Families {
    fn index_mut(&mut self, id: FamilyId) -> &mut Family {
        &mut self.list[id as usize]
    }
}

impl Families {
    /// A table with the push times alone. The bytes that groups share count for `gateway`.
    pub(in crate::shard) fn new(gateway: Option<Arc<Budget>>) -> Families {
        let list = [(PUSH_TIME, PUSH_TIME_HELP), (PUSH_FAILURE_TIME, PUSH_FAILURE_TIME_HELP)];
        let list = list.map(|(name, help)| {
            let mut family = Family::new(name, Kind::Gauge);
            family.change_help(None, help);
            family
        });
        Families {
            list: list.into(),
            ids: HashMap::default(),
            unused: Vec::new(),
            series: 0,
            samples: 0,
            shared: SharedCharge::new(gateway),
            hides_times: false,
            scratch: Vec::new(),
        }
    }

    /// Stores a push time for the first time.
    pub(in crate::shard) fn insert_time(
        &mut self,
        id: FamilyId,
        key: &str,
        part: PartHash,
        time: Timestamp,
    ) -> Place {
        let (pages, text) = self.render_time(id, key, time);
        pages.insert(part, Block { has_quoted_names: has_quoted_names(text), ..Block::plain(text) })
    }

    /// Notes when a group was last pushed to.
    pub(in crate::shard) fn set_pushed(&mut self, group: &mut Group, time: Timestamp) {
        group.rhythm.note(group.pushed, time);
        group.pushed = time;
        if self.hides_times {
            return;
        }
        let (pages, text) = self.render_time(PUSH_TIME_ID, &group.key, time);
        group.push_time = pages.replace(group.push_time, Block::plain(text));
    }

    /// Notes when a push to a group was last rejected.
    pub(in crate::shard) fn set_failed(&mut self, group: &mut Group, time: Timestamp) {
        group.failed = time;
        if self.hides_times {
            return;
        }
        let (pages, text) = self.render_time(PUSH_FAILURE_TIME_ID, &group.key, time);
        group.failure_time = pages.replace(group.failure_time, Block::plain(text));
    }

    fn render_time(&mut self, id: FamilyId, key: &str, time: Timestamp) -> (&mut Pages, &[u8]) {
        let family = &mut self.list[id as usize];
        self.scratch.clear();
        write_time(&mut self.scratch, &family.name, key, time);
        (&mut family.pages, &self.scratch)
    }

    /// The family of that number. `None` when a wipe has forgotten all families since the number was given out.
    pub(in crate::shard) fn get_mut(&mut self, id: FamilyId) -> Option<&mut Family> {
        self.list.get_mut(id as usize)
    }

    pub(in crate::shard) fn by_name(&self, name: &str) -> Option<&Family> {
        self.ids.get(name).map(|id| &self[*id])
    }

    /// The families of these names that hold anything, or all that do, in no particular order.
    pub(in crate::shard) fn snapshot(&mut self, names: &[String]) -> Vec<FamilySnapshot> {
        let ids: Vec<FamilyId> = if names.is_empty() {
            (0..self.list.len() as FamilyId).collect()
        } else {
            self.ids(names)
        };
        let mut families = Vec::with_capacity(ids.len());
        for id in ids {
            if !self[id].pages.is_empty() {
                families.push(self[id].snapshot(id));
            }
        }
        families
    }

    /// The numbers of the families of these names, in order, each once.
    pub(in crate::shard) fn ids(&self, names: &[String]) -> Vec<FamilyId> {
        let times = [PUSH_TIME_ID, PUSH_FAILURE_TIME_ID].into_iter();
        let times = times.filter(|id| names.iter().any(|name| **name == *self[*id].name));
        let pushed = names.iter().filter_map(|name| self.ids.get(&**name).copied());
        let mut ids: Vec<FamilyId> = times.chain(pushed).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    pub(in crate::shard) fn replace(
        &mut self,
        held: &mut Held,
        batch: &Batch,
        new: &BatchFamily,
        now: Timestamp,
    ) {
        let family = &mut self.list[held.family as usize];
        if family.kind != new.kind {
            let [was, is] =
                [family.kind, new.kind].map(|kind| weight::of_family(&family.name, kind));
            self.shared.bytes = self.shared.bytes + is - was;
            family.kind = new.kind;
        }
        held.place = family.pages.replace(held.place, block(batch, new));
        self.renew(held, batch, new, now);
        let series = batch.series(new);
        if held.series[..] != *series {
            self.set_series(held, SmallVec::from_slice(series));
        }
    }

    /// The same for a large block that has been copied.
    pub(in crate::shard) fn replace_large(
        &mut self,
        held: &mut Held,
        batch: &Batch,
        new: &BatchFamily,
        now: Timestamp,
        large: LargeBlock,
    ) {
        let LargeBlock { text, native, series } = large;
        let native = new.has_native().then(|| native.into());
        let pages = &mut self.list[held.family as usize].pages;
        held.place = pages.replace_large(held.place, text.into(), native, new.has_quoted_names);
        self.renew(held, batch, new, now);
        self.set_series(held, SmallVec::from_vec(series));
    }

    /// Lets go of the samples that a group holds of a family. More are about to come.
    pub(in crate::shard) fn empty(&mut self, held: &mut Held) {
        let pages = &mut self.list[held.family as usize].pages;
        if !pages.block(held.place).text.is_empty() {
            held.place = pages.replace(held.place, Block::plain(b""));
        }
    }

    fn set_series(&mut self, held: &mut Held, series: SmallVec<[Series; 1]>) {
        self.series = self.series + series.len() as u64 - held.series.len() as u64;
        held.series = series;
    }

    /// Notes of a family all but its samples and series.
    fn renew(&mut self, held: &mut Held, batch: &Batch, new: &BatchFamily, now: Timestamp) {
        let family = &mut self.list[held.family as usize];
        let before = family.help_bytes;
        held.help = family.change_help(held.help.take(), batch.help(new));
        self.shared.bytes = self.shared.bytes + family.help_bytes - before;
        held.pushed = now;
        self.samples = self.samples + u64::from(new.samples) - u64::from(held.samples);
        held.samples = new.samples;
        held.bytes = new.bytes();
    }

    /// Replaces a block by one with the same series. How many samples it has is up to the caller.
    pub(in crate::shard) fn replace_values(
        &mut self,
        held: &mut Held,
        batch: &Batch,
        new: &BatchFamily,
        now: Timestamp,
    ) {
        let pages = &mut self.list[held.family as usize].pages;
        held.place = pages.replace(held.place, block(batch, new));
        (held.bytes, held.pushed) = (new.bytes(), now);
    }

    /// Changes values of what a group holds of a family.
    pub(in crate::shard) fn patch(&mut self, held: &mut Held, patches: &Patches) {
        let pages = &mut self.list[held.family as usize].pages;
        held.place = pages.patch(held.place, patches, &mut self.scratch);
        held.bytes = (i64::from(held.bytes) + patches.growth()) as u32;
        debug_assert_eq!(held.bytes as usize, pages.block(held.place).text.len());
    }

    /// Holds a family for a group, still without samples.
    pub(in crate::shard) fn hold(
        &mut self,
        part: PartHash,
        name: &str,
        kind: Kind,
        now: Timestamp,
    ) -> Held {
        let id = self.id_or_new(name, kind);
        let family = &mut self.list[id as usize];
        family.holders += 1;
        let place = family.pages.insert(part, Block::plain(b""));
        let series = SmallVec::new();
        Held { family: id, samples: 0, bytes: 0, place, pushed: now, help: None, series }
    }

    pub(in crate::shard) fn insert(
        &mut self,
        part: PartHash,
        batch: &Batch,
        new: &BatchFamily,
        now: Timestamp,
    ) -> Held {
        let id = self.id_or_new(batch.name(new), new.kind);
        let series = SmallVec::from_slice(batch.series(new));
        self.samples += u64::from(new.samples);
        self.series += series.len() as u64;
        let family = &mut self.list[id as usize];
        family.holders += 1;
        let before = family.help_bytes;
        let help = family.change_help(None, batch.help(new));
        self.shared.bytes = self.shared.bytes + family.help_bytes - before;
        Held {
            family: id,
            samples: new.samples,
            bytes: new.bytes(),
            place: family.pages.insert(part, block(batch, new)),
            pushed: now,
            help,
            series,
        }
    }

    /// Removes what a group holds of a family. Answers the name of the family if no other group of the shard holds it.
    pub(in crate::shard) fn remove(&mut self, held: Held) -> Option<(Arc<str>, Kind)> {
        self.samples -= u64::from(held.samples);
        self.series -= held.series.len() as u64;
        let family = &mut self.list[held.family as usize];
        family.pages.remove(held.place);
        let before = family.help_bytes;
        family.change_help(held.help, "");
        self.shared.bytes = self.shared.bytes + family.help_bytes - before;
        family.holders -= 1;
        if family.holders > 0 {
            return None;
        }
        self.shared.bytes -= weight::of_family(&family.name, family.kind);
        let gone = std::mem::replace(family, Family::new("", Kind::Untyped));
        self.ids.remove(&gone.name);
        self.unused.push(held.family);
        Some((gone.name, gone.kind))
    }

    fn id_or_new(&mut self, name: &str, kind: Kind) -> FamilyId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        self.shared.bytes += weight::of_family(name, kind);
        let family = Family::new(name, kind);
        let name = Arc::clone(&family.name);
        let id = match self.unused.pop() {
            Some(id) => {
                self[id] = family;
                id
            }
            None => {
                self.list.push(family);
                (self.list.len() - 1) as FamilyId
            }
        };
        self.ids.insert(name, id);
        id
    }
}

/// A large block on its way from a push to a page.
#[derive(Debug, Default)]
pub(in crate::shard) struct LargeBlock {
    text: Vec<u8>,
    native: Vec<u8>,
    series: Vec<Series>,
}

impl LargeBlock {
    /// Copies about so many bytes more of a family. Answers whether all of it has been copied.
    pub(in crate::shard) fn copy(
        &mut self,
        batch: &Batch,
        family: &BatchFamily,
        bytes: usize,
    ) -> bool {
        copy(&mut self.text, batch.text(family), bytes);
        copy(&mut self.native, batch.native(family).unwrap_or_default(), bytes);
        let series = batch.series(family);
        copy(&mut self.series, series, bytes / size_of::<Series>());
        self.text.len() + self.native.len() == family.bytes() as usize
            && self.series.len() == series.len()
    }
}

fn copy<T: Copy>(copied: &mut Vec<T>, all: &[T], len: usize) {
    copied.reserve_exact(all.len() - copied.len());
    let end = all.len().min(copied.len() + len.max(1));
    copied.extend_from_slice(&all[copied.len()..end]);
}

fn block<'a>(batch: &'a Batch, family: &BatchFamily) -> Block<'a> {
    Block {
        text: batch.text(family),
        native: batch.native(family),
        has_quoted_names: family.has_quoted_names,
    }
}
