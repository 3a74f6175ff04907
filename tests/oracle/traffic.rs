//! Pushes and deletes over a few groups and names, so that conflicts of every sort are common.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use shardgate::shard::Mode;

use crate::oracle::key::Key;

/// The labels that samples bring. The first three are the same in some groups, and some of the others
/// are what other groups add.
const LABELS: &[&str] = &[
    "",
    r#"instance="""#,
    r#"instance="i",job="a""#,
    r#"instance="i""#,
    r#"x="1""#,
    r#"x="""#,
    r#"instance="i",x="1""#,
    r#"y="1""#,
];

/// One request.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    Push { key: Key, mode: Mode, body: String },
    Delete { key: Key },
    Wipe,
}

pub(crate) fn request() -> impl Strategy<Value = Request> {
    let mode = select(&[Mode::Replace, Mode::Add][..]);
    let push =
        (key(), mode, body()).prop_map(|(key, mode, body)| Request::Push { key, mode, body });
    prop_oneof![
        30 => push,
        4 => key().prop_map(|key| Request::Delete { key }),
        1 => Just(Request::Wipe),
    ]
}

fn key() -> impl Strategy<Value = Key> {
    let labels: &[&[(&str, &str)]] = &[
        &[],
        &[],
        &[],
        &[("instance", "")],
        &[("instance", "i")],
        &[("instance", "i")],
        &[("x", "1")],
        &[("x", "1")],
        &[("x", "")],
        &[("instance", "i"), ("x", "1")],
        &[("le", "1")],
    ];
    let job = select(&["a", "a", "a", "b"][..]);
    let key = |(labels, job): (&[(&str, &str)], _)| {
        Key::new(labels.iter().copied().chain([("job", job)]))
    };
    (select(labels.to_vec()), job).prop_map(key)
}

fn body() -> impl Strategy<Value = String> {
    let series = subsequence(LABELS, 1..4).prop_map(|samples| {
        let lines = samples.iter().map(|labels| format!("m{{{labels}}} 1\n"));
        lines.collect()
    });
    let families = vec(prop_oneof![3 => plain(), 2 => folded()], 0..4);
    prop_oneof![1 => series, 1 => families.prop_map(|families| families.concat())]
}

fn plain() -> impl Strategy<Value = String> {
    let names = [
        "m",
        "m",
        "m",
        "m",
        "m",
        "n",
        "h",
        "h_count",
        "h_sum",
        "h_bucket",
        "own",
        "own_wait_sum",
        "own_rare_total",
        "push_time_seconds",
    ];
    let kind = select(&["", "", "", "", "", "counter", "gauge"][..]);
    let samples = subsequence(LABELS, 1..4);
    (select(names.to_vec()), kind, help(), samples, 0..3_u8).prop_map(
        |(name, kind, help, samples, value)| {
            let mut text = head(name, kind, help);
            for labels in samples {
                text += &format!("{name}{{{labels}}} {value}\n");
            }
            text
        },
    )
}

fn folded() -> impl Strategy<Value = String> {
    let names = ["h", "h", "h_count", "own_wait", "n"];
    let kind = select(&["histogram", "histogram", "summary", "gaugehistogram"][..]);
    (select(names.to_vec()), kind, help(), select(LABELS), 0..3_u8).prop_map(
        |(name, kind, help, labels, value)| {
            let part = match (kind, labels) {
                ("summary", _) => format!("{name}{{quantile=\"0.5\",{labels}}} 7\n"),
                _ => format!("{name}_bucket{{le=\"1\",{labels}}} {value}\n"),
            };
            head(name, kind, help) + &part + &format!("{name}_count{{{labels}}} {value}\n")
        },
    )
}

fn head(name: &str, kind: &str, help: &str) -> String {
    let help = if help.is_empty() { String::new() } else { format!("# HELP {name} {help}\n") };
    let kind = if kind.is_empty() { String::new() } else { format!("# TYPE {name} {kind}\n") };
    help + &kind
}

fn help() -> impl Strategy<Value = &'static str> {
    select(&["", "", "one", "two", r"t\\hree"][..])
}
