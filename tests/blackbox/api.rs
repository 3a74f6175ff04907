//! The query API: which groups it shows, and how much of them.

use std::io::Write;

use serde_json::{Value, json};

use crate::basic_auth::users;
use crate::gateway::{Answer, Running, read_chunks, read_head, start, start_with};

/// Five groups of three jobs, the last with nothing but a failed push.
fn with_groups(flags: &[&str]) -> Running {
    let gateway = start(flags);
    for (path, body) in [
        ("/metrics/job/a/instance/node-1", "m 1\nn 2\n"),
        ("/metrics/job/a/instance/node-2/env/prod", "m 1\n"),
        ("/metrics/job/b", "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_count 3\nh_sum 4.5\n"),
        ("/metrics/job/b%22/env@base64/Yy9k", "m{x=\"1\"} 1\nm{x=\"2\"} 1\nm{x=\"3\"} 1\n"),
    ] {
        assert_eq!(gateway.put(path, body).status, 200, "{path}");
    }
    assert_eq!(gateway.put("/metrics/job/failed", "m{job=\"x\"} 1\nm 2\n").status, 400);
    gateway
}

fn encoded(query: &str) -> String {
    form_urlencoded::byte_serialize(query.as_bytes()).collect()
}

pub(crate) fn matching(selector: &str) -> String {
    format!("match[]={}", encoded(selector))
}

fn json_of(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    serde_json::from_slice(&answer.body).unwrap()
}

/// What tells the groups apart, in the order they are shown.
fn shown(groups: &Value) -> Vec<String> {
    let groups = groups.as_array().unwrap().iter();
    groups
        .map(|group| {
            let label = |name: &str| group["labels"][name].as_str().unwrap_or_default().to_owned();
            format!("{} {}", label("job"), label("instance")).trim_end().to_owned()
        })
        .collect()
}

fn listed(gateway: &Running, query: &str) -> (Vec<String>, u64) {
    let answer = json_of(&gateway.get(&format!("/api/v1/groups?{query}")));
    assert_eq!(answer["status"], "success");
    (shown(&answer["data"]["groups"]), answer["data"]["total"].as_u64().unwrap())
}

#[test]
fn selectors_and_jobs_choose_the_same_groups_with_and_without_their_samples() {
    let gateway = with_groups(&[]);
    for (query, expected) in [
        (String::new(), &["b\"", "a node-2", "b", "failed", "a node-1"][..]),
        ("job=a".to_owned(), &["a node-2", "a node-1"]),
        ("job=a&job=b%22&job=none".to_owned(), &["b\"", "a node-2", "a node-1"]),
        (matching(r#"{job="a"}"#), &["a node-2", "a node-1"]),
        (matching(r#"{instance=~"node-.*",env!="prod"}"#), &["a node-1"]),
        (matching(r#"{instance=~"node"}"#), &[]),
        (matching(r#"{env=""}"#), &["b", "failed", "a node-1"]),
        (matching(r#"{env="c/d",job='b"'}"#), &["b\""]),
        (matching("{}"), &["b\"", "a node-2", "b", "failed", "a node-1"]),
        (
            format!("{}&{}", matching(r#"{job="b"}"#), matching(r#"{env="prod"}"#)),
            &["a node-2", "b"],
        ),
        (format!("job=b&job=a&{}", matching(r#"{instance!=""}"#)), &["a node-2", "a node-1"]),
        ("unknown=1&job=b".to_owned(), &["b"]),
        ("limit=2".to_owned(), &["b\"", "a node-2"]),
        ("limit=2&offset=1".to_owned(), &["a node-2", "b"]),
        ("offset=4&limit=9".to_owned(), &["a node-1"]),
        ("offset=5".to_owned(), &[]),
        ("limit=0".to_owned(), &[]),
        ("order=desc&limit=2".to_owned(), &["a node-1", "failed"]),
    ] {
        let without_page = query.replace("limit=", "_=").replace("offset=", "_=");
        let total = listed(&gateway, &without_page).0.len();
        assert_eq!(
            listed(&gateway, &query),
            (expected.iter().map(|s| (*s).to_owned()).collect(), total as u64),
            "{query}"
        );
        let whole = gateway.get(&format!("/api/v1/metrics?{query}"));
        assert_eq!(shown(&json_of(&whole)["data"]), expected, "{query}");
        assert_eq!(whole.header("x-total-count"), Some(&*total.to_string()), "{query}");
        assert_eq!(whole.header("transfer-encoding"), Some("chunked"));
    }
}

#[test]
fn groups_are_summed_up() {
    let gateway = with_groups(&[]);
    let answer = json_of(&gateway.get("/api/v1/groups"));
    let group = |at: usize| answer["data"]["groups"][at].clone();
    let mut of_b = group(2);
    let time = of_b["push_time"].take();
    let shown_time = json_of(&gateway.get("/api/v1/metrics?job=b"));
    assert_eq!(time, shown_time["data"][0]["h"]["time_stamp"]);
    let bytes = "h_bucket{instance=\"\",job=\"b\",le=\"1\"} 2\nh_bucket{instance=\"\",job=\"b\",le=\"+Inf\"} 3\n\
        h_sum{instance=\"\",job=\"b\"} 4.5\nh_count{instance=\"\",job=\"b\"} 3\n";
    assert_eq!(
        of_b,
        json!({
            "labels": {"job": "b"}, "last_push_successful": true, "push_time": null,
            "push_failure_time": null, "families": 1, "series": 1, "samples": 4, "bytes": bytes.len(),
        })
    );
    let failed = group(3);
    assert_eq!(failed["push_time"], Value::Null);
    assert!(failed["push_failure_time"].as_str().unwrap().ends_with('Z'));
    assert_eq!((&failed["last_push_successful"], &failed["series"]), (&json!(false), &json!(0)));
}

#[test]
fn groups_come_in_the_order_asked_for() {
    let gateway = with_groups(&[]);
    gateway.put("/metrics/job/a/instance/node-1", "m 1\nn 2\n");
    for (query, expected) in [
        ("sort=series", ["failed", "a node-2", "b", "a node-1", "b\""]),
        ("sort=series&order=desc", ["b\"", "a node-1", "a node-2", "b", "failed"]),
        ("sort=push_time", ["failed", "a node-2", "b", "b\"", "a node-1"]),
        ("sort=push_time&order=desc", ["a node-1", "b\"", "b", "a node-2", "failed"]),
        ("sort=bytes&order=asc", ["failed", "a node-2", "a node-1", "b\"", "b"]),
        ("sort=key&order=asc", ["b\"", "a node-2", "b", "failed", "a node-1"]),
    ] {
        assert_eq!(listed(&gateway, query).0, expected, "{query}");
        for (at, group) in expected.iter().enumerate() {
            let one = listed(&gateway, &format!("{query}&limit=1&offset={at}"));
            assert_eq!(one, (vec![(*group).to_owned()], 5), "{query}");
        }
    }
}

#[test]
fn a_query_that_makes_no_sense_is_told_so_in_the_shape_of_the_api() {
    let gateway = start(&["--web.enable-admin-api"]);
    for (query, reason) in [
        ("limit=-1", r#"parameter limit: expected a number from 0, got "-1""#),
        ("limit=", r#"parameter limit: expected a number from 0, got """#),
        ("offset=%2B1", r#"parameter offset: expected a number from 0, got "+1""#),
        (
            "limit=99999999999999999999",
            r#"parameter limit: expected a number from 0, got "99999999999999999999""#,
        ),
        ("limit=1&limit=1", "parameter limit: given twice"),
        ("sort=age", r#"parameter sort: expected key, push_time, series or bytes, got "age""#),
        ("order=up", r#"parameter order: expected asc or desc, got "up""#),
        ("job=", "parameter job: must not be empty"),
        (
            "match[]=up",
            "parameter match[]: up: character 1: groups have no metric names, only the labels they were pushed with",
        ),
        (
            "match[]=%7Bjob%3Dx%7D",
            "parameter match[]: {job=x}: character 6: expected a value in quotes",
        ),
    ] {
        for path in ["/api/v1/metrics", "/api/v1/groups"] {
            let answer = gateway.get(&format!("{path}?{query}"));
            assert_eq!(answer.status, 400, "{query}");
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
            let answer: Value = serde_json::from_slice(&answer.body).unwrap();
            let expected = json!({"status": "error", "errorType": "bad_data", "error": reason});
            assert_eq!(answer, expected, "{query}");
        }
    }
    let many = (0..65).map(|_| "match[]=%7B%7D").collect::<Vec<_>>().join("&");
    assert_eq!(gateway.get(&format!("/api/v1/groups?{many}")).status, 400);
    let counted = |handler: &str, method: &str| {
        let labels = format!("code=\"400\",handler=\"{handler}\",method=\"{method}\"");
        gateway.value(&format!("pushgateway_http_requests_total{{{labels}}}"))
    };
    assert_eq!(counted("api/v1/groups", "get"), Some(11.0));
    assert_eq!(gateway.delete("/api/v1/groups").status, 400);
    assert_eq!(counted("api/v1/groups", "delete"), Some(1.0));
}

#[test]
fn pages_of_other_sites_may_read_every_answer_of_the_api() {
    let gateway = start(&[]);
    for (method, path, status) in [
        ("GET", "/api/v1/groups", 200),
        ("GET", "/api/v1/metrics", 200),
        ("GET", "/api/v1/status", 200),
        ("OPTIONS", "/api/v1/groups", 200),
    ] {
        let answer = gateway.send(method, path, &[], b"");
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{method} {path}");
        assert_eq!(
            answer.header("access-control-allow-methods"),
            Some("GET, POST, DELETE, OPTIONS")
        );
    }
    // As in the reference, not where no query is answered.
    for (method, path, status) in [
        ("GET", "/api/v1/nothing", 404),
        ("PUT", "/api/v1/groups", 405),
        ("DELETE", "/api/v1/groups", 404),
        ("PUT", "/api/v1/admin/wipe", 404),
    ] {
        let answer = gateway.send(method, path, &[], b"");
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{method} {path}");
    }
    let refused = gateway.send("PUT", "/api/v1/groups", &[], b"");
    assert_eq!(refused.header("allow"), Some("GET, OPTIONS"));
    assert_eq!(gateway.get("/metrics").header("access-control-allow-origin"), None);
}

#[test]
fn no_page_of_another_site_may_delete_what_can_be_deleted() {
    let gateway = start(&["--web.enable-admin-api"]);
    for path in ["/api/v1/groups", "/api/v1/group%73", "/api%2Fv1/groups"] {
        let preflight = gateway.send("OPTIONS", path, &[], b"");
        assert_eq!(preflight.header("access-control-allow-methods"), Some("GET, POST, OPTIONS"));
        assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
    }
    let other = gateway.send("OPTIONS", "/api/v1/metrics", &[], b"");
    let methods = other.header("access-control-allow-methods");
    assert_eq!(methods, Some("GET, POST, DELETE, OPTIONS"), "as the reference says it");
}

#[test]
fn pages_of_other_sites_may_read_why_they_are_not_let_in() {
    let gateway = start_with(&[], |access| access.replace_web(&users(&["known"], 4)));
    let refused = gateway.get("/api/v1/groups");
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("access-control-allow-origin"), Some("*"));
    assert_eq!(gateway.get("/metrics").header("access-control-allow-origin"), None);
}

#[test]
fn families_named_like_what_the_key_says_are_shown_in_its_place() {
    let gateway = start(&[]);
    gateway.put("/metrics/job/a", "labels 1\nlast_push_successful 2\n");
    let answer = gateway.get("/api/v1/metrics");
    assert_eq!(answer.text().matches("\"last_push_successful\":").count(), 1);
    let group = json_of(&answer)["data"][0].clone();
    assert_eq!(group["labels"]["metrics"][0]["value"], "1");
    assert_eq!(group["last_push_successful"]["metrics"][0]["value"], "2");
}

/// A gateway whose answer is too large for the buffers of a connection, and what to ask for it.
const ASK: &[u8] = b"GET /api/v1/metrics HTTP/1.1\r\nhost: x\r\n\r\n";
const SERIES: usize = 3000;
const GROUPS: usize = 10;

fn with_much() -> Running {
    let gateway = start(&["--web.enable-admin-api"]);
    for group in 0..GROUPS {
        let label = "x".repeat(1000);
        let lines = (0..SERIES).map(|at| format!("m{group}{{at=\"{at}\",l=\"{label}\"}} 1\n"));
        let answer = gateway.put(&format!("/metrics/job/j{group}"), &lines.collect::<String>());
        assert_eq!(answer.status, 200);
    }
    gateway
}

#[test]
fn an_answer_is_fetched_as_it_is_read_and_what_is_gone_by_then_is_left_out() {
    let gateway = with_much();
    let mut stream = gateway.connect();
    stream.write_all(ASK).unwrap();
    let head = read_head(&mut stream).unwrap();
    assert!(head.to_ascii_lowercase().contains("x-total-count: 10\r\n"), "{head}");
    // The head is there, so the list has been made; the last group cannot have been asked for.
    assert_eq!(gateway.delete("/metrics/job/j9").status, 202);
    assert_eq!(gateway.put("/metrics/job/j8", "m8 7\n").status, 200);
    assert_eq!(gateway.put("/metrics/job/new", "m 1\n").status, 200);
    let answer: Value = serde_json::from_slice(&read_chunks(&mut stream).unwrap()).unwrap();
    let expected: Vec<String> = (0..9).map(|group| format!("j{group}")).collect();
    assert_eq!(shown(&answer["data"]), expected);
    assert_eq!(answer["data"][0]["m0"]["metrics"].as_array().unwrap().len(), SERIES);
    assert_eq!(answer["data"][8]["m8"]["metrics"][0]["value"], "7", "whole, and as it is by then");
}

#[test]
fn who_does_not_read_gives_way_to_a_new_query() {
    let gateway = with_much();
    let mut reading: Vec<_> = (0..4)
        .map(|_| {
            let mut stream = gateway.connect();
            stream.write_all(ASK).unwrap();
            assert!(read_head(&mut stream).unwrap().starts_with("HTTP/1.1 200"));
            stream
        })
        .collect();
    for path in ["/api/v1/groups", "/api/v1/metrics?limit=1"] {
        assert_eq!(gateway.get(path).status, 200);
    }
    assert_eq!(gateway.put("/metrics/job/a", "m 1\n").status, 200, "pushes go on");
    let deleted = gateway.delete("/api/v1/groups?job=a");
    assert_eq!(json_of(&deleted)["data"]["deleted"], 1, "and so do deletes");
    let whole = reading.iter_mut().filter_map(read_chunks).count();
    assert_eq!(whole, 3, "one has given way, the others are not harmed");
}
