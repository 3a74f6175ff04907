//! How the lines of a family change with a push that only brings other values: see `sum/values`.

use crate::aggregate::family::{Family, is_gauge, is_increment};
use crate::aggregate::lines::{Target, Targets, opening};
use crate::aggregate::patches::Patches;
use crate::aggregate::series::{By, ValueStep};
use crate::exposition::parse_number;

/// The values of a family that a source pushes.
#[derive(Debug, Clone, Copy)]
pub(super) struct PushedValues<'a> {
    /// What the source had.
    pub(super) before: &'a [f64],
    pub(super) text: &'a [u8],
    /// The text that the source had, unless it is known to have the same lines.
    pub(super) text_before: Option<&'a [u8]>,
}

impl Family {
    /// Adds what changes with a push. `longer` says by how much a line up to its value is longer than its target does, and is found out with
    /// the first line of a source. Answers how many values are left out, or nothing if more than values differs or a value is none that can be added.
    pub(super) fn value_steps(
        &self,
        targets: &Targets,
        pushed: PushedValues<'_>,
        longer: &mut Option<usize>,
        steps: &mut Vec<ValueStep>,
    ) -> Option<u64> {
        let adds = self.counts_increments();
        let counts = !is_gauge(self.kind) && !adds;
        let takes_all = self.takes_all();
        // All lines of a series begin anew together.
        let has_parts = counts && self.kind.part_label().is_some();
        let (mut first, mut is_restart) = (steps.len(), false);
        let (mut lines, mut left_out) = (Lines::new(pushed), 0);
        if pushed.before.len() != targets.len() {
            return None;
        }
        for (at, (target, old)) in targets.iter().zip(pushed.before).enumerate() {
            let Target { slot, line, is_sum, .. } = *target;
            let new = lines.next(target.opening as usize, longer)?;
            if line == Target::LEFT_OUT {
                left_out += 1;
                continue;
            }
            if line == 0 {
                ends_series(steps, first, is_restart);
                (first, is_restart) = (steps.len(), false);
            }
            if old.to_bits() == new.to_bits() && !takes_all && !has_parts {
                continue;
            }
            if adds && !is_increment(new, is_sum) {
                return None;
            }
            is_restart |= counts && new < *old && !is_sum;
            let at = at as u32;
            steps.push(ValueStep { slot, line, at, old: *old, new, is_restart: false });
        }
        ends_series(steps, first, is_restart);
        lines.are_over().then_some(left_out)
    }

    /// Makes these changes of a source, and notes what changes in `text`, which is what is shown of the family.
    pub(super) fn change_values(
        &mut self,
        steps: &[ValueStep],
        by: [By; 2],
        text: &[u8],
        patches: &mut Patches,
    ) {
        let (is_increment, takes_all) = (self.counts_increments(), self.takes_all());
        let (all, stamps) = self.changeable();
        for step in steps.iter().filter(|step| takes_all || step.changes()) {
            let Some(Some(series)) = all.get_mut(step.slot as usize) else { continue };
            let Some(line) = series.lines.get_mut(step.line as usize) else { continue };
            line.value.change(step, is_increment, by, stamps);
            line.place.len = patches.value(text, line.place, line.value.shown());
        }
        self.order(patches);
        self.stamp(by[1].source, by[1].pushed);
    }

    /// Notes what changes in `text`, which was shown of the family, where the values of these series have changed.
    pub(super) fn patch(
        &mut self,
        slots: impl Iterator<Item = u32>,
        text: &[u8],
        patches: &mut Patches,
    ) {
        let (all, _) = self.changeable();
        for slot in slots {
            let Some(Some(series)) = all.get_mut(slot as usize) else { continue };
            for line in &mut series.lines {
                line.place.len = patches.value(text, line.place, line.value.shown());
            }
        }
        self.order(patches);
    }

    /// Ends patches of what is shown: all lines know again where their values stand.
    fn order(&mut self, patches: &mut Patches) {
        let (all, _) = self.changeable();
        patches.order();
        if !patches.keep_lengths() {
            let lines = all.iter_mut().flatten().flat_map(|series| &mut series.lines);
            patches.shift(lines.map(|line| &mut line.place.at));
        }
    }
}

/// Ends a series whose steps begin at `first`.
fn ends_series(steps: &mut [ValueStep], first: usize, is_restart: bool) {
    if is_restart {
        steps[first..].iter_mut().for_each(|step| step.is_restart = true);
    }
}

/// The lines of a text that a source pushes, of which it had all but the values.
struct Lines<'t> {
    text: &'t [u8],
    /// The text that the source had, where the lines are to be compared.
    before: Option<&'t [u8]>,
}

impl<'t> Lines<'t> {
    fn new(pushed: PushedValues<'t>) -> Lines<'t> {
        Lines { text: pushed.text, before: pushed.text_before }
    }

    /// The value of the next line, which is so long up to its value without the labels that go.
    fn next(&mut self, opening: usize, longer: &mut Option<usize>) -> Option<f64> {
        let longer = match *longer {
            Some(longer) => longer,
            None => {
                let len = self::opening(&self.text[..end(self.text)?]).len();
                *longer.insert(len.checked_sub(opening)?)
            }
        };
        let (line, value) = self.text.split_at_checked(opening + longer)?;
        if line.last() != Some(&b' ') {
            return None;
        }
        if let Some(before) = self.before {
            let (line_before, value) = before.split_at_checked(line.len())?;
            if line_before != line {
                return None;
            }
            self.before = Some(&value[short_end(value)? + 1..]);
        }
        let (number, end) = number(value)?;
        self.text = &value[end + 1..];
        Some(number)
    }

    fn are_over(&self) -> bool {
        self.text.is_empty() && self.before.is_none_or(<[u8]>::is_empty)
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

/// The powers of ten that a number has without rounding.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// The value that a text begins with, and where its line ends. Most have few digits: these and a power of ten are numbers without rounding, so that
/// the processor rounds once, and to the nearest number.
fn number(text: &[u8]) -> Option<(f64, usize)> {
    let is_negative = text.first() == Some(&b'-');
    let mut at = usize::from(is_negative);
    let (mut digits, mut len, mut point) = (0_u64, 0, None);
    loop {
        let byte = *text.get(at)?;
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            (digits, len) = (digits.wrapping_mul(10) + u64::from(digit), len + 1);
        } else if byte == b'.' && point.is_none() {
            point = Some(len);
        } else {
            break;
        }
        at += 1;
    }
    let mut power = point.map_or(0, |point: i32| point - len);
    if text[at] == b'e'
        && let Some([sign @ (b'+' | b'-'), tens @ b'0'..=b'9', ones @ b'0'..=b'9', b'\n']) =
            text.get(at + 1..at + 5)
    {
        let exponent = i32::from(tens - b'0') * 10 + i32::from(ones - b'0');
        power += if *sign == b'-' { -exponent } else { exponent };
        at += 4;
    }
    if text[at] != b'\n' || !(1..=15).contains(&len) || power.abs() > 22 {
        let end = at + short_end(&text[at..])?;
        return Some((parse_number(&text[..end])?, end));
    }
    let digits = digits as f64;
    let factor = POWERS[power.unsigned_abs() as usize];
    let value = if power < 0 { digits / factor } else { digits * factor };
    Some((if is_negative { -value } else { value }, at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::exposition::write_number;

    fn is_read(text: &str) -> bool {
        let line = format!("{text}\nx 1\n");
        let expected = parse_number(text.as_bytes());
        let read = number(line.as_bytes());
        let bits = |number: f64| number.to_bits();
        read.is_none_or(|(_, end)| end == text.len())
            && read.map(|(number, _)| bits(number)) == expected.map(bits)
    }

    #[test]
    fn every_spelling_of_a_number_is_read_as_everywhere_else() {
        for text in [
            "0",
            "-0",
            "7",
            "-7",
            "007",
            "1.5",
            "-1.5",
            ".5",
            "5.",
            ".",
            "-",
            "",
            "1.2.3",
            "1e+06",
            "1e-05",
            "1.7639e+09",
            "-1.7639e-09",
            "123456789012345",
            "1234567890123456",
            "0.1",
            "0.30000000000000004",
            "1e+22",
            "1e+23",
            "1e-22",
            "9.99999999999999e+22",
            "1e+100",
            "1e5",
            "1E+05",
            "1e+5",
            "NaN",
            "+Inf",
            "-Inf",
            "5e-324",
            "1.7976931348623157e+308",
            "1e+99",
            "12a",
            "1e",
            "1e+",
            "1e+0x",
        ] {
            assert!(is_read(text), "{text}");
        }
        assert_eq!(number(b"1"), None, "a line has an end");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn what_is_written_is_read(bits in any::<u64>(), whole in any::<i32>(), places in 0..12_i32) {
            for value in [f64::from_bits(bits), f64::from(whole) / 10_f64.powi(places), f64::from(whole)] {
                let mut text = Vec::new();
                write_number(&mut text, value);
                prop_assert!(is_read(&String::from_utf8_lossy(&text)));
            }
        }
    }
}
