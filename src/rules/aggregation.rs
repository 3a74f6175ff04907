//! What an `aggregate` rule says: which labels go, and how the values of its sources are put together.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// How groups become one. Groups that differ only in the labels that go are *sources*; their *sum* is the group of the labels
/// that remain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregation {
    /// Which labels of the grouping key go. The job always remains.
    pub labels: SourceLabels,
    /// How families are added that `families` says nothing about.
    pub adding: Adding,
    /// Whether the sources are shown too.
    pub show_sources: bool,
    /// What differs for families, by name or by prefix followed by `*`. The most specific one counts.
    pub families: BTreeMap<String, FamilyAdding>,
}

/// Which labels tell sources apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceLabels {
    /// These.
    Without(Vec<String>),
    /// All but these and the job.
    By(Vec<String>),
}

/// How the values of the sources of one family are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adding {
    /// Gauges, untyped values and gauge histograms.
    pub gauges: Gauges,
    /// Counters, histograms and summaries.
    pub counters: Counters,
}

/// What differs for a family.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FamilyAdding {
    /// See [`Adding`].
    pub gauges: Option<Gauges>,
    /// See [`Adding`].
    pub counters: Option<Counters>,
}

/// What is shown of the gauges of several sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gauges {
    /// The value that was pushed last.
    Last,
    /// The sum of the values of all sources.
    Sum,
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
}

/// What the values of counters, histograms and summaries mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Counters {
    /// All that the source has counted since it was started. The same push again adds nothing.
    Cumulative,
    /// What the source has counted since its last push. Each push is added, and needs a key that tells a retry.
    Increments,
}

/// The setting as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    without: Option<Vec<String>>,
    by: Option<Vec<String>>,
    gauges: Option<Gauges>,
    counters: Option<Counters>,
    show_sources: Option<bool>,
    families: Option<BTreeMap<String, FamilyAdding>>,
}

/// The setting, once it has been checked.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Written")]
pub(super) struct Checked(pub(super) Aggregation);

impl TryFrom<Written> for Checked {
    type Error = String;

    fn try_from(written: Written) -> Result<Checked, String> {
        let labels = match (written.without, written.by) {
            (Some(labels), None) if labels.is_empty() => {
                return Err("aggregate: `without` names no label; name the labels that tell sources apart, such as [instance]".to_owned());
            }
            (Some(labels), None) if labels.iter().any(|label| label == "job") => {
                return Err("aggregate: `without` names the label \"job\", which every group has; leave it out".to_owned());
            }
            (Some(labels), None) => SourceLabels::Without(labels),
            (None, Some(labels)) => SourceLabels::By(labels),
            _ => {
                return Err("aggregate: expected either `without` (the labels that go) or `by` (the labels that remain)".to_owned());
            }
        };
        let families = written.families.unwrap_or_default();
        for (pattern, adding) in &families {
            let name = pattern.strip_suffix('*').unwrap_or(pattern);
            if name.contains('*') || pattern.is_empty() {
                return Err(format!(
                    "aggregate: the family {pattern:?} is neither a name nor a prefix followed by *"
                ));
            }
            if *adding == FamilyAdding::default() {
                return Err(format!(
                    "aggregate: the family {pattern:?} has neither `gauges` nor `counters`"
                ));
            }
        }
        Ok(Checked(Aggregation {
            labels,
            adding: Adding {
                gauges: written.gauges.unwrap_or(Gauges::Last),
                counters: written.counters.unwrap_or(Counters::Cumulative),
            },
            show_sources: written.show_sources.unwrap_or_default(),
            families,
        }))
    }
}

impl Aggregation {
    /// Whether a label of the grouping key remains in the key of the sum.
    pub fn keeps(&self, label: &str) -> bool {
        label == "job"
            || match &self.labels {
                SourceLabels::Without(labels) => !labels.iter().any(|gone| gone == label),
                SourceLabels::By(labels) => labels.iter().any(|kept| kept == label),
            }
    }

    /// How the values of a family are put together.
    pub fn of_family(&self, name: &str) -> Adding {
        let Adding { mut gauges, mut counters } = self.adding;
        let mut matched: Vec<(usize, &FamilyAdding)> = Vec::new();
        for (pattern, adding) in &self.families {
            match pattern.strip_suffix('*') {
                Some(prefix) if name.starts_with(prefix) => matched.push((prefix.len(), adding)),
                None if name == pattern => matched.push((usize::MAX, adding)),
                _ => {}
            }
        }
        // From the shortest prefix to the name itself.
        matched.sort_by_key(|(len, _)| *len);
        for (_, adding) in matched {
            gauges = adding.gauges.unwrap_or(gauges);
            counters = adding.counters.unwrap_or(counters);
        }
        Adding { gauges, counters }
    }

    /// Whether any family counts increments, so that a push needs a key that tells a retry.
    pub fn needs_push_id(&self) -> bool {
        self.adding.counters == Counters::Increments
            || self.families.values().any(|adding| adding.counters == Some(Counters::Increments))
    }
}

impl fmt::Display for Gauges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Gauges::Last => "last",
            Gauges::Sum => "sum",
            Gauges::Min => "min",
            Gauges::Max => "max",
        })
    }
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Counters::Cumulative => "cumulative",
            Counters::Increments => "increments",
        })
    }
}

impl fmt::Display for Aggregation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, labels) = match &self.labels {
            SourceLabels::Without(labels) => ("without", labels),
            SourceLabels::By(labels) => ("by", labels),
        };
        let Adding { gauges, counters } = self.adding;
        write!(f, "{word} [{}], gauges {gauges}, counters {counters}", labels.join(", "))?;
        if self.show_sources {
            write!(f, ", sources shown")?;
        }
        for (pattern, adding) in &self.families {
            write!(f, ", {pattern}")?;
            let gauges = adding.gauges.map(|gauges| write!(f, " gauges {gauges}"));
            gauges.transpose()?;
            let counters = adding.counters.map(|counters| write!(f, " counters {counters}"));
            counters.transpose()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::GroupRules;

    fn read(text: &str) -> Result<std::sync::Arc<Aggregation>, String> {
        let file = format!("rules:\n  - match: '{{}}'\n    aggregate: {text}\n");
        let rules = GroupRules::parse(file.as_bytes())?;
        Ok(rules.apply(|_| "").aggregate.expect("it says so").value)
    }

    #[test]
    fn labels_go_or_remain_and_the_job_always_remains() {
        let without = read("{ without: [instance, pid] }").expect("it is valid");
        let kept = ["job", "zone", "instance", "pid"].map(|label| without.keeps(label));
        assert_eq!(kept, [true, true, false, false]);
        let by = read("{ by: [zone] }").expect("it is valid");
        assert_eq!(["job", "zone", "instance"].map(|label| by.keeps(label)), [true, true, false]);
        assert!(!by.show_sources && !by.needs_push_id());
        assert_eq!(by.to_string(), "by [zone], gauges last, counters cumulative");
    }

    #[test]
    fn the_most_specific_pattern_counts_for_a_family() {
        let text = "{ without: [pid], gauges: sum, families: { 'queue_*': { gauges: max }, 'queue_new*': { gauges: min }, queue_new_x: { gauges: last, counters: increments }, same: { gauges: min }, 'same*': { gauges: max } } }";
        let read = read(text).expect("it is valid");
        let gauges = ["other", "queue_", "queue_new", "queue_new_x", "queue_new_xy"];
        let gauges = gauges.map(|name| read.of_family(name).gauges);
        assert_eq!(gauges, [Gauges::Sum, Gauges::Max, Gauges::Min, Gauges::Last, Gauges::Min]);
        assert!(read.needs_push_id());
        assert_eq!(read.of_family("queue_new_x").counters, Counters::Increments);
        assert_eq!(read.of_family("same").gauges, Gauges::Min, "the name before its prefix");
    }

    #[test]
    fn mistakes_are_named() {
        for (text, named) in [
            ("{}", "either `without`"),
            ("{ without: [a], by: [b] }", "either `without`"),
            ("{ without: [] }", "names no label"),
            ("{ without: [job] }", "\"job\""),
            ("{ without: [a], gauges: mean }", "mean"),
            ("{ without: [a], counters: deltas }", "deltas"),
            ("{ without: [a], show: true }", "show"),
            ("{ without: [a], families: { 'a*b': { gauges: sum } } }", "\"a*b\""),
            ("{ without: [a], families: { ab: {} } }", "neither"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.starts_with("line ") && error.contains(named), "{text}: {error}");
        }
    }
}
