//! A group on its way from the source to the target.

use super::family::Unclear;
use crate::exposition::{NameRules, labels, unescape};
use crate::push::{BatchFamily, GroupingKey, decode_protobuf};
use crate::selector::{Effort, Selector};
use crate::shard::Timestamp;

/// A group on its way.
#[derive(Debug)]
pub struct SourceGroup {
    /// Which one.
    pub key: GroupingKey,
    /// When it was last pushed to.
    pub pushed: Timestamp,
    /// When a push to it was last refused.
    pub failed: Timestamp,
    /// What it holds but for its push times, as delimited protobuf.
    pub body: Vec<u8>,
    /// How many of its histograms have lost their native buckets.
    pub cut: u64,
}

impl SourceGroup {
    /// How many lines a scrape of it has, without its push times. What no gateway would take has none.
    pub fn samples(&self) -> u64 {
        let batch = decode_protobuf(&self.key, &self.body, NameRules::Utf8);
        let samples = |family: &BatchFamily| u64::from(family.samples);
        batch.map_or(0, |batch| batch.families.iter().map(samples).sum())
    }
}

/// A group that cannot be copied, and why.
#[derive(Debug)]
pub(super) enum Lost {
    Named(Box<GroupingKey>, Unclear),
    /// One that the source does not name, as it shows it.
    Nameless(String, Unclear),
}

impl Lost {
    /// The group, for a report.
    pub(super) fn shown(&self) -> String {
        match self {
            Lost::Named(key, _) => key.path(),
            Lost::Nameless(shown, _) => shown.clone(),
        }
    }

    pub(super) fn reason(&self) -> String {
        let (Lost::Named(_, unclear) | Lost::Nameless(_, unclear)) = self;
        unclear.to_string()
    }
}

/// Whether one of the selectors matches the labels of a group, or there are none.
pub(super) fn is_asked_for(key: &GroupingKey, selectors: &[(String, Selector)]) -> bool {
    let labels = labels(key.text());
    let labels: Vec<_> = labels.iter().map(|(name, value)| (&**name, unescape(value))).collect();
    let value_of = |name: &str| {
        let found = labels.iter().find(|(label, _)| *label == name);
        found.map_or("", |(_, value)| &**value)
    };
    let matches = |selector: &Selector| selector.matches(value_of, &mut Effort::unbounded());
    selectors.is_empty() || selectors.iter().any(|(_, selector)| matches(selector).unwrap_or(true))
}
