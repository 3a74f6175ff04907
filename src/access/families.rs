//! Rules of the policy about metric families: which jobs may push a family, and as which type.
//!
//! A name has one type in the whole gateway. Without a rule, a tenant that pushes `node_load1` as a histogram first keeps the
//! gauges of all others out.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::rights::Names;
use crate::exposition::Kind;

/// The rules, by the families that they are for. All rules that are for a family count.
pub type FamilyRules = BTreeMap<Names, FamilyRule>;

/// What may be pushed of some families; everything where nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FamilyRule {
    /// Only these jobs may push them.
    pub jobs: Option<Vec<Names>>,
    /// They have this type.
    #[serde(rename = "type")]
    pub kind: Option<Type>,
}

/// A type of metric families, as a `TYPE` line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Type(Kind);

impl TryFrom<String> for Type {
    type Error = String;

    fn try_from(word: String) -> Result<Type, String> {
        let kind = Kind::parse(word.as_bytes()).map(Type);
        kind.ok_or_else(|| {
            format!(
                "{word:?} is no type: counter, gauge, histogram, summary, untyped or gaugehistogram"
            )
        })
    }
}

/// Why a family may not be pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reserved {
    ForOtherJobs,
    /// This name has another type.
    As(String, Kind),
}

/// Whether a job may push a family of this name and kind. A histogram or summary must also fit the rules for the names that its
/// samples take.
pub(super) fn check(
    rules: &FamilyRules,
    job: &str,
    name: &str,
    kind: Kind,
) -> Result<(), Reserved> {
    for (families, rule) in rules {
        let suffixes = kind.occupied_suffixes();
        let mut taken = suffixes.iter().map(|suffix| format!("{name}{suffix}"));
        let taken = taken.find(|taken| families.include(taken));
        if taken.is_none() && !families.include(name) {
            continue;
        }
        if rule.jobs.as_ref().is_some_and(|jobs| !jobs.iter().any(|jobs| jobs.include(job))) {
            return Err(Reserved::ForOtherJobs);
        }
        let Some(Type(reserved)) = rule.kind else { continue };
        if families.include(name) && reserved != kind {
            return Err(Reserved::As(name.to_owned(), reserved));
        }
        if let Some(taken) = taken.filter(|_| !families.include(name)) {
            return Err(Reserved::As(taken, reserved));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::policy::parse;
    use super::*;

    #[test]
    fn each_rule_that_is_for_a_family_counts() {
        let text = "
families:
  'node_*': { jobs: [node, 'node-*'] }
  node_load1: { type: gauge }
  queue_count: { type: counter }
  free: {}
";
        let rules = parse(text.as_bytes()).expect("it is valid").families;
        let check = |job: &str, name: &str, kind| check(&rules, job, name, kind);
        assert_eq!(check("node-1", "node_load1", Kind::Gauge), Ok(()));
        assert_eq!(check("other", "node_load1", Kind::Gauge), Err(Reserved::ForOtherJobs));
        assert_eq!(
            check("other", "node", Kind::Histogram),
            Err(Reserved::ForOtherJobs),
            "node_sum"
        );
        assert_eq!(check("other", "node", Kind::Gauge), Ok(()));
        for kind in [Kind::Histogram, Kind::Untyped, Kind::Counter] {
            let reserved = Reserved::As("node_load1".to_owned(), Kind::Gauge);
            assert_eq!(check("node", "node_load1", kind), Err(reserved), "{kind:?}");
        }
        let reserved = Reserved::As("queue_count".to_owned(), Kind::Counter);
        assert_eq!(check("a", "queue", Kind::Summary), Err(reserved));
        assert_eq!(check("a", "queue_count", Kind::Counter), Ok(()));
        assert_eq!(check("a", "free", Kind::Histogram), Ok(()));
        assert_eq!(check("a", "anything", Kind::Histogram), Ok(()));
    }
}
