//! How the lines of a family change with a push that only brings other values: see `sum/values`.

use crate::aggregate::family::{Family, Target, Targets, is_gauge, is_increment, opening};
use crate::aggregate::patches::Patches;
use crate::aggregate::series::{By, ValueStep};
use crate::exposition::parse_number;

impl Family {
    /// Adds what changes between two texts of a source. Answers how many values are left out, or nothing if more than values differs or a
    /// value is none that can be added.
    pub(super) fn value_steps(
        &self,
        targets: &Targets,
        [old, new]: [&[u8]; 2],
        steps: &mut Vec<ValueStep>,
    ) -> Option<u64> {
        let adds = self.counts_increments();
        let counts = !is_gauge(self.kind) && !adds;
        let takes_all = self.takes_all();
        // All lines of a series begin anew together.
        let has_parts = counts && self.kind.part_label().is_some();
        let (mut first, mut is_restart) = (steps.len(), false);
        let (mut lines, mut left_out) = (Pairs { old, new, longer: None }, 0);
        for Target { slot, line } in targets.iter().copied() {
            if line == Target::LEFT_OUT {
                lines.skip()?;
                left_out += 1;
                continue;
            }
            let series = self.series_at(slot)?;
            let [old, new] = lines.next(series.lines.get(line as usize)?.opening.len())?;
            if line == 0 {
                ends_series(steps, first, is_restart);
                (first, is_restart) = (steps.len(), false);
            }
            let is_equal = old == new;
            if is_equal && !takes_all && !has_parts {
                continue;
            }
            let new = number(new)?;
            let old = if is_equal { new } else { number(old)? };
            let is_sum = series.sum_at == Some(line as usize);
            if adds && !is_increment(new, is_sum) {
                return None;
            }
            is_restart |= counts && new < old && !is_sum;
            steps.push(ValueStep { slot, line, old, new, is_restart: false });
        }
        ends_series(steps, first, is_restart);
        lines.are_over().then_some(left_out)
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
        let (is_increment, takes_all) = (self.counts_increments(), self.takes_all());
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

/// The lines of two texts of a source that differ in nothing but values.
struct Pairs<'t> {
    old: &'t [u8],
    new: &'t [u8],
    /// By how much a line up to its value is longer here than in the sum, which does not have all labels: the same for all lines.
    longer: Option<usize>,
}

impl<'t> Pairs<'t> {
    /// The values of the next line, up to which that of the sum is so long.
    fn next(&mut self, len_in_sum: usize) -> Option<[&'t [u8]; 2]> {
        let longer = match self.longer {
            Some(longer) => longer,
            None => opening(&self.new[..end(self.new)?]).len().checked_sub(len_in_sum)?,
        };
        self.longer = Some(longer);
        let opening = len_in_sum + longer;
        let (old, new) = (self.old.get(opening..)?, self.new.get(opening..)?);
        if self.old[..opening] != self.new[..opening] || self.new[opening - 1] != b' ' {
            return None;
        }
        let (old_end, new_end) = (short_end(old)?, short_end(new)?);
        (self.old, self.new) = (&old[old_end + 1..], &new[new_end + 1..]);
        Some([&old[..old_end], &new[..new_end]])
    }

    /// Passes over a line that no sum has.
    fn skip(&mut self) -> Option<()> {
        let [old, new] = [self.old, self.new].map(|text| end(text).map(|end| text.split_at(end)));
        let ((old, old_rest), (new, new_rest)) = (old?, new?);
        (self.old, self.new) = (&old_rest[1..], &new_rest[1..]);
        (opening(old) == opening(new)).then_some(())
    }

    fn are_over(&self) -> bool {
        self.old.is_empty() && self.new.is_empty()
    }
}

/// Where the first line ends.
fn end(text: &[u8]) -> Option<usize> {
    memchr::memchr(b'\n', text)
}

/// The same for a text that begins with a value: that is short.
fn short_end(text: &[u8]) -> Option<usize> {
    text.iter().position(|byte| *byte == b'\n')
}

/// A value. Most are small whole numbers.
fn number(text: &[u8]) -> Option<f64> {
    let mut whole = 0_u64;
    for byte in text.get(..15).unwrap_or(text) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return parse_number(text);
        }
        whole = whole * 10 + u64::from(digit);
    }
    if (1..=15).contains(&text.len()) { Some(whole as f64) } else { parse_number(text) }
}
