//! What a sum knows of one source.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::aggregate::families::position;
use crate::aggregate::lines::Targets;

/// What a sum knows of one source. A push that changes values alone reads and changes this and nothing else of the source.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) hash: u64,
    pub(super) layout: Arc<Layout>,
    /// The values of all lines that the source pushed last, family by family.
    pub(super) values: Box<[f64]>,
}

/// Where the values of a source count. Sources that push the same series share it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// Sorted by name.
    pub(super) families: Vec<State>,
}

/// Where the values of a family of a source count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    pub(super) name: Arc<str>,
    pub(super) targets: Targets,
    /// Whether its totals are increments, which say nothing about the next push.
    pub(super) is_increment: bool,
    /// Where its values begin among those of the source.
    pub(super) first: usize,
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

/// A family of a layout, without its lines.
const STATE_BYTES: u64 = 48;
/// A line of a layout: where its value counts.
const TARGET_BYTES: u64 = 16;

impl Layout {
    /// Where a family counts that is probably at `expected`.
    pub(super) fn state(&self, name: &str, expected: usize) -> Option<&State> {
        let at = position(&self.families, |state| &state.name, name, expected)?;
        Some(&self.families[at])
    }

    /// How many lines there are.
    pub(super) fn lines(&self) -> usize {
        self.families.last().map_or(0, |last| last.first + last.targets.len())
    }

    /// How much memory it takes.
    pub(super) fn bytes(&self) -> u64 {
        STATE_BYTES * self.families.len() as u64 + TARGET_BYTES * self.lines() as u64
    }
}

/// Those with the same slots are the same, or few.
impl Hash for Layout {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        for state in &self.families {
            hasher.write_usize(state.first);
            state.targets.iter().for_each(|target| hasher.write_u32(target.slot));
        }
    }
}

impl State {
    /// The values of the family, of all values of its source.
    pub(super) fn values<'v>(&self, values: &'v [f64]) -> &'v [f64] {
        &values[self.first..][..self.targets.len()]
    }
}
