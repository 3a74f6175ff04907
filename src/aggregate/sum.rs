//! The sum of the sources of one group.
//!
//! Start with [`Sum::push`], which takes what one source has pushed. The cost is in proportion to what the source pushes,
//! whatever the number of sources. A change can be reverted until it is committed: a shard may still have to reject the push.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::aggregate::family::{Family, SourceFamily, Targets, have_same_lines, is_gauge, runs};
use crate::aggregate::series::{By, Numbers, Series, Step};
use crate::push::{Batch, Refusal, RenderedFamily};
use crate::rules::{Adding, Aggregation, Counters, Gauges};

/// What all sources of a group come to, and what is needed to change that when a source changes.
#[derive(Debug, Default)]
pub struct Sum {
    settings: Option<Arc<Aggregation>>,
    pub(super) families: BTreeMap<Arc<str>, Family>,
    sources: HashMap<Arc<str>, Source, ahash::RandomState>,
    last_number: u32,
}

/// What a sum knows of one source.
#[derive(Debug)]
struct Source {
    number: u32,
    hash: u64,
    /// Sorted by name.
    families: Vec<(Arc<str>, State)>,
}

/// Where the values of a family of a source count.
#[derive(Debug, Clone)]
struct State {
    targets: Targets,
    /// Whether its totals are increments, which say nothing about the next push.
    is_increment: bool,
}

/// Which source changes, and what goes of its labels.
#[derive(Debug, Clone, Copy)]
pub struct SourceName<'a> {
    /// The text of its grouping key.
    pub key: &'a Arc<str>,
    /// By which hash its shard finds it.
    pub hash: u64,
    /// The names of the labels that the sum does not have, as they are spelled.
    pub gone: &'a [Vec<u8>],
}

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

/// A change that has been made, and can be reverted.
#[derive(Debug)]
pub struct Changed {
    source: Arc<str>,
    is_new_source: bool,
    families: Vec<ChangedFamily>,
    /// How many values were left out because they are quantiles.
    pub left_out: u64,
}

#[derive(Debug)]
struct ChangedFamily {
    name: Arc<str>,
    is_new: bool,
    /// The help text before.
    help: Option<String>,
    steps: Vec<Step>,
    /// The series that were made.
    made: Vec<u32>,
    /// What the source had of the family.
    before: Option<State>,
}

impl Sum {
    /// How many sources there are.
    pub fn sources(&self) -> u64 {
        self.sources.len() as u64
    }

    /// The keys of the sources and their hashes, in no particular order.
    pub fn source_keys(&self) -> impl Iterator<Item = (&Arc<str>, u64)> {
        self.sources.iter().map(|(key, source)| (key, source.hash))
    }

    /// Whether a group is one of the sources.
    pub fn has_source(&self, key: &str) -> bool {
        self.sources.contains_key(key)
    }

    /// Whether there is nothing left: no source, and nothing that sources have left behind.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty() && self.families.is_empty()
    }

    /// How the values are put together; `None` until that is known after a restart.
    pub fn settings(&self) -> Option<&Arc<Aggregation>> {
        self.settings.as_ref()
    }

    /// Takes rules for the first time, or others that treat the values of all families alike. Answers whether it has: else
    /// [`Sum::rebuild`] has to be called.
    pub fn set_settings(&mut self, settings: &Arc<Aggregation>) -> bool {
        let is_same = |(name, family): (&Arc<str>, &Family)| {
            family.gauges().is_none_or(|gauges| gauges == settings.of_family(name).gauges)
        };
        if self.settings.as_ref() == Some(settings) {
            return true;
        }
        if !self.families.iter().all(is_same) {
            return false;
        }
        for (name, family) in &mut self.families {
            family.adding = settings.of_family(name);
        }
        self.settings = Some(Arc::clone(settings));
        true
    }

    /// Takes other rules, and puts the gauges of all sources together anew. `families_of` shows the families of each source.
    pub fn rebuild<'s>(
        &mut self,
        settings: &Arc<Aggregation>,
        families_of: impl Fn(&str, u64, &mut dyn FnMut(&[SourceFamily<'_>])) + 's,
    ) {
        self.settings = Some(Arc::clone(settings));
        for (name, family) in &mut self.families {
            family.adding = settings.of_family(name);
            if is_gauge(family.kind) {
                family.empty_gauges();
            }
        }
        for (key, source) in &self.sources {
            let families = &mut self.families;
            families_of(key, source.hash, &mut |of_source| {
                for one in of_source.iter().filter(|one| is_gauge(one.kind)) {
                    let Some(state) = source.state(one.name) else { continue };
                    let Some(family) = families.get_mut(one.name) else { continue };
                    let by = By { source: source.number, pushed: one.pushed };
                    for run in runs(&state.targets, one.text).0 {
                        let step = Step {
                            slot: run.slot,
                            old: None,
                            new: Some((run.values, by)),
                            keeps: false,
                        };
                        if let Some(series) = family.at(run.slot) {
                            series.make(&step);
                        }
                    }
                }
            });
        }
    }

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
        self.commit(&changed);
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
        self.commit(&changed);
        changed.families.into_iter().map(|family| family.name).collect()
    }

    fn change(
        &mut self,
        of: SourceName<'_>,
        old: &[SourceFamily<'_>],
        new: &[SourceFamily<'_>],
        counting: Counting,
    ) -> Result<Changed, Refusal> {
        let is_new_source = !self.sources.contains_key(of.key);
        if is_new_source {
            self.last_number += 1;
            let source = Source { number: self.last_number, hash: of.hash, families: Vec::new() };
            self.sources.insert(Arc::clone(of.key), source);
        }
        let mut changed = Changed {
            source: Arc::clone(of.key),
            is_new_source,
            families: Vec::with_capacity(old.len().max(new.len())),
            left_out: 0,
        };
        let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
        loop {
            let name = match (old.peek(), new.peek()) {
                (None, None) => return Ok(changed),
                (Some(one), None) | (None, Some(one)) => one.name,
                (Some(one), Some(other)) => one.name.min(other.name),
            };
            let pair = [old.next_if(|it| it.name == name), new.next_if(|it| it.name == name)];
            if let Err(refusal) = self.change_family(of, pair, counting, &mut changed) {
                self.revert(changed);
                return Err(refusal);
            }
        }
    }

    fn change_family(
        &mut self,
        of: SourceName<'_>,
        [old, new]: [Option<&SourceFamily<'_>>; 2],
        counting: Counting,
        changed: &mut Changed,
    ) -> Result<(), Refusal> {
        let Some(one) = new.or(old) else { return Ok(()) };
        let Some(source) = self.sources.get_mut(of.key) else { return Ok(()) };
        let is_new = !self.families.contains_key(one.name);
        if is_new {
            let adding = match &self.settings {
                Some(settings) => settings.of_family(one.name),
                None => Adding { gauges: Gauges::Last, counters: Counters::Cumulative },
            };
            self.families.insert(Arc::from(one.name), Family::new(one.kind, adding));
        }
        let (name, kind) = match self.families.get_key_value(one.name) {
            Some((name, family)) => (Arc::clone(name), family.kind),
            None => return Ok(()),
        };
        changed.families.push(ChangedFamily {
            name: Arc::clone(&name),
            is_new,
            help: None,
            steps: Vec::new(),
            made: Vec::new(),
            before: source.state(one.name).cloned(),
        });
        let (Some(note), Some(family)) =
            (changed.families.last_mut(), self.families.get_mut(&name))
        else {
            return Ok(());
        };
        if let Some(new) = new.filter(|new| new.kind != kind) {
            let (family, stored) = (new.name.to_owned(), kind.text());
            return Err(Refusal::TypeConflict { family, stored, is_own: false });
        }
        let is_increment = family.counts_increments();
        let old = old.zip(note.before.as_ref()).filter(|(old, _)| old.kind == kind);
        let targets = match (new, old) {
            (Some(new), Some((old, before))) if have_same_lines(old.text, new.text) => {
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
        let counts_old =
            is_gauge(kind) || !is_increment && old.is_some_and(|(_, before)| !before.is_increment);
        let old_runs = match old.filter(|_| counts_old) {
            Some((old, before)) => runs(&before.targets, old.text).0,
            None => Vec::new(),
        };
        let old_by = old.map(|(old, _)| By { source: source.number, pushed: old.pushed });
        let new_by = new.map(|new| By { source: source.number, pushed: new.pushed });
        let mut new_runs = Vec::new();
        if let (Some(new), Some(targets)) = (new, &targets)
            && (is_gauge(kind) || counting != Counting::Restored)
        {
            let (runs, left_out) = runs(targets, new.text);
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
            let Some(series) = family.at(run.slot) else { continue };
            if is_increment && let Some(value) = not_an_increment(&run.values, series.sum_at) {
                let (family, value) = (name.to_string(), value.to_string());
                return Err(Refusal::NoIncrement { family, value });
            }
            let keeps = had.as_ref().is_some_and(|had| series.is_restart(had, &run.values));
            let step = Step {
                slot: run.slot,
                old: had.zip(old_by),
                new: Some(run.values).zip(new_by),
                keeps,
            };
            series.make(&step);
            note.steps.push(step);
        }
        let keeps = counting != Counting::Moved;
        for (slot, had) in old_values {
            let Some(had) = had else { continue };
            let Some(series) = family.at(slot) else { continue };
            let step = Step { slot, old: Some(had).zip(old_by), new: None, keeps };
            series.make(&step);
            note.steps.push(step);
        }
        source.set_state(&name, targets.map(|targets| State { targets, is_increment }));
        Ok(())
    }

    /// Takes a change back that has not been committed.
    pub fn revert(&mut self, changed: Changed) {
        for note in changed.families.into_iter().rev() {
            if let Some(family) = self.families.get_mut(&note.name) {
                for step in note.steps.iter().rev() {
                    if let Some(series) = family.at(step.slot) {
                        series.undo(step);
                    }
                }
                note.made.iter().for_each(|slot| family.remove(*slot));
                if let Some(help) = note.help {
                    family.help = help;
                }
            }
            if note.is_new {
                self.families.remove(&note.name);
            }
            if let Some(source) = self.sources.get_mut(&changed.source) {
                source.set_state(&note.name, note.before);
            }
        }
        if changed.is_new_source {
            self.sources.remove(&changed.source);
        }
    }

    /// Forgets what has been left without values.
    pub fn commit(&mut self, changed: &Changed) {
        for note in &changed.families {
            let Some(family) = self.families.get_mut(&note.name) else { continue };
            for step in note.steps.iter().filter(|step| step.new.is_none()) {
                if family.at(step.slot).is_some_and(|series| !series.is_shown()) {
                    family.remove(step.slot);
                }
            }
            if family.series().next().is_none() {
                self.families.remove(&note.name);
            }
        }
    }

    /// What is to be shown of a change: all families, and then `true`, if it changes all or one is gone; else those that it
    /// changes.
    ///
    /// # Errors
    /// When the sum is larger than a batch can be.
    pub fn shown(&self, changed: &Changed) -> Result<(Batch, bool), Refusal> {
        let families = changed.families.iter().filter(|note| !note.steps.is_empty() || note.is_new);
        self.render(families.map(|note| &note.name))
    }

    /// All that is to be shown.
    ///
    /// # Errors
    /// When the sum is larger than a batch can be.
    pub fn shown_whole(&self) -> Result<(Batch, bool), Refusal> {
        self.render(self.families.keys())
    }

    /// The same for the families of these names, in order.
    ///
    /// # Errors
    /// When the sum is larger than a batch can be.
    pub fn render<'n>(
        &self,
        names: impl Iterator<Item = &'n Arc<str>> + Clone,
    ) -> Result<(Batch, bool), Refusal> {
        let is_shown = |family: &Family| family.series().any(Series::is_shown);
        let touched = names.clone().count();
        let is_gone = |name: &Arc<str>| self.families.get(name).is_none_or(|it| !is_shown(it));
        let is_whole = touched >= self.families.len() || names.clone().any(is_gone);
        let mut batch = Batch::default();
        let (mut text, mut fingerprints) = (Vec::new(), Vec::new());
        let mut add = |name: &str, family: &Family| {
            text.clear();
            fingerprints.clear();
            for series in family.series().filter(|series| series.is_shown()) {
                series.render(&mut text);
                fingerprints.push(series.fingerprint);
            }
            let rendered = RenderedFamily {
                name,
                kind: family.kind,
                help: &family.help,
                text: &text,
                native: b"",
            };
            if fingerprints.is_empty() || batch.add_known(&rendered, &fingerprints) {
                return Ok(());
            }
            let bytes = (batch.bytes() + text.len()) as u64;
            Err(Refusal::GroupTooLarge { bytes, bytes_max: u64::from(u32::MAX) })
        };
        if is_whole {
            self.families.iter().try_for_each(|(name, family)| add(name, family))?;
        } else {
            let mut touched = names.filter_map(|name| self.families.get_key_value(name));
            touched.try_for_each(|(name, family)| add(name, family))?;
        }
        Ok((batch, is_whole))
    }
}

impl Source {
    fn state(&self, name: &str) -> Option<&State> {
        let found = self.families.binary_search_by(|(family, _)| (**family).cmp(name));
        found.ok().map(|at| &self.families[at].1)
    }

    fn set_state(&mut self, name: &Arc<str>, state: Option<State>) {
        match (self.families.binary_search_by(|(family, _)| family.cmp(name)), state) {
            (Ok(at), Some(state)) => self.families[at].1 = state,
            (Ok(at), None) => drop(self.families.remove(at)),
            (Err(at), Some(state)) => self.families.insert(at, (Arc::clone(name), state)),
            (Err(_), None) => {}
        }
    }
}

/// The value that cannot be added to a total, if there is one. The sum of a histogram may fall.
fn not_an_increment(values: &[f64], sum_at: Option<usize>) -> Option<f64> {
    let mut values = values.iter().enumerate();
    let found =
        values.find(|(at, value)| !value.is_finite() || **value < 0.0 && Some(*at) != sum_at);
    found.map(|(_, value)| *value)
}
