//! Rules for groups: what `--rules.file` says about expiry, merging and holding, and what of it applies to one group.
//!
//! This folder is pure. `file` reads the file ([`GroupRules::parse`]), `period` reads its durations, `aggregation` is what an `aggregate` rule says, and `asked` reads what a
//! push asks for in its headers. The shards decide what applies to a group when the group is made and when the rules change.
//!
//! **Invariant:** for each setting, the first rule counts that matches the group and has the setting.

mod aggregation;
mod asked;
mod explain;
mod file;
mod period;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::duration;
use crate::exposition::{labels, unescape};
use crate::selector::{Effort, Selector};

pub use aggregation::{Adding, Aggregation, Counters, FamilyAdding, Gauges, SourceLabels};
pub use asked::{Asked, PushId};
pub use file::RULES_MAX;
pub use period::{EXPIRE_MAX, EXPIRE_MIN};

/// The rules of a file, in its order. Without rules nothing applies to any group.
#[derive(Debug, Default)]
pub struct GroupRules {
    rules: Vec<Rule>,
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// The text of its selector.
    pub text: String,
    selector: Selector,
    says: Settings,
}

/// What a rule says, or what applies to a group.
type Settings = Applied;

/// Which series of the stored group a POST replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// All series of the families that it brings, as in the Pushgateway.
    Family,
    /// Only the series that it brings.
    Series,
}

/// A value, and the rule that says it, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said<T> {
    /// The value.
    pub value: T,
    /// The number of the rule.
    pub rule: u16,
}

/// What applies to a group.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Applied {
    /// How long after its last accepted push the group expires; no time for never.
    pub expire: Option<Said<Option<Duration>>>,
    /// The shortest time that a push may ask for.
    pub expire_min: Option<Said<Duration>>,
    /// The longest time that a push may ask for.
    pub expire_max: Option<Said<Duration>>,
    /// Whether the headers of a push count.
    pub allow_headers: Option<Said<bool>>,
    /// How long an expired group is kept at most for scrapers that have not had it.
    pub hold_until_scraped: Option<Said<Duration>>,
    /// What a POST replaces.
    pub merge: Option<Said<Merge>>,
    /// How the group becomes part of a sum.
    pub aggregate: Option<Said<Arc<Aggregation>>>,
}

impl GroupRules {
    /// What applies to a group of which `value_of` gives the value of a label, empty for none.
    pub fn apply<'a>(&self, value_of: impl Fn(&str) -> &'a str) -> Applied {
        let mut applied = Applied::default();
        for rule in &self.rules {
            let matched = rule.selector.matches(&value_of, &mut Effort::unbounded());
            if matched.expect("nothing bounds the effort") {
                applied.add(&rule.says);
            }
        }
        applied
    }

    /// What applies to the group whose grouping key has this text.
    pub fn apply_to(&self, key: &str) -> Applied {
        if self.rules.is_empty() {
            return Applied::default();
        }
        let labels = labels(key);
        let labels: Vec<(&str, Cow<'_, str>)> =
            labels.iter().map(|(name, value)| (&**name, unescape(value))).collect();
        self.apply(|name| {
            let found = labels.iter().find(|(label, _)| *label == name);
            found.map_or("", |(_, value)| &**value)
        })
    }

    /// Whether any rule makes sums.
    pub fn has_aggregation(&self) -> bool {
        self.rules.iter().any(|rule| rule.says.aggregate.is_some())
    }

    /// What makes a group part of a sum, if anything does. `value_of` gives the value of a label, empty for none.
    pub fn aggregation<'a>(&self, value_of: impl Fn(&str) -> &'a str) -> Option<&Arc<Aggregation>> {
        self.rules.iter().find_map(|rule| {
            let said = rule.says.aggregate.as_ref()?;
            let matched = rule.selector.matches(&value_of, &mut Effort::unbounded());
            matched.expect("nothing bounds the effort").then_some(&said.value)
        })
    }

    /// The rules in the order of the file.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

impl Rule {
    /// The settings of the rule, each as its key and value in the file.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        self.says.settings().into_iter().map(|(key, value, _)| (key, value)).collect()
    }
}

impl Applied {
    /// Takes from a later rule what no earlier rule says.
    fn add(&mut self, rule: &Settings) {
        self.expire = self.expire.or(rule.expire);
        self.expire_min = self.expire_min.or(rule.expire_min);
        self.expire_max = self.expire_max.or(rule.expire_max);
        self.allow_headers = self.allow_headers.or(rule.allow_headers);
        self.hold_until_scraped = self.hold_until_scraped.or(rule.hold_until_scraped);
        self.merge = self.merge.or(rule.merge);
        if self.aggregate.is_none() {
            self.aggregate.clone_from(&rule.aggregate);
        }
    }

    /// How long after its last accepted push the group expires, if it does.
    pub fn lifetime(&self) -> Option<Duration> {
        self.expire.and_then(|said| said.value)
    }

    /// How long an expired group is kept at most for scrapers that have not had it.
    pub fn hold(&self) -> Duration {
        self.hold_until_scraped.map_or(Duration::ZERO, |said| said.value)
    }

    /// What a POST without the header replaces.
    pub fn merge(&self) -> Merge {
        self.merge.map_or(Merge::Family, |said| said.value)
    }

    /// Each setting that applies: its key and value in the file, and the number of the rule.
    pub fn settings(&self) -> Vec<(&'static str, String, u16)> {
        let mut settings = Vec::new();
        let mut add = |key, said: Option<(String, u16)>| {
            settings.extend(said.map(|(value, rule)| (key, value, rule)));
        };
        let time = |said: Option<Said<Duration>>| {
            said.map(|said| (duration::spell(said.value), said.rule))
        };
        add(
            "expire",
            self.expire.map(|said| {
                (said.value.map_or_else(|| period::NEVER.to_owned(), duration::spell), said.rule)
            }),
        );
        add("expire_min", time(self.expire_min));
        add("expire_max", time(self.expire_max));
        add("allow_headers", self.allow_headers.map(|said| (said.value.to_string(), said.rule)));
        add("hold_until_scraped", time(self.hold_until_scraped));
        add("merge", self.merge.map(|said| (said.value.to_string(), said.rule)));
        let aggregate = self.aggregate.as_ref();
        add("aggregate", aggregate.map(|said| (said.value.to_string(), said.rule)));
        settings
    }
}

impl fmt::Display for Merge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Merge::Family => "family",
            Merge::Series => "series",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
rules:
  - match: '{job="keep"}'
    expire: never
  - match: '{job=~"preview-.*",zone="a\"b"}'
    expire: 10m
    allow_headers: true
    expire_max: 1h
  - match: '{job=~"preview-.*"}'
    expire: 24h
    merge: series
    hold_until_scraped: 300
  - match: '{}'
    expire: 168h
    allow_headers: false
"#;

    fn settings(key: &str) -> Vec<String> {
        let rules = GroupRules::parse(FILE.as_bytes()).expect("it is valid");
        let settings = rules.apply_to(key).settings();
        settings.into_iter().map(|(key, value, rule)| format!("{key}={value}@{rule}")).collect()
    }

    #[test]
    fn for_each_setting_the_first_rule_counts_that_matches_and_says_it() {
        assert_eq!(
            settings(r#"instance="",job="preview-1",zone="a\"b""#),
            [
                "expire=10m@2",
                "expire_max=1h@2",
                "allow_headers=true@2",
                "hold_until_scraped=5m@3",
                "merge=series@3"
            ]
        );
        assert_eq!(
            settings(r#"instance="i",job="preview-1""#),
            ["expire=24h@3", "allow_headers=false@4", "hold_until_scraped=5m@3", "merge=series@3"]
        );
        assert_eq!(
            settings(r#"instance="",job="keep""#),
            ["expire=never@1", "allow_headers=false@4"]
        );
        assert_eq!(settings(r#"instance="",job="x""#), ["expire=168h@4", "allow_headers=false@4"]);
    }
}
