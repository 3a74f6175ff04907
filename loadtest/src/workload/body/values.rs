//! Where the values stand in a body, and how to change them in place.
//!
//! A push must carry new values, or a gateway could answer from what it has; it must not allocate,
//! or the tester measures itself. So a body is built once, and each push overwrites some digits of
//! it. The length stays, and so does the form: a value written the way Go prints it (`1007`,
//! `42.731`, `1.34217728e+08`) still is, since a gateway may well be quicker at those.

use std::ops::Range;

use super::{ADDED_FAMILY, FIRST_MARK, MARK_FAMILIES};
use crate::workload::Rng;

/// Every place of one body that changes from push to push.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    runs: Vec<Run>,
    ladders: Vec<Ladder>,
    /// Doubles of a protobuf body, and whether they are whole numbers.
    doubles: Vec<(u32, bool)>,
    marks: Vec<Mark>,
}

/// Where the number of a push stands that only it has, if it has one.
#[derive(Clone, Copy, Debug)]
enum Mark {
    Digits(u32),
    Double(u32),
}

/// Consecutive digits that may be any, except that a fraction does not end in 0.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Run {
    at: u32,
    digits: u8,
    ends_fraction: bool,
}

/// The buckets and the count of one histogram, which must keep rising: all move by the same step.
#[derive(Clone, Debug)]
struct Ladder {
    rungs: Vec<Rung>,
    /// No rung loses a digit while the step down is at most this.
    step_max: u64,
}

#[derive(Clone, Copy, Debug)]
struct Rung {
    at: u32,
    digits: u8,
    value: u64,
}

/// One random number gives at most so many digits.
const RUN_DIGITS_MAX: usize = size_of::<u64>();
const MARK_DIGITS: usize = 10;

impl Values {
    /// The values of a protobuf body: doubles at these places. One that holds the first mark is
    /// the place of one.
    pub(super) fn doubles(places: &[(usize, f64)]) -> Self {
        let mut values = Self::default();
        for &(at, value) in places {
            let at = place(at);
            if value == FIRST_MARK as f64 {
                values.marks.push(Mark::Double(at));
            } else {
                values.doubles.push((at, value.fract() == 0.0));
            }
        }
        values
    }

    /// Finds the values of the exposition text `body`.
    pub(crate) fn find(body: &[u8]) -> Self {
        Self::find_with(body, false)
    }

    /// The same in a body in which every first mark is the place of one.
    pub(super) fn find_marked(body: &[u8]) -> Self {
        Self::find_with(body, true)
    }

    fn find_with(body: &[u8], marked: bool) -> Self {
        let first_mark = FIRST_MARK.to_string();
        let is_mark = |value: &[u8]| marked && value == first_mark.as_bytes();
        let mut values = Self::default();
        let mut ladder: Option<Ladder> = None;
        let mut histogram: &[u8] = b"";
        let mut line_at = 0;
        for line in body.split_inclusive(|&b| b == b'\n') {
            if let Some(name) = histogram_type(line) {
                histogram = name;
            } else if let Some(value) = value_of(line) {
                let at = line_at + value.start..line_at + value.end;
                match role(line, histogram) {
                    Role::Mark => values.marks.push(Mark::Digits(place(at.start))),
                    Role::Bucket => ladder.get_or_insert_default().add(body, at),
                    Role::Count => {
                        let mut done = ladder.take().unwrap_or_default();
                        done.add(body, at);
                        values.ladders.extend(done.finished());
                    }
                    Role::Plain if is_mark(&body[at.clone()]) => {
                        values.marks.push(Mark::Digits(place(at.start)));
                    }
                    Role::Plain => values.add_runs(body, at),
                }
            }
            line_at += line.len();
        }
        values
    }

    /// Gives every value of `body` new digits.
    pub(crate) fn change(&self, body: &mut [u8], rng: &mut Rng) {
        for run in &self.runs {
            let digits = &mut body[run.at as usize..][..usize::from(run.digits)];
            // A byte for each digit: they do not wait for each other, as remainders by ten would.
            let random = rng.next().to_le_bytes();
            for (digit, byte) in digits.iter_mut().zip(random) {
                *digit = b'0' + scaled(byte, 10);
            }
            if let (true, Some(last)) = (run.ends_fraction, digits.last_mut()) {
                *last = b'1' + (*last - b'0').min(8);
            }
        }
        for &(at, is_whole) in &self.doubles {
            let thousandths = rng.below(1_000_000_000);
            let value = if is_whole { thousandths / 1000 } else { thousandths };
            write_double(body, at, value as f64 / if is_whole { 1.0 } else { 1000.0 });
        }
        for ladder in &self.ladders {
            let step = rng.below(ladder.step_max + 1);
            for rung in &ladder.rungs {
                let mut value = rung.value - step;
                let at = rung.at as usize;
                for digit in body[at..at + usize::from(rung.digits)].iter_mut().rev() {
                    *digit = b'0' + (value % 10) as u8;
                    value /= 10;
                }
            }
        }
    }

    /// Writes the mark of one push, of ten digits; a body without marks stays as it is.
    pub(crate) fn mark(&self, body: &mut [u8], mark: u64) {
        for place in &self.marks {
            match *place {
                Mark::Digits(at) => {
                    let mut rest = mark;
                    for digit in body[at as usize..][..MARK_DIGITS].iter_mut().rev() {
                        *digit = b'0' + (rest % 10) as u8;
                        rest /= 10;
                    }
                }
                Mark::Double(at) => write_double(body, at, mark as f64),
            }
        }
    }

    /// Splits one value into its runs of free digits: the first digit stays (so that no zero comes
    /// to lead), unless it is the only one.
    fn add_runs(&mut self, body: &[u8], value: Range<usize>) {
        let text = &body[value.clone()];
        let mantissa_digits =
            text.iter().position(|b| matches!(b, b'e' | b'E')).unwrap_or(text.len());
        if !text[..mantissa_digits].iter().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'.')) {
            return;
        }
        if mantissa_digits == 1 && text.len() == 1 {
            self.add_run(value.start, 1, false);
            return;
        }
        let Some(first) = text.iter().position(|b| (b'1'..=b'9').contains(b)) else {
            return;
        };
        let mut at = first + 1;
        while at < mantissa_digits {
            let digits = text[at..mantissa_digits]
                .iter()
                .take(RUN_DIGITS_MAX)
                .take_while(|b| b.is_ascii_digit())
                .count();
            if digits > 0 {
                let end = at + digits;
                let ends_fraction = end == mantissa_digits && text[..at].contains(&b'.');
                self.add_run(value.start + at, digits, ends_fraction);
            }
            at += digits.max(1);
        }
    }

    fn add_run(&mut self, at: usize, digits: usize, ends_fraction: bool) {
        self.runs.push(Run {
            at: place(at),
            digits: u8::try_from(digits).expect("a run has at most 8 digits"),
            ends_fraction,
        });
    }
}

impl Default for Ladder {
    fn default() -> Self {
        Self { rungs: Vec::new(), step_max: u64::MAX }
    }
}

impl Ladder {
    fn add(&mut self, body: &[u8], value: Range<usize>) {
        let parsed = str::from_utf8(&body[value.clone()]).ok().and_then(|t| t.parse::<u64>().ok());
        let (Some(number), Ok(digits)) = (parsed, u8::try_from(value.len())) else {
            self.step_max = 0;
            return;
        };
        let smallest = if digits == 1 { 0 } else { 10_u64.pow(u32::from(digits) - 1) };
        self.step_max = self.step_max.min(number.saturating_sub(smallest));
        self.rungs.push(Rung { at: place(value.start), digits, value: number });
    }

    fn finished(self) -> Option<Self> {
        (self.step_max > 0 && !self.rungs.is_empty()).then_some(self)
    }
}

/// A number below `bound`, nearly uniform.
const fn scaled(byte: u8, bound: u8) -> u8 {
    ((byte as u16 * bound as u16) >> 8) as u8
}

fn place(at: usize) -> u32 {
    u32::try_from(at).expect("a body is smaller than 4 GiB")
}

fn write_double(body: &mut [u8], at: u32, value: f64) {
    body[at as usize..][..size_of::<f64>()].copy_from_slice(&value.to_le_bytes());
}

pub(super) enum Role {
    Mark,
    Bucket,
    Count,
    Plain,
}

pub(super) fn role(line: &[u8], histogram: &[u8]) -> Role {
    let mut marks = MARK_FAMILIES.iter().chain([&ADDED_FAMILY]);
    if marks.any(|family| line.starts_with(family.as_bytes())) {
        return Role::Mark;
    }
    match line.strip_prefix(histogram) {
        Some(rest) if !histogram.is_empty() && rest.starts_with(b"_bucket") => Role::Bucket,
        Some(rest) if !histogram.is_empty() && rest.starts_with(b"_count") => Role::Count,
        _ => Role::Plain,
    }
}

/// The name in a line `# TYPE name histogram`; the empty name for a TYPE line of another kind.
pub(super) fn histogram_type(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"# TYPE ")?;
    let blank = memchr::memchr(b' ', rest)?;
    let (name, kind) = rest.split_at(blank);
    Some(if kind.trim_ascii() == b"histogram" { name } else { b"" })
}

/// Where the value stands in a sample line, none in comments and empty lines.
pub(super) fn value_of(line: &[u8]) -> Option<Range<usize>> {
    let end = line.trim_ascii_end().len();
    if line.starts_with(b"#") {
        return None;
    }
    let blank = memchr::memrchr(b' ', &line[..end])?;
    Some(blank + 1..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(body: &str, seed: u64) -> String {
        let mut bytes = body.as_bytes().to_vec();
        Values::find(body.as_bytes()).change(&mut bytes, &mut Rng::new(seed, 0));
        String::from_utf8(bytes).expect("digits replace digits")
    }

    #[test]
    fn every_value_changes_and_keeps_its_form() {
        let body =
            "# HELP a 1\n# TYPE a gauge\na 42.731\nb{x=\"12 3\"} 1.34217728e+08\nc 1007\nd 0\n";
        for seed in 0..200 {
            let now = changed(body, seed);
            assert_eq!(now.len(), body.len());
            for (old, new) in body.lines().zip(now.lines()) {
                let (old_name, old_value) = old.rsplit_once(' ').expect("a sample");
                let (name, value) = new.rsplit_once(' ').expect("a sample");
                assert_eq!(old_name, name);
                assert_eq!(old_value.len(), value.len());
                let mantissa = value.split('e').next().expect("a mantissa");
                assert!(!(mantissa.contains('.') && mantissa.ends_with('0')), "{value}");
                assert!(value.len() == 1 || !value.starts_with('0'), "{value}");
            }
        }
        assert_ne!(changed(body, 1), changed(body, 2));
    }

    #[test]
    fn a_histogram_keeps_rising() {
        let body = "# TYPE h histogram\nh_bucket{le=\"1\"} 3\nh_bucket{le=\"5\"} 9\n\
                    h_bucket{le=\"+Inf\"} 21\nh_sum 31.9\nh_count 21\n";
        let mut distinct = std::collections::HashSet::new();
        for seed in 0..50 {
            let now = changed(body, seed);
            let counts: Vec<u64> = now
                .lines()
                .filter(|l| l.starts_with("h_bucket") || l.starts_with("h_count"))
                .map(|l| l.rsplit(' ').next().and_then(|v| v.parse().ok()).expect("a count"))
                .collect();
            assert!(counts.is_sorted(), "{now}");
            assert_eq!(counts[2], counts[3], "+Inf is the count");
            distinct.insert(counts);
        }
        assert_eq!(distinct.len(), 4, "3 can fall to 2, 1 and 0 without losing a digit");
    }

    #[test]
    fn special_values_stay() {
        for body in ["a NaN\n", "a +Inf\n", "a -Inf\n", "a 1e+06\n"] {
            assert_eq!(changed(body, 3), body);
        }
    }
}
