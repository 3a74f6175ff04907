//! How the lines of a family change with a push that only brings other values: see `sum/values`.

use crate::aggregate::family::{Family, Target, Targets, is_gauge, lines_of};
use crate::aggregate::patches::Patches;
use crate::aggregate::series::{By, ValueStep};
use crate::exposition::parse_number;
use crate::rules::Gauges;

impl Family {
    /// Adds what changes between two texts of a source. Answers how many values are left out, or nothing if more than values differs or a
    /// value is none that can be added.
    pub(super) fn value_steps(
        &self,
        targets: &Targets,
        [old, new]: [&[u8]; 2],
        steps: &mut Vec<ValueStep>,
    ) -> Option<u64> {
        let is_increment = self.counts_increments();
        let counts = !is_gauge(self.kind) && !is_increment;
        // The same value that was pushed later may be shown instead of another source's.
        let takes_all = is_increment || self.gauges() == Some(Gauges::Last);
        // All lines of a series begin anew together.
        let has_parts = counts && self.kind.part_label().is_some();
        let (mut old_lines, mut new_lines, mut left_out) = (lines_of(old), lines_of(new), 0);
        let (mut first, mut is_restart) = (steps.len(), false);
        for Target { slot, line } in targets.iter().copied() {
            let (old, new) = (old_lines.next()?, new_lines.next()?);
            let (opening, new) = new.split_at(value_at(new));
            if value_at(old) != opening.len() || old[..opening.len()] != *opening {
                return None;
            }
            let old = &old[opening.len()..];
            if line == Target::LEFT_OUT {
                left_out += 1;
                continue;
            }
            if line == 0 {
                ends_series(steps, first, is_restart);
                (first, is_restart) = (steps.len(), false);
            }
            let is_equal = old == new;
            if is_equal && !takes_all && !has_parts {
                continue;
            }
            let new = number(new);
            let old = if is_equal { new } else { number(old) };
            let is_sum = || self.series_at(slot).is_some_and(|it| it.sum_at == Some(line as usize));
            if is_increment && (!new.is_finite() || new < 0.0 && !is_sum()) {
                return None;
            }
            is_restart |= counts && new < old && !is_sum();
            steps.push(ValueStep { slot, line, old, new, is_restart: false, is_equal });
        }
        ends_series(steps, first, is_restart);
        (old_lines.next().is_none() && new_lines.next().is_none()).then_some(left_out)
    }

    /// Makes these changes of a source, and notes what changes in `text`, which is what is shown of the family.
    pub(super) fn change_values(
        &mut self,
        steps: &[ValueStep],
        old_by: By,
        new_by: By,
        text: &[u8],
        patches: &mut Patches,
    ) {
        let is_increment = self.counts_increments();
        let takes_all = is_increment || self.gauges() == Some(Gauges::Last);
        let Some((all, starts)) = self.laid_out() else { return };
        for of_series in steps.chunk_by(|one, other| one.slot == other.slot) {
            let slot = of_series[0].slot as usize;
            let Some(series) = all[slot].as_mut() else { continue };
            let (mut at, mut lines) = (starts[slot] as usize, series.lines.iter_mut().enumerate());
            for step in of_series {
                // The lines of a series are in order, and so are the steps.
                for (number, line) in lines.by_ref() {
                    at += line.opening.len();
                    if number == step.line as usize && (takes_all || step.changes()) {
                        line.value.change(step, is_increment, old_by, new_by);
                        at = patches.value(text, at, line.value.shown()) + 1;
                        break;
                    }
                    at += memchr::memchr(b'\n', &text[at..]).map_or(0, |end| end + 1);
                    if number == step.line as usize {
                        break;
                    }
                }
            }
        }
        patches.order();
        patches.shift(starts);
    }
}

/// Ends a series whose steps begin at `first`.
fn ends_series(steps: &mut [ValueStep], first: usize, is_restart: bool) {
    if is_restart {
        steps[first..].iter_mut().for_each(|step| step.is_restart = true);
    }
}

/// Where the value of a line begins. It has no blanks, and is short.
fn value_at(line: &[u8]) -> usize {
    line.iter().rposition(|byte| *byte == b' ').map_or(0, |blank| blank + 1)
}

/// A value. Most are small whole numbers.
fn number(text: &[u8]) -> f64 {
    let is_short = (1..=15).contains(&text.len());
    let digits = || {
        text.iter().try_fold(0_u64, |number, byte| {
            byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0'))
        })
    };
    match is_short.then(digits).flatten() {
        Some(whole) => whole as f64,
        None => parse_number(text).unwrap_or(f64::NAN),
    }
}
