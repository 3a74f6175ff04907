//! What pushes and deletes do to what a scrape shows.

use crate::gateway::{Answer, Running, start};
use crate::hostile::gzip;

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

const PROTOBUF: &str = "content-type: application/vnd.google.protobuf; \
    proto=io.prometheus.client.MetricFamily; encoding=delimited";

impl Running {
    fn put_protobuf(&self, path: &str, body: &[u8]) -> Answer {
        self.send("PUT", path, &[PROTOBUF], body)
    }
}

/// A field of a message, given its key.
fn field(key: u8, bytes: &[u8]) -> Vec<u8> {
    [&[key, bytes.len() as u8], bytes].concat()
}

/// A counter `c` and behind it a gauge `g`, which has a label `x`, both of this value.
fn protobuf(value: f64) -> Vec<u8> {
    let value = [&[0x09], &value.to_le_bytes()[..]].concat();
    let counter = field(0x22, &field(0x1a, &value));
    let label = field(0x0a, &[field(0x0a, b"x"), field(0x12, b"a\"\nb")].concat());
    let gauge = field(0x22, &[label, field(0x12, &value)].concat());
    let families =
        [[field(0x0a, b"c"), counter], [[field(0x0a, b"g"), vec![0x18, 1]].concat(), gauge]];
    families.map(|fields| field(0, &fields.concat())[1..].to_vec()).concat()
}

#[test]
fn delimited_protobuf_is_shown_as_its_text_would_be() {
    let gateway = start(&[]);
    assert_eq!(gateway.put("/metrics/job/a", "old 1\n").status, 200);
    assert_eq!(gateway.put_protobuf("/metrics/job/a", &protobuf(1.5)).status, 200);
    let expected = [r#"c{instance="",job="a"} 1.5"#, r#"g{instance="",job="a",x="a\"\nb"} 1.5"#];
    assert_eq!(gateway.pushed(), expected);
    let scrape = gateway.get("/metrics");
    assert!(scrape.text().contains("# TYPE c counter\n"));
    assert!(scrape.text().contains("# TYPE g gauge\n"));
    // What is said less precisely is text.
    let vague = "content-type: application/vnd.google.protobuf; encoding=delimited";
    assert_eq!(gateway.send("PUT", "/metrics/job/a", &[vague], b"m 1\n").status, 200);
    assert_eq!(gateway.pushed(), [r#"m{instance="",job="a"} 1"#]);
}

#[test]
fn compressed_protobuf_is_protobuf() {
    let gateway = start(&[]);
    let headers = [PROTOBUF, "content-encoding: gzip"];
    let answer = gateway.send("POST", "/metrics/job/a", &headers, &gzip(&protobuf(2.0)));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(gateway.value(r#"c{instance="",job="a"}"#), Some(2.0));
}

#[test]
fn malformed_protobuf_touches_no_group_and_refused_protobuf_sets_the_failure_time() {
    let gateway = start(&[]);
    let failure_time = r#"push_failure_time_seconds{instance="",job="a"}"#;
    let body = protobuf(1.0);
    let answer = gateway.put_protobuf("/metrics/job/a", &body[..body.len() - 1]);
    assert_eq!(answer.status, 400);
    assert!(answer.text().starts_with("protobuf parsing error in metric family 2: "), "{answer:?}");
    assert_eq!(gateway.value(failure_time), None);
    let mut body = body;
    let kind = body.windows(2).position(|bytes| bytes == [0x18, 1]).unwrap() + 1;
    body[kind] = 3; // Untyped, but its metric holds a gauge.
    let answer = gateway.put_protobuf("/metrics/job/a", &body);
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("metric family 2 (\"g\"): "), "{answer:?}");
    assert!(gateway.value(failure_time) > Some(1e9));
    assert_eq!(gateway.pushed().len(), 0);
}
