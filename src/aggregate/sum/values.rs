//! A push of a source that brings the lines that the source has, with other values.
//!
//! Most pushes do. Nothing is looked up for such a push and nothing is rendered: the sum knows where the value of each line counts, and where its
//! own line stands in what it shows. [`Sum::values_of`] begins; [`ValuesPlan::add`] reads the families and changes nothing; then
//! [`Sum::change_values`] changes one family after the other, and says what changes in its text.
//!
//! A push that the sum would reject is none of this kind: [`Sum::push`] is for those.

use std::sync::Arc;

use super::Sum;
use super::source::Source;
use crate::aggregate::families::Families;
use crate::aggregate::family::SourceFamily;
use crate::aggregate::patches::Patches;
use crate::aggregate::records::says_more;
use crate::aggregate::series::{By, ValueStep};
use crate::aggregate::values::PushedValues;
use crate::rules::Aggregation;

/// The values that such a push changes. Empty it is for the next push.
#[derive(Debug, Default)]
pub struct ValuesPush {
    families: Vec<Touched>,
    steps: Vec<ValueStep>,
    source: u32,
    /// How many values were left out because they are quantiles.
    pub left_out: u64,
    patches: Patches,
}

/// No number is written with more bytes.
pub(super) const NUMBER_BYTES_MAX: u64 = 32;

/// What changes of a family.
#[derive(Debug, Clone, Copy)]
struct Touched {
    /// Where it is among the families of the sum.
    position: usize,
    /// Where it is among those that the sum shows.
    shown_at: usize,
    /// Where its steps end.
    end: usize,
    /// Where its values begin among those of the source.
    first_value: usize,
    /// When the source pushed it before.
    pushed_before: u64,
}

/// What is needed to find out what a push changes.
#[derive(Debug)]
pub struct ValuesPlan<'s> {
    families: &'s mut Families,
    source: &'s Source,
    push: &'s mut ValuesPush,
    /// By how much the lines of the source are longer up to their values than those of the sum.
    longer: Option<usize>,
}

impl Sum {
    /// Begins with a push of the source `key`. `None` where the sum does not know the source, or takes other settings with the push.
    pub fn values_of<'s>(
        &'s mut self,
        key: &str,
        settings: &Arc<Aggregation>,
        push: &'s mut ValuesPush,
    ) -> Option<ValuesPlan<'s>> {
        let is_same = |own: &Arc<Aggregation>| Arc::ptr_eq(own, settings);
        if !self.settings.as_ref().is_some_and(is_same) {
            return None;
        }
        let number = self.sources.number(key)?;
        let source = self.sources.get(number)?;
        (push.source, push.left_out) = (number, 0);
        push.families.clear();
        push.steps.clear();
        Some(ValuesPlan { families: &mut self.families, source, push, longer: None })
    }

    /// Changes the family at `number` of a push that was made at `now`, of which the sum shows `text`. Answers what changes in that text.
    pub fn change_values<'p>(
        &mut self,
        push: &'p mut ValuesPush,
        number: usize,
        text: &[u8],
        now: u64,
    ) -> &'p Patches {
        let touched = push.families[number];
        let first = number.checked_sub(1).map_or(0, |before| push.families[before].end);
        let by = [touched.pushed_before, now].map(|pushed| By { source: push.source, pushed });
        push.patches.clear();
        let steps = &push.steps[first..touched.end];
        if let Some(source) = self.sources.get_mut(push.source) {
            let values = &mut source.values[touched.first_value..];
            steps.iter().for_each(|step| values[step.at as usize] = step.new);
        }
        self.families.at(touched.position).change_values(steps, by, text, &mut push.patches);
        &push.patches
    }
}

impl ValuesPlan<'_> {
    /// Adds a family that the source brings. It had the same with this name, type and help text, pushed at `pushed_before`; the text that it had is
    /// `text_before`, unless that is known to have the same lines. The sum shows `text` of it, as number `shown_at` of all that it shows. Answers whether
    /// the push is still one that only changes values.
    pub fn add<'t>(
        &mut self,
        new: &SourceFamily<'_>,
        pushed_before: u64,
        text_before: Option<&[u8]>,
        shown_at: usize,
        text: impl Fn() -> &'t [u8],
    ) -> bool {
        let ValuesPlan { families, source, push, longer } = self;
        let expected = push.families.last().map_or(0, |last| last.position + 1);
        let Some(position) = families.position(new.name, expected) else { return false };
        let state = source.layout.state(new.name, push.families.len());
        let Some(state) = state else { return false };
        let family = families.at(position);
        let is_same = family.kind == new.kind
            && family.counts_increments() == state.is_increment
            && (!family.help.is_empty() || new.help.is_empty())
            && family.natives.is_empty()
            && !new.native.is_some_and(says_more);
        if !is_same || !family.is_laid_out(text) {
            return false;
        }
        let before = state.values(&source.values);
        let pushed = PushedValues { before, text: new.text, text_before };
        let steps = family.value_steps(&state.targets, pushed, longer, &mut push.steps);
        let Some(left_out) = steps else { return false };
        push.left_out += left_out;
        let (end, first_value) = (push.steps.len(), state.first);
        push.families.push(Touched { position, shown_at, end, first_value, pushed_before });
        true
    }
}

impl ValuesPush {
    /// How many families it has.
    pub fn families(&self) -> usize {
        self.families.len()
    }

    /// Where a family is among those that the sum shows.
    pub fn shown_at(&self, number: usize) -> usize {
        self.families[number].shown_at
    }

    /// How many bytes the text of the sum may grow at most.
    pub fn growth_max(&self) -> u64 {
        NUMBER_BYTES_MAX * self.steps.len() as u64
    }
}
