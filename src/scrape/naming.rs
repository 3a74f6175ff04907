//! How the names in the text of one family are shown.

use std::borrow::Cow;

use super::label_names::LabelNames;

/// How the names in the text of one family are shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Naming<'a> {
    /// The name of the family as stored: what the metric names in its text begin with.
    pub(super) stored: &'a str,
    /// What stands there instead: the name that the family has been given.
    pub(super) shown: &'a str,
    /// The names of its labels.
    pub(super) labels: &'a LabelNames,
}

impl<'a> Naming<'a> {
    /// The names of the family `name` as they are.
    #[cfg(test)]
    pub(super) fn plain(name: &'a str) -> Naming<'a> {
        Naming { stored: name, shown: name, labels: LabelNames::plain() }
    }

    /// Whether all names are shown as they are.
    pub(super) fn is_plain(&self) -> bool {
        self.stored == self.shown && self.labels.is_plain()
    }

    /// What follows the family's name in the metric name of one of its samples.
    pub(super) fn suffix<'n>(&self, sample_name: &'n str) -> &'n str {
        sample_name.strip_prefix(self.stored).unwrap_or_default()
    }

    /// Labels under the names that they are shown under, with their values as they are.
    pub(super) fn labels<'n>(
        &'n self,
        labels: &'n [(Cow<'_, str>, &'n str)],
    ) -> impl Iterator<Item = (&'n str, &'n str)> {
        labels.iter().map(|(name, value)| (self.labels.shown(name), *value))
    }
}
