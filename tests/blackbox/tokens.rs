//! Bearer tokens of the policy, beside basic authentication.

use crate::basic_auth::{credentials, users};
use crate::gateway::start_with;
use shardgate::access::policy;

/// The hashes are those of `test` and of `old`.
const POLICY: &str = "
users:
  ops: { push: ['*'], scrape: true, read: true }
tokens:
  ci:
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    expires: 2199-01-01
    push: ['ci-*']
  old:
    sha256: cba06b5736faf67e54b07b561eae94395e774c517a7d910a54369e1263ccfbd4
    expires: 2020-01-01T00:00:00Z
    push: ['*']
";

#[test]
fn a_token_may_push_to_its_jobs_and_nothing_else() {
    for has_users in [true, false] {
        let gateway = start_with(&[], move |access| {
            if has_users {
                access.replace_web(&users(&["ops"], 4));
            }
            access.replace_policy(policy::parse(POLICY.as_bytes()).unwrap());
        });
        let ask = |header: &str, method: &str, path: &str| {
            gateway.send(method, path, &[header], b"m 1\n")
        };
        let ci = "authorization: Bearer test";
        assert_eq!(ask(ci, "PUT", "/metrics/job/ci-1").status, 200);
        assert_eq!(ask("Authorization: bearer  test", "POST", "/metrics/job/ci-1").status, 200);
        let denied = ask(ci, "PUT", "/metrics/job/web");
        assert_eq!(
            (denied.status, denied.text()),
            (403, "token \"ci\" may not push to job \"web\"\n")
        );
        assert_eq!(ask(ci, "GET", "/metrics").status, 403);
        assert_eq!(ask(ci, "GET", "/-/healthy").status, 200, "it needs no right");
        for (header, reason) in [
            ("authorization: Bearer old", "Unauthorized: the token has expired\n"),
            ("authorization: Bearer Test", "Unauthorized: the token is not known\n"),
        ] {
            let answer = ask(header, "PUT", "/metrics/job/ci-1");
            assert_eq!((answer.status, answer.text()), (401, reason), "{header}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
        }
        let without = gateway.put("/metrics/job/ci-1", "m 1\n").status;
        assert_eq!(without, if has_users { 401 } else { 403 });
        if has_users {
            let ops = credentials("ops", "ops");
            assert_eq!(ask(&ops, "PUT", "/metrics/job/web").status, 200);
            let scrape = ask(&ops, "GET", "/metrics");
            let counted = "shardgate_auth_failures_total{reason=\"expired_token\"} 1\n";
            assert!(scrape.text().contains(counted), "{}", scrape.text());
        }
    }
}
