//! Everything that a gateway shows of what was pushed, made so that two of them can be compared.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::formats::without_own;
use crate::persistence::Process;

/// What was asked for, and what was shown.
pub(crate) type Shown = BTreeMap<String, Vec<String>>;

/// Each format in each escaping, and the API. What may come in any order is sorted.
pub(crate) fn shown(gateway: &Process) -> Shown {
    let mut shown = Shown::new();
    for format in [
        "text/plain; version=0.0.4",
        "application/openmetrics-text; version=1.0.0",
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
    ] {
        for escaping in ["allow-utf-8", "underscores", "dots", "values"] {
            let accept = format!("accept: {format}; escaping={escaping}");
            let answer = gateway.send("GET", "/metrics", &[&accept], b"");
            assert_eq!(answer.status, 200, "{accept}: {answer:?}");
            let content_type = answer.header("content-type").unwrap();
            assert!(content_type.starts_with(format.split(';').next().unwrap()), "{content_type}");
            let mut parts = match format.contains("protobuf") {
                true => families(&answer.body),
                false => without_own(answer.text()).into_iter().map(str::to_owned).collect(),
            };
            parts.sort();
            shown.insert(accept, parts);
        }
    }
    let answer = gateway.get("/api/v1/metrics");
    let mut json: Value = serde_json::from_slice(&answer.body).unwrap();
    sort(&mut json);
    let groups = json["data"].as_array().unwrap();
    shown.insert("api".to_owned(), groups.iter().map(Value::to_string).collect());
    shown
}

/// Fails with the first lines that only one of two has.
pub(crate) fn assert_same(before: &Shown, after: &Shown) {
    for (asked, before) in before {
        let after = &after[asked];
        let gone: Vec<_> = before.iter().filter(|part| !after.contains(part)).take(3).collect();
        let new: Vec<_> = after.iter().filter(|part| !before.contains(part)).take(3).collect();
        assert!(before == after, "{asked}: gone {gone:#?}, new {new:#?}");
    }
}

fn sort(json: &mut Value) {
    match json {
        Value::Array(values) => {
            values.iter_mut().for_each(sort);
            values.sort_by_cached_key(Value::to_string);
        }
        Value::Object(values) => values.values_mut().for_each(sort),
        _ => {}
    }
}

/// The families of delimited protobuf that were pushed, byte for byte, the metrics of each sorted.
fn families(mut rest: &[u8]) -> Vec<String> {
    let mut families = Vec::new();
    while !rest.is_empty() {
        let length = varint(&mut rest);
        let mut message = rest.split_off(..length).unwrap();
        let (mut about, mut metrics, mut name) = (Vec::new(), Vec::new(), "");
        while let [key, ..] = *message {
            let field = message;
            message = &message[1..];
            let number = varint(&mut message);
            // All but the type is text or a message, behind its length.
            let content = message.split_off(..if key & 7 == 2 { number } else { 0 }).unwrap();
            let field = field[..field.len() - message.len()].escape_ascii().to_string();
            match key >> 3 {
                4 => metrics.push(field),
                _ => about.push(field),
            }
            if key >> 3 == 1 {
                name = std::str::from_utf8(content).unwrap();
            }
        }
        metrics.sort();
        if !without_own(name).is_empty() {
            families.push(format!("{} {}", about.concat(), metrics.join("\n")));
        }
    }
    families
}

fn varint(rest: &mut &[u8]) -> usize {
    let end = rest.iter().position(|byte| *byte < 0x80).unwrap();
    let bytes = rest.split_off(..=end).unwrap();
    bytes.iter().rev().fold(0, |number, byte| number << 7 | usize::from(byte & 0x7f))
}
