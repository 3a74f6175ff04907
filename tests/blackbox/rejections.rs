//! The last rejections, on their page, on the page of their group and in the API.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::basic_auth::{send_as, users};
use crate::gateway::{Running, read_answer, start, start_with};
use crate::policy::PolicyFile;

/// The rejections that a query finds, newest first.
fn rejections(gateway: &Running, query: &str) -> Vec<Value> {
    let answer = gateway.get(&format!("/api/v1/rejections{query}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("access-control-allow-origin"), None, "other sites may not read it");
    let answer: Value = serde_json::from_str(answer.text()).unwrap();
    answer["data"]["rejections"].as_array().unwrap().clone()
}

#[test]
fn every_kind_is_shown_within_a_second_with_its_reason() {
    let gateway = start(&["--push.max-body-bytes=1000", "--push.max-labels=3"]);
    gateway.put("/metrics/job/a", "# TYPE m counter\nm 1\n");
    let large = "m 1\n".repeat(1000);
    for (method, path, headers, body, status, job, reason) in [
        ("PUT", "/metrics/job/b", &["x-request-id: id-1"][..], "m{ 1\n", 400, "b", "line 1"),
        ("PUT", "/metrics/job/b", &[], "# TYPE m gauge\nm 1\n", 400, "b", "inconsistent"),
        ("POST", "/metrics/job/b/x/1", &["content-encoding: gzip"], "no gzip", 400, "b", "gzip"),
        ("PUT", "/metrics/job/b", &[], &large, 413, "b", "--push.max-body-bytes"),
        ("PUT", "/metrics/job/b/x", &[], "m 1\n", 400, "", "odd number"),
        ("PUT", "/metrics/job/b%zz", &[], "m 1\n", 400, "", "percent-encoding"),
        ("PUT", "/metric/job/b", &[], "m 1\n", 404, "", "not found"),
    ] {
        let (answer, since) =
            (gateway.send(method, path, headers, body.as_bytes()), Instant::now());
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        let found = rejections(&gateway, "?limit=1").remove(0);
        assert!(since.elapsed() < Duration::from_secs(1));
        assert_eq!((&found["status"], &found["path"]), (&status.into(), &path.into()), "{found}");
        assert_eq!(found["job"].as_str().unwrap_or_default(), job, "{found}");
        assert_eq!(found["request_id"].as_str(), answer.header("x-request-id"), "{found}");
        assert!(found["reason"].as_str().unwrap().contains(reason), "{found}");
        assert_eq!(found["reason"].as_str().unwrap(), answer.text().trim_end(), "as it was told");
        assert!(found["source"].as_str().unwrap().starts_with("127.0.0.1:"), "{found}");
        let page = gateway.get("/rejections").text().to_owned();
        assert!(page.contains(&format!("<span class=\"state bad\">{status}</span>")), "{page}");
    }
    assert_eq!(rejections(&gateway, "?status=413").len(), 1);
    assert_eq!(rejections(&gateway, "?q=GZIP").len(), 1);
    assert!(rejections(&gateway, "?job=b").len() >= 4);
    let newest = rejections(&gateway, "?limit=1").remove(0)["number"].as_u64().unwrap();
    assert!(rejections(&gateway, &format!("?after={newest}")).is_empty());
    assert_eq!(gateway.get("/api/v1/rejections?status=200").status, 400);
    // The group exists since its push was inconsistent. Its page has its own rejections, whatever spelling the path had.
    let page = gateway.get("/groups/job@base64/Yg").text().to_owned();
    assert!(page.contains("Last rejections") && page.contains("id-1") && !page.contains("gzip"));
}

#[test]
fn what_is_no_rejection_is_not_kept() {
    let gateway = start(&[]);
    gateway.put("/metrics/job/a", "m 1\n");
    assert_eq!(gateway.get("/favicon.ico").status, 404);
    assert_eq!(gateway.get("/groups/job/none").status, 404);
    assert_eq!(gateway.post("/api/v1/check", "m{ 1\n").status, 400);
    assert!(rejections(&gateway, "").is_empty());
    let off = start(&["--web.rejections-kept=0"]);
    assert_eq!(off.put("/metrics/job/a", "m{ 1\n").status, 400);
    assert!(rejections(&off, "").is_empty());
}

#[test]
fn only_so_many_are_kept_and_hostile_texts_are_text() {
    let gateway = start(&["--web.rejections-kept=20"]);
    for at in 0..50 {
        gateway.put("/metrics/job/%3Cb%3Ex", &format!("m{{l=\"<i>{at}</i>\" 1\n"));
    }
    assert_eq!(rejections(&gateway, "").len(), 20);
    let page = gateway.get("/rejections?q=%3Cb%3E").text().to_owned();
    assert!(page.contains("the last 20 of 50 rejections since the start"), "{page}");
    assert!(!page.contains("<b>") && !page.contains("<i>") && page.contains("&#60;b&#62;"));
}

#[test]
fn a_connection_above_the_limit_is_shown() {
    let gateway = start(&["--web.max-connections=1"]);
    let mut held = gateway.connect();
    let mut ask = |path: &str| {
        held.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).unwrap();
        read_answer(&mut held).unwrap().text().to_owned()
    };
    ask("/-/ready");
    assert_eq!(gateway.put("/metrics/job/a", "m 1\n").status, 503);
    let found = ask("/api/v1/rejections?status=503&job=a");
    assert!(found.contains("--web.max-connections") && found.contains("127.0.0.1"), "{found}");
}

#[test]
fn clients_that_are_not_let_in_are_named_and_see_nothing() {
    let file = PolicyFile::new(
        "rejections",
        "users:\n  reader: { read: true }\n  pusher: { push: [mine], quota: { groups: 1 } }\n",
    );
    let gateway = start_with(&[&file.flag()], |access| {
        access.replace_web(&users(&["reader", "pusher"], 4));
    });
    assert_eq!(gateway.put("/metrics/job/mine", "m 1\n").status, 401);
    assert_eq!(send_as(&gateway, "pusher", "PUT", "/metrics/job/theirs").status, 403);
    assert_eq!(send_as(&gateway, "pusher", "PUT", "/metrics/job/mine").status, 200);
    assert_eq!(send_as(&gateway, "pusher", "PUT", "/metrics/job/mine/x/1").status, 429);
    for path in ["/rejections", "/api/v1/rejections"] {
        assert_eq!(gateway.get(path).status, 401, "{path}");
        assert_eq!(send_as(&gateway, "pusher", "GET", path).status, 403, "{path}");
    }
    for (query, status) in [("job=theirs", 403), ("job=mine&q=quota", 429)] {
        let path = format!("/api/v1/rejections?{query}");
        let answer = send_as(&gateway, "reader", "GET", &path);
        let answer: Value = serde_json::from_str(answer.text()).unwrap();
        let found = &answer["data"]["rejections"][0];
        assert_eq!((&found["status"], &found["user"]), (&status.into(), &"pusher".into()));
    }
    let answer = send_as(&gateway, "reader", "GET", "/api/v1/rejections?status=401");
    let answer: Value = serde_json::from_str(answer.text()).unwrap();
    assert_eq!(answer["data"]["rejections"].as_array().unwrap().len(), 3, "{answer}");
}
