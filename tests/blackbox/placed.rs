//! Groups that are put in their place with times of their own.

use serde_json::Value;

use crate::basic_auth::{credentials, users};
use crate::gateway::{Running, start, start_with};
use crate::policy::PolicyFile;

const PLACE: &str = "/api/v1/admin/groups/job/a/x/1";
const TIMES: &str = "push_time=1763900000.5&push_failure_time=1763900001.5";
const LABELS: &str = r#"{instance="",job="a",x="1"}"#;

fn with_admin(flags: &[&str]) -> Running {
    start(&[&["--web.enable-admin-api"], flags].concat())
}

fn place(gateway: &Running, query: &str, body: &str) -> (u16, String) {
    let answer = gateway.put(&format!("{PLACE}?{query}"), body);
    (answer.status, answer.text().to_owned())
}

/// The times of the group, as the scrape shows them.
fn times(gateway: &Running) -> [Option<f64>; 2] {
    ["push_time_seconds", "push_failure_time_seconds"]
        .map(|name| gateway.value(&format!("{name}{LABELS}")))
}

#[test]
fn a_group_is_replaced_and_has_the_times_it_brings() {
    let gateway = with_admin(&[]);
    gateway.put("/metrics/job/a/x/1", "gone 1\nm 1\n");
    let scrape = || {
        let scrape = gateway.scrape();
        let pushed = scrape.text().lines().filter(|line| line.contains("job=\"a\""));
        pushed.map(str::to_owned).collect::<Vec<_>>()
    };
    let body = "# HELP m All of it.\n# TYPE m counter\nm{k=\"v\"} 2\n";
    assert_eq!(place(&gateway, TIMES, body), (200, String::new()));
    assert_eq!(times(&gateway), [Some(1_763_900_000.5), Some(1_763_900_001.5)]);
    assert_eq!(gateway.pushed(), [r#"m{instance="",job="a",k="v",x="1"} 2"#]);
    let first = scrape();
    assert_eq!(place(&gateway, TIMES, body).0, 200);
    assert_eq!(scrape(), first, "twice is the same as once");
    let shown = gateway.get("/api/v1/groups");
    let shown: Value = serde_json::from_slice(&shown.body).unwrap();
    let group = &shown["data"]["groups"][0];
    assert_eq!(group["push_time"], "2025-11-23T12:13:20.500000000Z");
    assert_eq!(group["last_push_successful"], false);
    // A push afterwards is a push.
    assert_eq!(gateway.post("/metrics/job/a/x/1", "# TYPE m counter\nm 3\n").status, 200);
    assert!(times(&gateway)[0].is_some_and(|pushed| pushed > 1_763_900_001.5));
    let own = "pushgateway_http_requests_total{code=\"200\",handler=\"api/v1/admin/groups\",method=\"put\"}";
    assert_eq!(gateway.value(own), Some(2.0));
}

#[test]
fn times_are_now_and_never_where_none_are_given() {
    let gateway = with_admin(&[]);
    gateway.put("/metrics/job/a/x/1", "m 1\nm 1\n");
    assert!(times(&gateway)[1].is_some_and(|failed| failed > 1e9));
    assert_eq!(place(&gateway, "", "m 1\n").0, 200);
    let [pushed, failed] = times(&gateway);
    assert!(pushed.is_some_and(|pushed| pushed > 1e9) && failed == Some(0.0));
    assert_eq!(place(&gateway, "push_time=0&push_failure_time=12.5", "").0, 200);
    assert_eq!((times(&gateway), gateway.pushed().len()), ([Some(0.0), Some(12.5)], 0));
}

#[test]
fn what_was_pushed_later_is_kept_where_that_is_asked_for() {
    let gateway = with_admin(&[]);
    let keep = |times: &str, body: &str| place(&gateway, &format!("{times}&keep_newer=true"), body);
    assert_eq!(keep("push_time=100&push_failure_time=7", "m 1\n").0, 200);
    assert_eq!(keep("push_time=100&push_failure_time=7", "m 2\n").0, 200, "the same is not newer");
    let newer = "the group was pushed to later, last at 100\n".to_owned();
    assert_eq!(keep("push_time=99.5&push_failure_time=200", "m 3\n"), (409, newer));
    assert_eq!(keep("push_time=100&push_failure_time=6", "m 4\n").0, 409);
    assert_eq!(gateway.pushed(), [format!("m{LABELS} 2")]);
    assert_eq!(times(&gateway), [Some(100.0), Some(7.0)]);
    assert_eq!(place(&gateway, "push_time=99.5", "m 5\n").0, 200, "nobody asked to keep it");
    assert_eq!(gateway.pushed(), [format!("m{LABELS} 5")]);
}

#[test]
fn what_makes_no_sense_is_named_and_changes_nothing() {
    let gateway = with_admin(&["--push.max-body-bytes=1000", "--storage.max-series=6"]);
    assert_eq!(place(&gateway, TIMES, "m 1\n").0, 200);
    gateway.put("/metrics/job/b", "# TYPE n gauge\nn 1\n");
    let before = gateway.scrape().text().lines().filter(|line| line.contains("job=")).count();
    for (query, body, status, named) in [
        ("push_time=-1", "m 2\n", 400, "parameter push_time: "),
        ("push_time=Inf", "m 2\n", 400, "parameter push_time: "),
        ("push_failure_time=NaN", "m 2\n", 400, "parameter push_failure_time: "),
        ("push_failure_time=", "m 2\n", 400, "parameter push_failure_time: "),
        ("push_time=1&push_time=2", "m 2\n", 400, "given twice"),
        ("keep_newer=maybe", "m 2\n", 400, "parameter keep_newer: "),
        ("when=1", "m 2\n", 400, "parameter when: unknown"),
        ("", "m 2\nm 2\n", 400, "inconsistent"),
        ("", "# TYPE n counter\nn 2\n", 400, "inconsistent"),
        ("", "m\n", 400, "line 1"),
        ("", "m 1\no 1\np 1\n", 503, "--storage.max-series"),
        ("", &"m 1\n".repeat(300), 413, "--push.max-body-bytes"),
    ] {
        let (answered, text) = place(&gateway, query, body);
        assert_eq!(answered, status, "{query} {body}: {text}");
        assert!(text.contains(named), "{query} {body}: {text}");
    }
    for (path, status) in [
        ("/api/v1/admin/groups/job/", 400),
        ("/api/v1/admin/groups/job/a/x", 400),
        ("/api/v1/admin/groups/job/a/__x/1", 400),
        ("/api/v1/admin/groups/job@base64/%25", 400),
        ("/api/v1/admin/groups", 404),
        ("/api/v1/admin/groups/jobs/a", 404),
    ] {
        assert_eq!(gateway.put(path, "m 1\n").status, status, "{path}");
    }
    assert_eq!(gateway.send("GET", PLACE, &[], b"").status, 405);
    assert_eq!(
        times(&gateway),
        [Some(1_763_900_000.5), Some(1_763_900_001.5)],
        "no failure either"
    );
    let after = gateway.scrape().text().lines().filter(|line| line.contains("job=")).count();
    assert_eq!(after, before);
}

#[test]
fn only_who_administers_and_may_push_to_the_job_places_groups() {
    let gateway = start(&[]);
    assert_eq!(gateway.put(PLACE, "m 1\n").status, 404, "without --web.enable-admin-api");
    let policy = "users:\n  ops: { push: [a], admin: true }\n  job: { push: ['*'] }\n";
    let policy = PolicyFile::new("placed", policy);
    let gateway = start_with(&[&policy.flag(), "--web.enable-admin-api"], |access| {
        access.replace_web(&users(&["ops", "job"], 4));
    });
    let place = |user: &str, path: &str| {
        let answer = gateway.send("PUT", path, &[&credentials(user, user)], b"m 1\n");
        (answer.status, answer.text().to_owned())
    };
    assert_eq!(gateway.put(PLACE, "m 1\n").status, 401);
    let refused = "user \"job\" may not administer\n".to_owned();
    assert_eq!(place("job", PLACE), (403, refused));
    let refused = "user \"ops\" may not push to job \"b\"\n".to_owned();
    assert_eq!(place("ops", "/api/v1/admin/groups/job/b"), (403, refused));
    assert_eq!(place("ops", PLACE), (200, String::new()));
}

#[test]
fn times_outlast_a_restart() {
    let file = std::env::temp_dir().join(format!("shardgate-placed-{}", std::process::id()));
    let flags = [&*format!("--persistence.file={}", file.display()), "--persistence.sync=push"];
    let gateway = with_admin(&flags);
    assert_eq!(place(&gateway, TIMES, "m 1\n").0, 200);
    drop(gateway);
    let gateway = with_admin(&flags);
    let is_ready = || gateway.get("/-/ready").status == 200;
    while !is_ready() {
        std::thread::yield_now();
    }
    assert_eq!(times(&gateway), [Some(1_763_900_000.5), Some(1_763_900_001.5)]);
    assert_eq!(gateway.pushed(), [format!("m{LABELS} 1")]);
    drop(gateway);
    std::fs::remove_file(file).unwrap();
}
