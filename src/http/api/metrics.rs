//! The groups as JSON, read back from the exposition that is stored.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crate::exposition::{Kind, SampleLine, is_whole, parse_number, sample_lines, unescape};
use crate::shard::{FamilyView, GroupView, Timestamp};

/// The answer to `/api/v1/metrics`.
pub(super) fn write(groups: &[GroupView]) -> Vec<u8> {
    let data: Vec<Value> = groups.iter().map(group).collect();
    let answer = serde_json::json!({ "status": "success", "data": data });
    answer.to_string().into_bytes()
}

fn group(group: &GroupView) -> Value {
    let mut object = Map::new();
    object.insert("labels".into(), grouping_labels(group));
    object.insert("last_push_successful".into(), (group.pushed > group.failed).into());
    for held in &group.families {
        object.insert(held.name.to_string(), family(held));
    }
    object.into()
}

/// The labels that the push URL named: not the empty instance that every sample shows.
fn grouping_labels(group: &GroupView) -> Value {
    let line = format!("group{{{}}} 0\n", group.key);
    let mut labels = Map::new();
    for sample in sample_lines(line.as_bytes()) {
        labels = sample.labels.iter().map(owned_label).collect();
    }
    if labels.get("instance").is_some_and(|instance| instance == "") && !group.has_empty_instance {
        labels.remove("instance");
    }
    labels.into()
}

fn family(family: &FamilyView) -> Value {
    let mut object = Map::new();
    object.insert("time_stamp".into(), time_stamp(family.pushed).into());
    object.insert("type".into(), family.kind.api().into());
    if let Some(help) = &family.help {
        object.insert("help".into(), unescape(help).into());
    }
    object.insert("metrics".into(), metrics(family).into());
    object.into()
}

fn time_stamp(time: Timestamp) -> String {
    let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(time.nanos());
    humantime::format_rfc3339_nanos(time).to_string()
}

/// One object a series. The lines of a histogram or summary follow one another, its count last.
fn metrics(family: &FamilyView) -> Vec<Value> {
    let mut metrics = Vec::new();
    let Some(part_label) = family.kind.part_label() else {
        metrics.extend(sample_lines(family.text()).map(|sample| {
            let labels: Map<String, Value> = sample.labels.iter().map(owned_label).collect();
            serde_json::json!({ "labels": labels, "value": text(sample.value) })
        }));
        return metrics;
    };
    let is_summary = family.kind == Kind::Summary;
    let parts_key = if is_summary { "quantiles" } else { "buckets" };
    let mut parts = Map::new();
    let mut sum = Value::Null;
    for sample in sample_lines(family.text()) {
        let suffix = &sample.name[family.name.len()..];
        let part = sample.labels.iter().find(|(name, _)| *name == part_label);
        match (suffix, part) {
            ("" | "_bucket", Some((_, bound))) => {
                let value = if is_summary { text(sample.value) } else { count(&sample) };
                parts.insert((*bound).to_owned(), value);
            }
            ("_sum", _) => sum = text(sample.value),
            _ => {
                let labels: Map<String, Value> = sample.labels.iter().map(owned_label).collect();
                metrics.push(serde_json::json!({
                    "labels": labels,
                    parts_key: std::mem::take(&mut parts),
                    "sum": sum.take(),
                    "count": count(&sample),
                }));
            }
        }
    }
    metrics
}

fn owned_label((name, value): &(Cow<'_, str>, &str)) -> (String, Value) {
    (name.to_string(), unescape(value).into())
}

fn text(number: &str) -> Value {
    number.into()
}

/// A count, in full where it is whole.
fn count(sample: &SampleLine<'_>) -> Value {
    match parse_number(sample.value.as_bytes()) {
        Some(value) if is_whole(value) => (value as u64).to_string().into(),
        _ => text(sample.value),
    }
}
