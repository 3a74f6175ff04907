//! How a source changes its sum: it pushes, is read back, or leaves.

use std::collections::HashMap;
use std::sync::Arc;

use super::Sum;
use super::source::{SourceName, State};
use super::undo::{Changed, ChangedFamily};
use crate::aggregate::family::{Family, SourceFamily, is_gauge, is_increment};
use crate::aggregate::lines::{numbers, runs};
use crate::aggregate::records::Change;
use crate::aggregate::series::{By, Numbers, Step};
use crate::exposition::have_same_lines;
use crate::push::Refusal;
use crate::rules::{Adding, Counters, Gauges};

/// Which values of a source count in totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counting {
    /// Those that it has counted since it was last pushed to.
    Pushed,
    /// None: they are in the totals already.
    Restored,
    /// Those that it had stay.
    Left,
    /// Those that it had go with it, because they are to be counted elsewhere.
    Moved,
}

impl Sum {
    /// Takes what a source had and now has, each sorted by name: of the families that the push replaces or drops, and of those that it
    /// brings.
    ///
    /// # Errors
    /// When the push does not fit the sum. Nothing has changed then.
    pub fn push(
        &mut self,
        source: SourceName<'_>,
        old: &[SourceFamily<'_>],
        new: &[SourceFamily<'_>],
    ) -> Result<Changed, Refusal> {
        self.change(source, old, new, Counting::Pushed)
    }

    /// Takes a source that was read back. What it has counted is in the totals already.
    ///
    /// # Errors
    /// When it does not fit the sum.
    pub fn restore_source(
        &mut self,
        source: SourceName<'_>,
        families: &[SourceFamily<'_>],
    ) -> Result<(), Refusal> {
        let changed = self.change(source, &[], families, Counting::Restored)?;
        self.has_left_natives_out |= changed.natives_left_out > 0;
        self.commit(changed);
        Ok(())
    }

    /// Takes a source away, which had these families. With `keeps_counts`, what it has counted stays. Answers the names of the
    /// families that have changed.
    pub fn leave(
        &mut self,
        source: SourceName<'_>,
        old: &[SourceFamily<'_>],
        keeps_counts: bool,
    ) -> Vec<Arc<str>> {
        let counting = if keeps_counts { Counting::Left } else { Counting::Moved };
        let Ok(changed) = self.change(source, old, &[], counting) else { return Vec::new() };
        self.sources.remove(source.key);
        let names = changed.families.iter().map(|family| Arc::clone(&family.name)).collect();
        self.commit(changed);
        names
    }

    fn change(
        &mut self,
        of: SourceName<'_>,
        old: &[SourceFamily<'_>],
        new: &[SourceFamily<'_>],
        counting: Counting,
    ) -> Result<Changed, Refusal> {
        let known = self.sources.number(of.key);
        let number = known.unwrap_or_else(|| self.sources.insert(of.key, of.hash));
        let (layout, values) = match self.sources.get(number) {
            Some(source) => (Arc::clone(&source.layout), source.values.clone()),
            None => Default::default(),
        };
        let mut changed = Changed {
            source: Arc::clone(of.key),
            number,
            is_new_source: known.is_none(),
            before: None,
            families: Vec::with_capacity(old.len().max(new.len())),
            left_out: 0,
            natives_left_out: 0,
        };
        let mut states = Vec::with_capacity(layout.families.len().max(new.len()));
        let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
        loop {
            let name = match (old.peek(), new.peek()) {
                (None, None) => break,
                (Some(one), None) | (None, Some(one)) => one.name,
                (Some(one), Some(other)) => one.name.min(other.name),
            };
            let pair = [old.next_if(|it| it.name == name), new.next_if(|it| it.name == name)];
            let had = layout.state(name, states.len()).map(|state| (state, state.values(&values)));
            match self.change_family(of, pair, had, counting, &mut changed) {
                Ok(state) => states.extend(state),
                Err(refusal) => {
                    drop(layout); // Sources alone hold a layout.
                    self.revert(changed);
                    return Err(refusal);
                }
            }
        }
        let touched = |name: &str| {
            changed.families.binary_search_by(|family| (*family.name).cmp(name)).is_ok()
        };
        let rest = layout.families.iter().filter(|state| !touched(&state.name));
        states.extend(rest.map(|state| (state.clone(), state.values(&values).to_vec())));
        states.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
        changed.before = self.sources.set(number, states);
        Ok(changed)
    }

    fn change_family(
        &mut self,
        of: SourceName<'_>,
        [old, new]: [Option<&SourceFamily<'_>>; 2],
        before: Option<(&State, &[f64])>,
        counting: Counting,
        changed: &mut Changed,
    ) -> Result<Option<(State, Vec<f64>)>, Refusal> {
        let Some(one) = new.or(old) else { return Ok(None) };
        let number = changed.number;
        let is_new = self.families.get(one.name).is_none();
        if is_new {
            let adding = match &self.settings {
                Some(settings) => settings.of_family(one.name),
                None => Adding { gauges: Gauges::Last, counters: Counters::Cumulative },
            };
            self.families.insert(Arc::from(one.name), Family::new(one.kind, adding));
        }
        let (name, kind) = match self.families.get(one.name) {
            Some((name, family)) => (Arc::clone(name), family.kind),
            None => return Ok(None),
        };
        changed.families.push(ChangedFamily {
            name: Arc::clone(&name),
            is_new,
            help: None,
            steps: Vec::new(),
            made: Vec::new(),
            knew_places: false,
            stamp: 0,
            natives: Vec::new(),
        });
        let (Some(note), Some(family)) =
            (changed.families.last_mut(), self.families.get_mut(&name))
        else {
            return Ok(None);
        };
        (note.stamp, note.knew_places) = (family.stamps.get(number), family.knows_places());
        if let Some(new) = new.filter(|new| new.kind != kind) {
            let (family, stored) = (new.name.to_owned(), kind.text());
            return Err(Refusal::TypeConflict { family, stored, is_own: false });
        }
        let natives = Change::of([old, new], of.gone, &family.natives);
        let adds = family.counts_increments();
        let old = old.zip(before).filter(|(old, _)| old.kind == kind);
        let targets = match (new, old) {
            (Some(new), Some((old, (before, _)))) if have_same_lines(old.text, new.text) => {
                Some(Arc::clone(&before.targets))
            }
            (Some(new), _) => Some(family.targets(new, of.gone, &mut note.made)?),
            (None, _) => None,
        };
        if let Some(new) = new
            && family.help.is_empty()
            && !new.help.is_empty()
        {
            note.help = Some(std::mem::replace(&mut family.help, new.help.to_owned()));
        }
        // An increment is in the total for good, unless its source takes it along to where it is counted again.
        let counts_old = is_gauge(kind)
            || counting == Counting::Moved
            || !adds && old.is_some_and(|(_, (before, _))| !before.is_increment);
        let old_runs = match old.filter(|_| counts_old) {
            Some((_, (before, values))) => runs(&before.targets, values).0,
            None => Vec::new(),
        };
        let old_by = old.map(|(old, _)| By { source: number, pushed: old.pushed });
        let new_by = new.map(|new| By { source: number, pushed: new.pushed });
        let (mut new_runs, mut new_values) = (Vec::new(), Vec::new());
        if let Some(new) = new {
            new_values.extend(numbers(new.text));
        }
        if let Some(targets) = &targets
            && (is_gauge(kind) || counting != Counting::Restored)
        {
            let (runs, left_out) = runs(targets, &new_values);
            (new_runs, changed.left_out) = (runs, changed.left_out + left_out);
        }
        let mut old_values: Vec<(u32, Option<Numbers>)> =
            old_runs.into_iter().map(|run| (run.slot, Some(run.values))).collect();
        let by_slot: HashMap<u32, usize, ahash::RandomState> = {
            let are_same = old_values.len() == new_runs.len()
                && old_values.iter().zip(&new_runs).all(|((slot, _), run)| *slot == run.slot);
            let indexed = old_values.iter().enumerate().filter(|_| !are_same);
            indexed.map(|(at, (slot, _))| (*slot, at)).collect()
        };
        for (at, run) in new_runs.into_iter().enumerate() {
            let found = if by_slot.is_empty() { Some(at) } else { by_slot.get(&run.slot).copied() };
            let had = found.and_then(|at| old_values.get_mut(at)).and_then(|(_, had)| had.take());
            let Some(series) = family.series_at(run.slot) else { continue };
            if adds && let Some(value) = not_an_increment(&run.values, series.sum_at) {
                let (family, value) = (name.to_string(), value.to_string());
                return Err(Refusal::NoIncrement { family, value });
            }
            let keeps = had.as_ref().is_some_and(|had| series.is_restart(had, &run.values))
                || natives.as_ref().is_some_and(|it| it.is_restart(series.fingerprint));
            let step = Step {
                slot: run.slot,
                old: had.zip(old_by),
                new: Some(run.values).zip(new_by),
                keeps,
            };
            make(family, note, step, natives.as_ref());
        }
        let keeps = counting != Counting::Moved;
        for (slot, had) in old_values {
            let Some(had) = had else { continue };
            let step = Step { slot, old: Some(had).zip(old_by), new: None, keeps };
            make(family, note, step, natives.as_ref());
        }
        family.stamp(number, new.map_or(0, |new| new.pushed));
        if natives.is_some_and(|natives| natives.is_left_out(family)) {
            changed.natives_left_out += 1;
        }
        Ok(targets
            .map(|targets| (State { name, targets, is_increment: adds, first: 0 }, new_values)))
    }
}

/// Makes a change of a series, and notes it.
fn make(family: &mut Family, note: &mut ChangedFamily, step: Step, natives: Option<&Change>) {
    family.make(&step);
    if let Some(natives) = natives {
        note.natives.push((step.slot, family.change_natives(&step, natives)));
    }
    note.steps.push(step);
}

/// The value that cannot be added to a total, if there is one.
fn not_an_increment(values: &[f64], sum_at: Option<usize>) -> Option<f64> {
    let mut values = values.iter().enumerate();
    let found = values.find(|(at, value)| !is_increment(**value, Some(*at) == sum_at));
    found.map(|(_, value)| *value)
}
