//! What a sum knows of one source.

use std::sync::Arc;

use crate::aggregate::families::position;
use crate::aggregate::family::Targets;

/// What a sum knows of one source.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) number: u32,
    pub(super) hash: u64,
    /// Sorted by name.
    pub(super) families: Vec<(Arc<str>, State)>,
}

/// Where the values of a family of a source count.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) targets: Targets,
    /// Whether its totals are increments, which say nothing about the next push.
    pub(super) is_increment: bool,
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

impl Source {
    pub(super) fn state(&self, name: &str) -> Option<&State> {
        let found = self.families.binary_search_by(|(family, _)| (**family).cmp(name));
        found.ok().map(|at| &self.families[at].1)
    }

    /// Where a family counts that is probably at `expected`.
    pub(super) fn state_at(&self, name: &str, expected: usize) -> Option<&State> {
        let at = position(&self.families, |(name, _)| name, name, expected)?;
        Some(&self.families[at].1)
    }

    pub(super) fn set_state(&mut self, name: &Arc<str>, state: Option<State>) {
        match (self.families.binary_search_by(|(family, _)| family.cmp(name)), state) {
            (Ok(at), Some(state)) => self.families[at].1 = state,
            (Ok(at), None) => drop(self.families.remove(at)),
            (Err(at), Some(state)) => self.families.insert(at, (Arc::clone(name), state)),
            (Err(_), None) => {}
        }
    }
}
