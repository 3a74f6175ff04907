//! Reads the marks of all groups from the query API, `/api/v1/metrics`.

use std::collections::BTreeMap;

use ahash::AHashMap;
use serde::Deserialize;

use super::exposition::{GroupKey, mark};

#[derive(Deserialize)]
struct Answer {
    data: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    labels: BTreeMap<String, String>,
    loadtest_push_first: Option<Family>,
    loadtest_push_last: Option<Family>,
}

#[derive(Deserialize)]
struct Family {
    metrics: Vec<Metric>,
}

#[derive(Deserialize)]
struct Metric {
    value: Option<String>,
}

/// The marks of the groups that the query API shows.
pub(super) type Marks = AHashMap<GroupKey, [Option<u64>; 2]>;

/// The marks of the first and the last family of every group that has all of `label_names`.
pub(super) fn read(json: &[u8], label_names: &[String]) -> Result<Marks, serde_json::Error> {
    let answer: Answer = serde_json::from_slice(json)?;
    let groups = answer.data.into_iter().filter_map(|group| {
        let key: Option<GroupKey> =
            label_names.iter().map(|name| group.labels.get(name).cloned()).collect();
        let marks = [group.loadtest_push_first, group.loadtest_push_last];
        Some((key?, marks.map(|family| mark(family?.metrics.first()?.value.as_deref()?))))
    });
    Ok(groups.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_and_everything_else_is_passed_over() {
        let json = br#"{"status":"success","data":[{"labels":{"job":"a"},
            "last_push_successful":true,
            "loadtest_push_first":{"time_stamp":"x","type":"GAUGE","help":"h",
                "metrics":[{"labels":{"job":"a"},"value":"1.000000007e+09"}]},
            "other":{"type":"HISTOGRAM","metrics":[{"count":"1","buckets":{"1":"0"}}]}}]}"#;
        let groups = read(json, &["job".to_owned()]).expect("valid");
        let marks = groups.get(&vec!["a".to_owned()]);
        assert_eq!(marks, Some(&[Some(1_000_000_007), None]));
    }
}
