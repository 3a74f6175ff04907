//! Pushes that conflict with what is stored: all reasons at once, and the other side of each.

use crate::gateway::{Running, start};
use crate::policy::PolicyFile;

const INCONSISTENT: &str = "pushed metrics are invalid or inconsistent with existing metrics: ";

/// The reasons of a push that is rejected.
fn reasons(gateway: &Running, path: &str, body: &str) -> Vec<String> {
    let answer = gateway.put(path, body);
    assert_eq!(answer.status, 400, "{answer:?}");
    let reasons = answer.text().trim_end().strip_prefix(INCONSISTENT).unwrap().to_owned();
    reasons.split("; ").map(str::to_owned).collect()
}

#[test]
fn all_conflicts_of_a_push_are_named_at_once() {
    let gateway = start(&[]);
    for at in 0..12 {
        let body = format!("# TYPE f{at} gauge\nf{at} 1\n");
        assert_eq!(gateway.put(&format!("/metrics/job/a/at/{at}"), &body).status, 200);
    }
    assert_eq!(gateway.put("/metrics/job/b/x/1", "m 1\nn 1\n").status, 200);
    let body = "# TYPE f3 counter\nf3 1\n# TYPE f7 counter\nf7 1\nm{x=\"1\",y=\"\"} 1\n\
        # TYPE pushgateway_build_info counter\npushgateway_build_info 1\n# TYPE n histogram\nn_sum 1\n";
    let mut found = reasons(&gateway, "/metrics/job/b", body);
    let other_side = found.pop().unwrap();
    found.sort();
    assert_eq!(
        found,
        [
            r#"a series of family "m" exists in another group already (a label with an empty value is the same as no label): m{instance="",job="b",x="1",y=""}"#,
            r#"family "f3" is stored with the type gauge already"#,
            r#"family "f7" is stored with the type gauge already"#,
            r#"family "n" is stored with the type untyped already"#,
            r#"family "pushgateway_build_info" is a metric of the gateway itself, with the type gauge: push it under another name"#,
        ]
        .map(str::to_owned)
    );
    assert!(other_side.starts_with("another group has "), "{other_side}");
    // Ten at most.
    let all: String = (0..12).map(|at| format!("# TYPE f{at} counter\nf{at} 1\n")).collect();
    assert_eq!(reasons(&gateway, "/metrics/job/b", &all).len(), 10 + 1);
    // Nothing was stored.
    assert_eq!(gateway.pushed().len(), 12 + 2);
}

#[test]
fn the_group_on_the_other_side_is_shown_and_never_the_own_one() {
    let gateway = start(&[]);
    let gauge = "# TYPE rows gauge\nrows{table=\"t\"} 1\n";
    assert_eq!(gateway.put("/metrics/job/nightly/instance/db1", gauge).status, 200);
    let counter = gauge.replace("gauge", "counter");
    let expected = r#"another group has rows{instance="db1",job="nightly",table="t"}"#;
    assert_eq!(reasons(&gateway, "/metrics/job/weekly", &counter)[1], expected);
    assert_eq!(gateway.put("/metrics/job/weekly", gauge).status, 200);
    assert_eq!(reasons(&gateway, "/metrics/job/weekly", &counter)[1], expected);
}

#[test]
fn a_client_that_may_not_read_is_not_shown_other_groups() {
    let policy = PolicyFile::new("conflicts", "default:\n  push: [\"*\"]\n");
    let gateway = start(&[&policy.flag()]);
    assert_eq!(gateway.put("/metrics/job/secret", "# TYPE m gauge\nm 1\n").status, 200);
    let said = reasons(&gateway, "/metrics/job/b", "# TYPE m counter\nm 1\n");
    assert_eq!(said, [r#"family "m" is stored with the type gauge already"#]);
}
