//! Checks of pushes that are never made, and the history.

use serde_json::{Value, json};

use crate::basic_auth::{credentials, users};
use crate::gateway::{Answer, Running, start, start_with};
use crate::hostile::{gzip, snappy};
use crate::policy::PolicyFile;

fn json(answer: &Answer) -> Value {
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    serde_json::from_slice(&answer.body).unwrap()
}

/// What is pushed and when, without what the gateway counts.
fn state(gateway: &Running) -> Vec<String> {
    let scrape = gateway.scrape();
    let lines = scrape.text().lines().filter(|line| line.contains("job=\""));
    lines.map(str::to_owned).collect()
}

#[test]
fn a_check_says_what_the_push_would_be_told_and_changes_nothing() {
    let gateway = start(&[]);
    gateway.put("/metrics/job/a", "# TYPE m gauge\nm 1\n# TYPE h histogram\nh_count 1\n");
    gateway.put("/metrics/job/b/instance@base64/=", "n 1\n");
    for (path, body, reason) in [
        ("/job/a", "m 2\n# HELP o Other.\no{x=\"1\"} 1\no{x=\"2\"} 1\n", None),
        ("/job/x", "", None),
        ("/job/x", "m 1\nh 2 3 4\n", Some("line 2")),
        ("/job/x", "# TYPE m counter\nm 1\n", Some("is stored with the type")),
        ("/job/x", "# TYPE h_count gauge\nh_count 1\n", Some("h_count")),
        ("/job/x", "m 1 1234\n", Some("timestamps (line 1)")),
        ("/job/x", "m{a=\"1\"} 1\nm{a=\"1\"} 1\n", Some("twice")),
        ("/job/x", "m{a=\"1} 1\n", Some("line 1")),
        ("/job/b", "n 1\n", Some("labels with an empty value")),
        ("/job/a/z@base64/=", "n 1\n", Some("labels with an empty value")),
        ("/job/x", "m{z=\"\"} 1\nm 1\n", Some("the label \"z\" has an empty value")),
        ("/job/x", "# TYPE m gaugem 1", Some("line ends are missing: send with --data-binary")),
        ("/job/x/y", "m 1\n", Some("odd number")),
        ("/job/x/__y/1", "m 1\n", Some("improper label name")),
    ] {
        let before = state(&gateway);
        let checked = gateway.post(&format!("/api/v1/check?path={path}"), body);
        assert_eq!(state(&gateway), before, "{path} {body}");
        let pushed = gateway.post(&format!("/metrics{path}"), body);
        assert_eq!(checked.status, pushed.status, "{path} {body}");
        let answer = json(&checked);
        match reason {
            None => assert_eq!(answer["status"], "success"),
            Some(reason) => {
                assert_eq!(answer["status"], "error");
                assert_eq!(answer["errorType"], "bad_data");
                assert_eq!(answer["error"], pushed.text().trim_end(), "as the push");
                assert!(pushed.text().contains(reason), "{}", pushed.text());
            }
        }
    }
}

#[test]
fn a_check_counts_what_would_be_stored() {
    let gateway = start(&[]);
    let body = "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_count 3\nh_sum 4\nm{x=\"1\"} 1\nm{x=\"2\"} 1\n";
    let expected = json!({ "families": 2, "series": 3, "samples": 6 });
    assert_eq!(json(&gateway.post("/api/v1/check", body))["data"], expected);
    let zipped = gzip(body.as_bytes());
    let answer =
        gateway.send("POST", "/api/v1/check?job=a/b", &["content-encoding: gzip"], &zipped);
    assert_eq!(json(&answer)["data"], expected);
    let headers = ["content-encoding: snappy"];
    let answer = gateway.send("POST", "/api/v1/check", &headers, &snappy(body.as_bytes()));
    assert_eq!(json(&answer)["data"], expected);
    let cut = &zipped[..zipped.len() / 2];
    let cut = gateway.send("POST", "/api/v1/check", &["content-encoding: gzip"], cut);
    assert_eq!((cut.status, &json(&cut)["errorType"]), (400, &json!("bad_data")));
    assert_eq!(state(&gateway), [""; 0]);
}

#[test]
fn a_check_takes_protobuf() {
    let gateway = start(&[]);
    // A counter `c` with one metric, whose value is 1.5; the length comes first.
    let message = b"\x12\x0a\x01c\x18\x00\x22\x0b\x1a\x09\x09\x00\x00\x00\x00\x00\x00\xf8\x3f";
    let content_type = "content-type: application/vnd.google.protobuf; \
        proto=io.prometheus.client.MetricFamily; encoding=delimited";
    let answer = gateway.send("POST", "/api/v1/check?job=a", &[content_type], message);
    let expected = json!({ "families": 1, "series": 1, "samples": 1 });
    assert_eq!(json(&answer)["data"], expected, "{}", answer.text());
    let cut = gateway.send("POST", "/api/v1/check?job=a", &[content_type], &message[..5]);
    assert_eq!(cut.status, 400);
}

#[test]
fn a_check_may_be_of_a_push_that_replaces() {
    let gateway = start(&[]);
    gateway.put("/metrics/job/a", "# TYPE h histogram\nh_count 1\n");
    let check = |method: &str| {
        let path = format!("/api/v1/check?path=/metrics/job/a&method={method}");
        gateway.post(&path, "# TYPE h_count gauge\nh_count 1\n").status
    };
    assert_eq!((check("POST"), check("PUT")), (400, 200));
    assert_eq!(check("GET"), 400);
}

#[test]
fn a_check_is_bounded_as_a_push_is() {
    let gateway = start(&["--push.max-body-bytes=100"]);
    let body = format!("m{{x=\"{}\"}} 1\n", "x".repeat(200));
    let answer = gateway.post("/api/v1/check", &body);
    assert_eq!((answer.status, &json(&answer)["status"]), (413, &json!("error")));
    let counted =
        "pushgateway_http_requests_total{code=\"413\",handler=\"api/v1/check\",method=\"post\"}";
    assert_eq!(gateway.value(counted), Some(1.0));
    let get = gateway.get("/api/v1/check");
    assert_eq!((get.status, get.header("allow")), (405, Some("OPTIONS, POST")));
}

#[test]
fn a_check_says_what_a_push_by_this_client_would_be_told() {
    let policy = PolicyFile::new(
        "checks",
        "families: { 'build_*': { jobs: [ci] } }\nusers:\n  ci: { push: [ci], read: true, quota: { body_bytes: 40, pushes_per_second: 1 } }\n  reader: { read: true }\n  pusher: { push: ['*'] }\n  all: { push: ['*'], read: true }\n",
    );
    let gateway = start_with(&[&policy.flag()], |access| {
        access.replace_web(&users(&["ci", "reader", "pusher", "all"], 4));
    });
    let ask = |user: &str, path: &str, body: &str| {
        gateway.send("POST", path, &[&credentials(user, user)], body.as_bytes())
    };
    let both = |user: &str, job: &str, body: &str| {
        let checked = ask(user, &format!("/api/v1/check?job={job}"), body);
        (checked, ask(user, &format!("/metrics/job/{job}"), body))
    };
    let long = format!("m{{x=\"{}\"}} 1\n", "x".repeat(40));
    for (user, job, body, status, reason) in [
        ("ci", "other", "m 1\n", 403, "user \"ci\" may not push to job \"other\""),
        ("ci", "ci", &long, 413, "body larger than the 40 bytes that user \"ci\" may push"),
        ("reader", "ci", "m 1\n", 403, "user \"reader\" may not push to job \"ci\""),
        ("all", "other", "build_seconds 1\n", 403, "may not push family \"build_seconds\""),
    ] {
        let (checked, pushed) = both(user, job, body);
        assert_eq!((checked.status, pushed.status), (status, status), "{user} {job}");
        assert_eq!(json(&checked)["error"], pushed.text().trim_end(), "as the push");
        assert!(pushed.text().contains(reason), "{}", pushed.text());
    }
    // Checks take nothing from a quota.
    for _ in 0..9 {
        assert_eq!(ask("ci", "/api/v1/check?job=ci", "m 1\n").status, 200);
    }
    let (checked, _) = both("pusher", "ci", "m 1\n");
    assert_eq!((checked.status, checked.text()), (403, "user \"pusher\" may not read\n"));
}

#[test]
fn a_check_knows_the_rules_for_groups() {
    let rules = PolicyFile::new(
        "checked-rules",
        "rules: [{ match: '{job=\"a\"}', allow_headers: true, expire_max: 2h }]",
    );
    let flag = rules.flag().replace("--auth.policy-file", "--rules.file");
    let gateway = start(&[&flag]);
    gateway.put("/metrics/job/a", "# TYPE m gauge\nm{x=\"1\"} 1\n");
    let changed = b"# TYPE m counter\nm{x=\"2\"} 1\n";
    for (header, body, status) in [
        ("shardgate-expire: 3h", &b"m{x=\"1\"} 1\n"[..], 400),
        ("shardgate-merge: series", changed, 400),
        ("shardgate-merge: family", changed, 200),
    ] {
        let checked = gateway.send("POST", "/api/v1/check?job=a", &[header], body);
        let pushed = gateway.send("POST", "/metrics/job/a", &[header], body);
        assert_eq!((checked.status, pushed.status), (status, status), "{header}");
        if status == 400 {
            assert_eq!(json(&checked)["error"], pushed.text().trim_end(), "as the push");
        }
    }
}

#[test]
fn the_history_begins_empty() {
    let gateway = start(&[]);
    let answer = json(&gateway.get("/api/v1/history"));
    assert_eq!(answer["status"], "success");
    assert_eq!(answer["data"]["interval_seconds"], 10);
    for column in ["time", "pushes_per_second", "scrape_seconds", "persistence_lag_seconds"] {
        assert_eq!(answer["data"][column], json!([]), "{column}");
    }
    let counted =
        "pushgateway_http_requests_total{code=\"200\",handler=\"api/v1/history\",method=\"get\"}";
    assert_eq!(gateway.value(counted), Some(1.0));
}
