//! The policy file: who may do what.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::basic_auth::{send_as, users};
use crate::gateway::{Running, start, start_with};

/// A policy file that goes when it is dropped.
pub(crate) struct PolicyFile(PathBuf);

impl PolicyFile {
    pub(crate) fn new(name: &str, text: &str) -> PolicyFile {
        let file = format!("shardgate-policy-{}-{name}.yml", std::process::id());
        let path = std::env::temp_dir().join(file);
        std::fs::write(&path, text).unwrap();
        PolicyFile(path)
    }

    pub(crate) fn flag(&self) -> String {
        format!("--auth.policy-file={}", self.0.display())
    }

    /// Puts another text in its place.
    pub(crate) fn replace(&self, text: &str) {
        std::fs::write(&self.0, text).unwrap();
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for PolicyFile {
    fn drop(&mut self) {
        let _gone = std::fs::remove_file(&self.0);
    }
}

const POLICY: &str = "
users:
  backup: { push: ['backup-*', nightly, 'a/b'] }
  prometheus: { scrape: true }
  reader: { read: true }
  ops: { push: ['*'], scrape: true, read: true, admin: true }
  nobody: {}
default: { scrape: true, push: [guests] }
";

fn gateway(name: &str) -> Running {
    let policy = PolicyFile::new(name, POLICY);
    let flags = [&*policy.flag(), "--web.enable-admin-api", "--web.enable-lifecycle"];
    start_with(&flags, |access| {
        let names = ["backup", "prometheus", "reader", "ops", "nobody", "guest"];
        access.replace_web(&users(&names, 4));
    })
}

#[test]
fn each_right_opens_what_it_is_for_and_nothing_else() {
    let gateway = gateway("rights");
    // Wipe and quit come last: after them there is nothing left to ask.
    for (method, path, allowed) in [
        ("PUT", "/metrics/job/nightly", &["backup", "ops"][..]),
        ("POST", "/metrics/job/backup-/instance/x", &["backup", "ops"]),
        ("DELETE", "/metrics/job/backup-db", &["backup", "ops"]),
        ("PUT", "/metrics/job@base64/YS9i", &["backup", "ops"]),
        ("PUT", "/metrics/job/nightly/job/other", &["backup", "ops"]),
        ("PUT", "/metrics/job/other/job/nightly", &["ops"]),
        ("PUT", "/metrics/job/backup", &["ops"]),
        ("PUT", "/metrics/job/guests", &["ops", "guest"]),
        ("GET", "/metrics", &["prometheus", "ops", "guest"]),
        ("GET", "/", &["reader", "ops"]),
        ("GET", "/status", &["reader", "ops"]),
        ("GET", "/api/v1/status", &["reader", "ops"]),
        ("GET", "/api/v1/metrics", &["reader", "ops"]),
        ("GET", "/api/v1/sd", &["reader", "ops"]),
        ("PUT", "/api/v1/admin/wipe", &["ops"]),
        ("PUT", "/-/quit", &["ops"]),
    ] {
        for user in ["backup", "prometheus", "reader", "nobody", "guest", "ops"] {
            let status = send_as(&gateway, user, method, path).status;
            let is_allowed = allowed.contains(&user);
            assert_eq!(status == 403, !is_allowed, "{user} {method} {path}: {status}");
            assert!(
                !is_allowed || (200..300).contains(&status),
                "{user} {method} {path}: {status}"
            );
        }
    }
}

#[test]
fn probes_and_options_need_no_right() {
    let gateway = gateway("none");
    for (method, path, status) in [
        ("GET", "/-/healthy", 200),
        ("GET", "/-/ready", 200),
        ("OPTIONS", "/metrics/job/a", 200),
        ("OPTIONS", "/api/v1/metrics", 200),
        ("GET", "/nothing", 404),
    ] {
        assert_eq!(send_as(&gateway, "nobody", method, path).status, status, "{method} {path}");
    }
}

#[test]
fn the_reason_is_told_and_counted_and_nothing_is_applied() {
    let gateway = gateway("reason");
    let answer = send_as(&gateway, "backup", "PUT", "/metrics/job/other");
    assert_eq!(answer.text(), "user \"backup\" may not push to job \"other\"\n");
    let answer = send_as(&gateway, "backup", "GET", "/metrics");
    assert_eq!(answer.text(), "user \"backup\" may not scrape\n");
    let scrape = send_as(&gateway, "ops", "GET", "/metrics");
    assert!(!scrape.text().contains("job=\"other\""), "not even the time of a failure");
    let denied = "shardgate_auth_failures_total{reason=\"denied\"} 2\n";
    assert!(scrape.text().contains(denied), "{}", scrape.text());
    let handled =
        "pushgateway_http_requests_total{code=\"403\",handler=\"push\",method=\"put\"} 1\n";
    assert!(scrape.text().contains(handled), "{}", scrape.text());
}

#[test]
fn a_right_does_not_replace_the_flag() {
    let policy = PolicyFile::new("flag", "default: { admin: true }");
    let gateway = start(&[&policy.flag()]);
    assert_eq!(gateway.put("/api/v1/admin/wipe", "").status, 404);
    let quit = gateway.put("/-/quit", "");
    assert_eq!((quit.status, quit.text()), (403, "Lifecycle API is not enabled."));
}

#[test]
fn without_users_everybody_gets_the_default() {
    let policy = PolicyFile::new("default", "default: { push: [a] }");
    let gateway = start(&[&policy.flag()]);
    assert_eq!(gateway.put("/metrics/job/a", "m 1\n").status, 200);
    let answer = gateway.put("/metrics/job/b", "m 1\n");
    assert_eq!(answer.text(), "a client without a name may not push to job \"b\"\n");
    assert_eq!(gateway.get("/metrics").status, 403);
}

#[test]
fn a_family_may_be_reserved_for_jobs_and_for_a_type() {
    let text = "
families: { 'node_*': { jobs: ['node-*'] }, load: { type: gauge } }
default: { push: ['*'], scrape: true }
";
    let policy = PolicyFile::new("families", text);
    let gateway = start(&[&policy.flag()]);
    let put = |job: &str, body: &str| {
        let answer = gateway.put(&format!("/metrics/job/{job}"), body);
        (answer.status, answer.text().to_owned())
    };
    const GAUGE: &str = "# TYPE load gauge\nload 1\n";
    const HISTOGRAM: &str =
        "# TYPE load histogram\nload_bucket{le=\"+Inf\"} 1\nload_sum 1\nload_count 1\n";
    let (status, reason) = put("tenant", HISTOGRAM);
    assert_eq!(status, 403, "{reason}");
    let said = "a client without a name may not push family \"load\" as histogram: the policy reserves \"load\" as gauge\n";
    assert_eq!(reason, said);
    assert_eq!(put("tenant", GAUGE).0, 200);
    assert_eq!(put("other", GAUGE).0, 200, "no tenant keeps it out");
    let (status, reason) = put("tenant", "good 1\nnode_load1 1\n");
    assert!(
        status == 403
            && reason.contains("family \"node_load1\": the policy reserves it for other jobs"),
        "{reason}"
    );
    assert_eq!(put("node-1", "node_load1 1\n").0, 200);
    let stored = gateway.pushed();
    assert!(
        stored.iter().all(|line| !line.contains("good") && !line.contains("bucket")),
        "{stored:?}"
    );
    assert_eq!(stored.len(), 3, "{stored:?}");
}

#[test]
fn a_broken_policy_ends_the_start_with_one_line() {
    let program = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shardgate"));
        let output = command.args(arguments).stdin(Stdio::null()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let broken = PolicyFile::new("broken", "users:\n  a: { push: ['a*b'] }\n");
    for arguments in [
        &[&*broken.flag(), "--web.listen-address=127.0.0.1:0"][..],
        &["check", "policy", broken.path()],
    ] {
        let (status, _, error) = program(arguments);
        let error: Vec<&str> = error.lines().filter(|line| !line.starts_with("ts=")).collect();
        assert_eq!((status, error.len()), (Some(1), 1), "{error:?}");
        let is_named = |part: &str| error[0].contains(part);
        assert!([broken.path(), "line 2", "a*b"].into_iter().all(is_named), "{error:?}");
    }
    let (status, _, error) = program(&["check", "policy", "/no/such/file.yml"]);
    assert!(status == Some(1) && error.contains("/no/such/file.yml"), "{error}");
    let good = PolicyFile::new("good", POLICY);
    let (status, said, _) = program(&["check", "policy", good.path()]);
    assert!(status == Some(0) && said.contains("OK"), "{said}");
}
