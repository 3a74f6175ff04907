//! The second stage of a large change: its names and series enter the index, and leave it again if one is rejected.

use super::slice::{Slice, lacking, remove, sides};
use super::{Ended, LargeChange, Stage};
use crate::push::Refusal;
use crate::shard::error::PushError;
use crate::shard::index::change::Change;
use crate::shard::pages::part::PartHash;
use crate::shard::store::Store;
use crate::shard::store::plan::Step;

impl LargeChange {
    pub(super) fn enter(&mut self, store: &mut Store) -> Ended {
        match self.enter_slice(store) {
            Err(error) => return self.reject(error),
            Ok(()) if self.at.step == self.steps.len() => self.begin_to_apply(store),
            Ok(()) => {}
        }
        None
    }

    fn enter_slice(&mut self, store: &mut Store) -> Result<(), PushError> {
        let held = store.group(self.hash, &self.key).map_or(&[][..], |group| &group.families);
        let (mut slice, mut at) = (Slice::NEW, self.at);
        let (mut change, mut coming) = (Change::default(), Vec::new());
        while let Some(step) = self.steps.get(at.step)
            && !slice.is_over()
        {
            let (old, new) = sides(*step, held, &self.batch);
            let Some(new) = new else {
                at.goes_on(None);
                slice.families -= 1;
                continue;
            };
            let name = self.batch.name(new);
            if at.series == 0 {
                slice.families -= 1;
                let stored = match old {
                    Some(held) => Some(&store.families[held.family]),
                    None => store.families.by_name(name),
                };
                if let Some(stored) = stored.filter(|stored| stored.kind != new.kind) {
                    let (family, stored) = (name.to_owned(), stored.kind.text());
                    return Err(Refusal::TypeConflict { family, stored, is_own: false }.into());
                }
                if old.is_none() {
                    coming.push(new);
                }
                if stored.is_none() {
                    change.names_added.push((name, new.kind));
                }
            }
            let old = old.map_or(&[][..], |held| &held.series);
            let take = |series| change.series_added.push((series, name));
            at.goes_on(lacking(
                self.batch.series(new),
                old,
                at.series,
                usize::MAX,
                &mut slice,
                take,
            ));
        }
        if store.index.grow(&change) {
            return Ok(()); // That took a slice's time.
        }
        change.order();
        store.index.apply(&change)?;
        let part = PartHash::of(self.key.text());
        for new in coming {
            let before = store.families.shared.bytes;
            let held = store.families.hold(part, self.batch.name(new), new.kind, self.now);
            self.unclaimed += store.families.shared.bytes as i64 - before as i64;
            self.coming.push_back(held);
        }
        self.at = at;
        Ok(())
    }

    /// Begins to take out of the index what has entered it.
    pub(super) fn reject(&mut self, error: PushError) -> Ended {
        self.rejected = Some((error, std::mem::take(&mut self.at)));
        self.stage = Stage::Leave;
        None
    }

    pub(super) fn leave(&mut self, store: &mut Store) -> Ended {
        let until = self.rejected.as_ref().expect("it has been rejected").1;
        let held = store.group(self.hash, &self.key).map_or(&[][..], |group| &group.families);
        let (mut slice, mut series, mut going) = (Slice::NEW, Vec::new(), Vec::new());
        while self.at != until && !slice.is_over() {
            let step = self.steps[self.at.step];
            let (old, Some(new)) = sides(step, held, &self.batch) else {
                self.at.goes_on(None);
                continue;
            };
            if old.is_none() && self.at.series == 0 {
                slice.families -= 1;
                going.extend(self.coming.pop_front());
            }
            let end = if self.at.step == until.step { until.series } else { usize::MAX };
            let old = old.map_or(&[][..], |held| &held.series);
            let at = self.at.series;
            let take = |one| series.push(one);
            let next = lacking(self.batch.series(new), old, at, end, &mut slice, take);
            if self.at.step == until.step && next.is_none_or(|next| next >= end) {
                self.at = until;
            } else {
                self.at.goes_on(next);
            }
        }
        self.unclaimed += remove(store, going, series);
        if self.at != until {
            return None;
        }
        store.families.shared.settle(self.unclaimed);
        (self.unclaimed, self.claim) = (0, None);
        let (error, _) = self.rejected.take().expect("it has been rejected");
        let removes = |step: &Step| matches!(step, Step::Remove { .. });
        if let PushError::Refused(refusal) = &error
            && refusal.is_about_an_occupied_name()
            && self.steps.iter().any(removes)
        {
            return self.do_whole(store); // By a family that goes, perhaps.
        }
        if let PushError::Refused(_) = error
            && self.placement.is_none()
        {
            store.fail(self.hash, &self.key, self.owner.as_ref(), self.now);
        }
        Some(Err(error))
    }
}
