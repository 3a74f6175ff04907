//! The families of a sum, sorted by name.

use std::sync::Arc;

use crate::aggregate::family::Family;

/// The families. Whoever goes through names in order finds each where it expects it.
#[derive(Debug, Default)]
pub(super) struct Families(Vec<(Arc<str>, Family)>);

impl Families {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Family)> + Clone {
        self.0.iter().map(|(name, family)| (name, family))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&Arc<str>, &mut Family)> {
        self.0.iter_mut().map(|(name, family)| (&*name, family))
    }

    /// Where a family is that is probably at `expected`.
    pub(super) fn position(&self, name: &str, expected: usize) -> Option<usize> {
        position(&self.0, |(name, _)| name, name, expected)
    }

    /// The family at a place that [`Families::position`] has answered.
    pub(super) fn at(&mut self, position: usize) -> &mut Family {
        &mut self.0[position].1
    }

    pub(super) fn get(&self, name: &str) -> Option<(&Arc<str>, &Family)> {
        let (name, family) = &self.0[self.find(name).ok()?];
        Some((name, family))
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Family> {
        let at = self.find(name).ok()?;
        Some(&mut self.0[at].1)
    }

    /// Adds a family, or replaces the one of the name.
    pub(super) fn insert(&mut self, name: Arc<str>, family: Family) {
        match self.find(&name) {
            Ok(at) => self.0[at].1 = family,
            Err(at) => self.0.insert(at, (name, family)),
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        if let Ok(at) = self.find(name) {
            self.0.remove(at);
        }
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(there, _)| (**there).cmp(name))
    }
}

/// Where a name is in a list that is sorted by name. It is probably at `expected`.
pub fn position<'n, T>(
    list: &'n [T],
    name_of: impl Fn(&'n T) -> &'n str,
    name: &str,
    expected: usize,
) -> Option<usize> {
    match list.get(expected) {
        Some(there) if name_of(there) == name => Some(expected),
        _ => list.binary_search_by(|one| name_of(one).cmp(name)).ok(),
    }
}
