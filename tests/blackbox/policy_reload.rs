//! The files that say who may do what, read again while the gateway runs.

use std::time::{Duration, Instant};

use crate::basic_auth::{credentials, send_as, users};
use crate::gateway::{Running, start};
use crate::policy::PolicyFile;

/// Waits until something is so.
fn until(mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < Duration::from_secs(20), "it never is");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn push(gateway: &Running, user: &str, path: &str) -> u16 {
    send_as(gateway, user, "PUT", path).status
}

/// A web configuration with these users, each with their name as password.
fn web(names: &[&str]) -> String {
    let users = users(names, 4).users;
    let users = users.iter().map(|(name, hash)| format!("  {name}: {}\n", hash.as_str()));
    format!("basic_auth_users:\n{}", users.collect::<String>())
}

#[test]
fn what_the_files_say_now_holds_and_a_broken_one_changes_nothing() {
    let config = PolicyFile::new("reload-web", &web(&["a", "ops"]));
    let policy = "users: { ops: { scrape: true }, a: { push: [one] } }";
    let policy = PolicyFile::new("reload", policy);
    let web_flag = config.flag().replace("--auth.policy-file", "--web.config.file");
    let gateway = start(&[&web_flag, &policy.flag()]);
    assert_eq!(push(&gateway, "a", "/metrics/job/one"), 200);
    assert_eq!(push(&gateway, "a", "/metrics/job/two"), 403);
    assert_eq!(push(&gateway, "b", "/metrics/job/two"), 401);

    policy.replace("users: { ops: { scrape: true }, a: { push: [two] }, b: { push: ['*'] } }");
    until(|| push(&gateway, "a", "/metrics/job/two") == 200);
    assert_eq!(push(&gateway, "a", "/metrics/job/one"), 403);

    let mut stream = gateway.connect();
    let request = |user: &str| {
        let header = credentials(user, user);
        format!("GET /-/healthy HTTP/1.1\r\nhost: x\r\n{header}\r\n\r\n")
    };
    let mut ask = |user: &str| {
        std::io::Write::write_all(&mut stream, request(user).as_bytes()).unwrap();
        crate::gateway::read_answer(&mut stream).unwrap().status
    };
    assert_eq!(ask("a"), 200);
    config.replace(&web(&["b", "ops"]));
    until(|| push(&gateway, "b", "/metrics/job/two") == 200);
    assert_eq!((ask("a"), ask("b")), (401, 200), "the connection outlasts its user");

    let failed = || {
        let scrape = send_as(&gateway, "ops", "GET", "/metrics");
        scrape.text().contains("\nshardgate_policy_reload_failed 1\n")
    };
    assert!(!failed());
    policy.replace("users: { b: { pusch: ['*'] } }");
    until(failed);
    assert_eq!(push(&gateway, "b", "/metrics/job/two"), 200, "the last good one stays");
    policy.replace("users: { ops: { scrape: true } }");
    until(|| push(&gateway, "b", "/metrics/job/two") == 403);
    assert!(!failed());
}

#[test]
fn a_quota_that_changes_keeps_count_of_what_is_stored() {
    let policy = PolicyFile::new("quota-reload", "default: { push: ['*'] }");
    let gateway = start(&[&policy.flag()]);
    let push = |job: &str| gateway.put(&format!("/metrics/job/{job}"), "m 1\n").status;
    assert_eq!((push("a"), push("b")), (200, 200));
    policy.replace("default: { push: ['*'], quota: { groups: 1 } }");
    // Until then each try makes a group.
    until(|| {
        let status = push("c");
        gateway.delete("/metrics/job/c");
        status == 429
    });
    assert_eq!(push("b"), 200, "what is stored may be replaced, though it is too much");
    policy.replace("default: { push: ['*'], quota: { groups: 9 } }");
    until(|| push("d") == 200);
}
