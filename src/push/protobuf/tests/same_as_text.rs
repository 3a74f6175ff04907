//! The same content, pushed as text and as protobuf.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;

use super::encode::*;
use super::key;
use crate::exposition::NameRules;
use crate::push::{Batch, Rejected, decode, decode_protobuf};

type Labels = BTreeMap<&'static str, String>;

/// A family as both formats can say it.
#[derive(Debug, Clone)]
struct Model {
    name: &'static str,
    help: Option<String>,
    kind: u64,
    metrics: BTreeMap<Labels, Value>,
}

#[derive(Debug, Clone)]
struct Value {
    value: f64,
    count: u64,
    parts: Vec<(f64, u64)>,
}

const KINDS: [&str; 6] = ["counter", "gauge", "summary", "untyped", "histogram", "gaugehistogram"];

impl Model {
    fn text(&self) -> String {
        let name = self.name;
        let mut out = String::new();
        if let Some(help) = &self.help {
            out += &format!("# HELP {name} {}\n", escape(help));
        }
        out += &format!("# TYPE {name} {}\n", KINDS[self.kind as usize]);
        for (labels, metric) in &self.metrics {
            let Value { value, count, parts } = metric;
            let with = |extra: &str| braced(labels, extra);
            let (suffix, part) = match self.kind {
                SUMMARY => ("", "quantile"),
                HISTOGRAM | GAUGE_HISTOGRAM => ("_bucket", "le"),
                _ => {
                    out += &format!("{name}{} {value}\n", with(""));
                    continue;
                }
            };
            for (bound, count) in parts {
                out += &format!("{name}{suffix}{} {count}\n", with(&format!("{part}=\"{bound}\"")));
            }
            out += &format!("{name}_sum{} {value}\n{name}_count{} {count}\n", with(""), with(""));
        }
        out
    }

    fn protobuf(&self) -> Vec<u8> {
        let metrics = self.metrics.iter().map(|(labels, metric)| self.metric(labels, metric));
        let help = self.help.iter().map(|help| bytes(2, help));
        let fields = [bytes(1, self.name), uint(3, self.kind)];
        delimited(fields.into_iter().chain(help).chain(metrics).collect::<Vec<_>>().concat())
    }

    fn metric(&self, labels: &Labels, metric: &Value) -> Vec<u8> {
        let Value { value, count, parts } = metric;
        let folded = |part: fn(f64, u64) -> Vec<u8>| {
            let parts = parts.iter().map(|(bound, count)| part(*bound, *count));
            [uint(1, *count), double(2, *value)].into_iter().chain(parts).collect::<Vec<_>>()
        };
        let value = match self.kind {
            COUNTER => counter(*value),
            GAUGE => gauge(*value),
            UNTYPED => untyped(*value),
            SUMMARY => summary(&folded(|bound, count| quantile(bound, count as f64))),
            _ => histogram(&folded(bucket)),
        };
        // Their order does not matter.
        let labels = labels.iter().rev().map(|(name, value)| label(name, value));
        let fields: Vec<_> = std::iter::once(value).chain(labels).collect();
        super::encode::metric(&fields)
    }
}

fn braced(labels: &Labels, extra: &str) -> String {
    let own = labels
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", escape(value).replace('"', "\\\"")));
    let all: Vec<_> = own.chain((!extra.is_empty()).then(|| extra.to_owned())).collect();
    format!("{{{}}}", all.join(","))
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

fn models() -> impl Strategy<Value = Vec<Model>> {
    let names = vec!["m", "a", "z:z", "h", "s", "push_time_seconds"];
    let count = prop_oneof![0..20_u64, any::<u64>()];
    let bound = prop_oneof![select(vec![0.0, -0.0, 0.5, 1.0, 2.0, f64::INFINITY]), -1e9..1e9];
    let value =
        prop_oneof![any::<f64>(), select(vec![0.0, -0.0, f64::NAN, 1e6, f64::NEG_INFINITY])];
    let value = (value, count.clone(), vec((bound, count), 0..5))
        .prop_map(|(value, count, parts)| Value { value, count, parts });
    let labels =
        btree_map(select(vec!["a", "b", "job", "instance", "z"]), "[ab\\\\\"\né]{0,3}", 0..4);
    let family =
        (0..6_u64, prop::option::of("[a-z\\\\\"\né]{1,6}"), btree_map(labels, value, 0..4));
    let names = prop::sample::subsequence(names, 0..6).prop_shuffle();
    (names, vec(family, 6)).prop_map(|(names, families)| {
        let model = |(name, (kind, help, metrics))| Model { name, help, kind, metrics };
        names.into_iter().zip(families).map(model).collect()
    })
}

/// All there is to a decoded push.
fn shown(result: &Result<Batch, Rejected>) -> String {
    match result {
        Err(rejected) => format!("{rejected:?}"),
        Ok(batch) => {
            let family = |family| {
                let text = String::from_utf8_lossy(batch.text(family));
                (
                    batch.name(family),
                    batch.help(family),
                    text,
                    batch.series(family),
                    batch.native(family),
                )
            };
            let kinds: Vec<_> =
                batch.families.iter().map(|family| (family.kind, family.samples)).collect();
            format!("{kinds:?} {:?}", batch.families.iter().map(family).collect::<Vec<_>>())
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_pushed_as_protobuf_is_what_its_text_would_be(
        models in models(),
        path in select(vec!["/j", "/j/instance/i", "/j/a/1/zone/z", "/j/instance@base64/=", "/j/le/1"]),
    ) {
        let text: String = models.iter().map(Model::text).collect();
        let protobuf: Vec<u8> = models.iter().map(Model::protobuf).collect::<Vec<_>>().concat();
        let text = decode(&key(path), text.as_bytes(), NameRules::Legacy);
        let protobuf = decode_protobuf(&key(path), &protobuf, NameRules::Legacy);
        prop_assert_eq!(shown(&text), shown(&protobuf));
    }
}
