//! What pushes and deletes do to what a scrape shows.

use crate::gateway::start;

#[test]
fn put_replaces_the_whole_group() {
    let gateway = start(&[]);
    assert_eq!(gateway.put("/metrics/job/a/instance/x", "m 1\nn 2\n").status, 200);
    assert_eq!(gateway.put("/metrics/job/a/instance/y", "m 3\n").status, 200);
    assert_eq!(gateway.put("/metrics/job/a/instance/x", "m 4\n").status, 200);
    let expected = [r#"m{instance="x",job="a"} 4"#, r#"m{instance="y",job="a"} 3"#];
    let mut pushed = gateway.pushed();
    pushed.sort();
    assert_eq!(pushed, expected);
}

#[test]
fn post_replaces_the_families_it_names() {
    let gateway = start(&[]);
    gateway.post("/metrics/job/a", "m{x=\"1\"} 1\nm{x=\"2\"} 1\nn 2\n");
    assert_eq!(gateway.post("/metrics/job/a", "m 4\n").status, 200);
    assert_eq!(gateway.pushed(), [r#"m{instance="",job="a"} 4"#, r#"n{instance="",job="a"} 2"#]);
}

#[test]
fn an_empty_put_leaves_the_push_times_and_an_empty_post_touches_only_one() {
    let gateway = start(&[]);
    let group = r#"{instance="",job="a"}"#;
    gateway.put("/metrics/job/a", "m 1\n");
    let first = gateway.value(&format!("push_time_seconds{group}"));
    assert_eq!(gateway.post("/metrics/job/a", "").status, 200);
    assert!(gateway.value(&format!("push_time_seconds{group}")) > first);
    assert_eq!(gateway.pushed().len(), 1);
    assert_eq!(gateway.put("/metrics/job/a", "").status, 200);
    assert_eq!(gateway.pushed().len(), 0);
    assert_eq!(gateway.value(&format!("push_failure_time_seconds{group}")), Some(0.0));
}

#[test]
fn delete_forgets_exactly_one_group_and_may_be_repeated() {
    let gateway = start(&[]);
    gateway.put("/metrics/job/a", "m 1\n");
    gateway.put("/metrics/job/a/x/1", "m 2\n");
    assert_eq!(gateway.delete("/metrics/job/a").status, 202);
    assert_eq!(gateway.delete("/metrics/job/a").status, 202);
    assert_eq!(gateway.pushed(), [r#"m{instance="",job="a",x="1"} 2"#]);
    assert_eq!(gateway.value(r#"push_time_seconds{instance="",job="a"}"#), None);
}

#[test]
fn a_refused_push_sets_the_failure_time_and_nothing_else() {
    let gateway = start(&[]);
    gateway.put("/metrics/job/a", "# TYPE m gauge\nm 1\n");
    for (path, body, reason) in [
        ("/metrics/job/b", "# TYPE m counter\nm 1\n", "type"),
        ("/metrics/job/b", "n 1 1234\n", "timestamps"),
        ("/metrics/job/b", "n 1\nn 2\n", "twice"),
        (
            "/metrics/job/b",
            "# TYPE process_cpu_seconds_total gauge\nprocess_cpu_seconds_total 1\n",
            "type",
        ),
        ("/metrics/job/b", "pushgateway_http_push_size_bytes_sum 1\n", "part of"),
    ] {
        let answer = gateway.post(path, body);
        assert_eq!(answer.status, 400, "{body}");
        let prefix = "pushed metrics are invalid or inconsistent with existing metrics: ";
        assert!(answer.text().starts_with(prefix) && answer.text().contains(reason), "{answer:?}");
        gateway.delete("/metrics/job/c");
    }
    assert_eq!(gateway.pushed().len(), 1);
    assert_eq!(gateway.value(r#"push_time_seconds{instance="",job="b"}"#), Some(0.0));
    assert!(gateway.value(r#"push_failure_time_seconds{instance="",job="b"}"#) > Some(1e9));
}

#[test]
fn a_malformed_push_touches_no_group_and_names_its_line() {
    let gateway = start(&[]);
    let answer = gateway.put("/metrics/job/a", "m 1\nn{x=\"1} 2\n");
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("line 2"), "{answer:?}");
    assert_eq!(gateway.value(r#"push_failure_time_seconds{instance="",job="a"}"#), None);
}

#[test]
fn a_series_is_in_one_group_whichever_way_it_is_spelled() {
    let gateway = start(&[]);
    gateway.put("/metrics/job/a", "m{instance=\"x\"} 1\n");
    assert_eq!(gateway.put("/metrics/job/a/instance/x", "m 2\n").status, 400);
    gateway.delete("/metrics/job/a");
    assert_eq!(gateway.put("/metrics/job/a/instance/x", "m 2\n").status, 200);
    assert_eq!(gateway.put("/metrics/job/a", "m{instance=\"x\"} 1\n").status, 400);
}

#[test]
fn groups_that_differ_by_an_explicit_empty_instance_exclude_each_other() {
    let gateway = start(&[]);
    assert_eq!(gateway.put("/metrics/job/a/instance@base64/=", "m 1\n").status, 200);
    assert_eq!(gateway.put("/metrics/job/a", "n 1\n").status, 400);
    assert_eq!(gateway.value(r#"push_failure_time_seconds{instance="",job="a"}"#), Some(0.0));
    assert_eq!(gateway.delete("/metrics/job/a").status, 202);
    assert_eq!(gateway.pushed().len(), 1);
    assert_eq!(gateway.delete("/metrics/job/a/instance@base64/=").status, 202);
    assert_eq!(gateway.put("/metrics/job/a", "n 1\n").status, 200);
}

#[test]
fn a_put_may_change_a_type_that_only_its_own_group_holds() {
    let gateway = start(&[]);
    gateway.put("/metrics/job/a", "# TYPE m gauge\nm 1\n");
    assert_eq!(gateway.put("/metrics/job/a", "# TYPE m histogram\nm_sum 1\n").status, 200);
    assert_eq!(gateway.put("/metrics/job/a", "m_sum 1\n").status, 200);
    gateway.put("/metrics/job/b", "m_sum 1\n");
    assert_eq!(gateway.put("/metrics/job/a", "# TYPE m histogram\nm_sum 1\n").status, 400);
}

#[test]
fn own_and_pushed_families_of_one_name_are_one_family() {
    let gateway = start(&[]);
    let body = "# HELP process_cpu_seconds_total Mine.\n# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 5\n";
    assert_eq!(gateway.put("/metrics/job/a", body).status, 200);
    let scrape = gateway.get("/metrics");
    let lines: Vec<&str> =
        scrape.text().lines().filter(|line| line.contains("process_cpu_seconds_total")).collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(!lines[0].contains("Mine."));
    assert_eq!(lines[3], r#"process_cpu_seconds_total{instance="",job="a"} 5"#);
}

#[test]
fn unchecked_pushes_are_answered_at_once_but_inconsistent_ones_dropped_and_counted() {
    let gateway = start(&["--push.disable-consistency-check"]);
    assert_eq!(gateway.put("/metrics/job/a", "# TYPE m gauge\nm 1\n").status, 202);
    // A scrape comes after every push that was answered before it.
    assert_eq!(gateway.pushed().len(), 1);
    assert_eq!(gateway.put("/metrics/job/b", "# TYPE m counter\nm 1\n").status, 202);
    assert_eq!(gateway.put("/metrics/job/c", "n 1\nn 1\n").status, 202);
    assert_eq!(gateway.put("/metrics/job/c", "n\n").status, 400);
    assert_eq!(gateway.pushed(), [r#"m{instance="",job="a"} 1"#]);
    assert_eq!(gateway.value("shardgate_pushes_dropped_total"), Some(2.0));
}

#[test]
fn crlf_and_a_last_line_without_its_end_are_taken() {
    let gateway = start(&[]);
    assert_eq!(gateway.put("/metrics/job/a", "# TYPE m gauge\r\nm 1\r\nn 2").status, 200);
    assert_eq!(gateway.pushed().len(), 2);
}
