//! The lines of a source: their values, and where each counts.

use std::sync::Arc;

use memchr::{memchr_iter, memrchr};

use crate::aggregate::series::Numbers;
use crate::exposition::{SampleLine, parse_number, sample_lines};

/// Where the value of a line of a source counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) slot: u32,
    /// The line of the series; or [`Target::LEFT_OUT`].
    pub(super) line: u32,
    /// How long the line is up to its value, without the labels that go: those are as long in all lines of a source.
    pub(super) opening: u32,
    /// Whether it is the sum of a histogram or summary.
    pub(super) is_sum: bool,
}

impl Target {
    /// A quantile: quantiles of several sources cannot be put together.
    pub(super) const LEFT_OUT: u32 = u32::MAX;
}

/// Where the values of all lines of a source count, in the order of its text.
pub(super) type Targets = Arc<[Target]>;

/// The values of one series of a source.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) slot: u32,
    pub(super) values: Numbers,
}

/// The values of all lines of a text. What is no number counts as NaN.
pub(super) fn numbers(text: &[u8]) -> impl Iterator<Item = f64> {
    lines_of(text).map(|line| parse_number(&line[opening(line).len()..]).unwrap_or(f64::NAN))
}

/// The values of a source, series by series, and how many of them are left out.
pub(super) fn runs(targets: &[Target], values: &[f64]) -> (Vec<Run>, u64) {
    let (mut runs, mut left_out) = (Vec::<Run>::new(), 0);
    for (value, target) in values.iter().zip(targets) {
        if target.line == Target::LEFT_OUT {
            left_out += 1;
            continue;
        }
        match runs.last_mut() {
            Some(run) if run.slot == target.slot && target.line > 0 => run.values.push(*value),
            _ => runs.push(Run { slot: target.slot, values: Numbers::from_slice(&[*value]) }),
        }
    }
    (runs, left_out)
}

/// The lines of a text, without their ends.
pub(super) fn lines_of(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    memchr_iter(b'\n', text).map(move |end| &text[std::mem::replace(&mut start, end + 1)..end])
}

/// Reads the name and the labels of a line, of which this is all up to its value.
pub(super) fn with_sample<T>(opening: &[u8], read: impl FnOnce(&SampleLine<'_>) -> T) -> Option<T> {
    let line = [opening, &b"0\n"[..]].concat();
    sample_lines(&line).next().map(|sample| read(&sample))
}

/// What stands before the value of a line, with the blank.
pub(super) fn opening(line: &[u8]) -> &[u8] {
    &line[..memrchr(b' ', line).map_or(0, |blank| blank + 1)]
}
