//! Quotas: how much of it.

use crate::basic_auth::{credentials, send_as, users};
use crate::gateway::{Answer, Running, start_with};
use crate::policy::PolicyFile;

fn gateway(name: &str, quota: &str) -> Running {
    let text = format!(
        "users:\n  a: {{ push: ['*'], quota: {{ {quota} }} }}\n  b: {{ push: ['*'], scrape: true }}\n"
    );
    let policy = PolicyFile::new(name, &text);
    start_with(&[&policy.flag()], |access| access.replace_web(&users(&["a", "b"], 4)))
}

fn push(gateway: &Running, user: &str, headers: &[&str], body: &[u8]) -> Answer {
    let credentials = credentials(user, user);
    let headers: Vec<&str> = headers.iter().copied().chain([&*credentials]).collect();
    gateway.send("PUT", "/metrics/job/j", &headers, body)
}

/// How often a quota of the user `a` was in the way.
fn refusals(gateway: &Running, quota: &str) -> u64 {
    let scrape = send_as(gateway, "b", "GET", "/metrics");
    let sample = format!("shardgate_quota_refusals_total{{quota=\"{quota}\",user=\"a\"}} ");
    let value = scrape.text().lines().find_map(|line| line.strip_prefix(&*sample));
    value.unwrap().parse().unwrap()
}

#[test]
fn who_pushes_too_often_is_told_when_to_come_back_and_nobody_else_notices() {
    let gateway = gateway("rate", "pushes_per_second: 0.01");
    assert_eq!(push(&gateway, "a", &[], b"m 1\n").status, 200);
    let answer = push(&gateway, "a", &[], b"m 2\n");
    assert_eq!(answer.status, 429);
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((90..=100).contains(&seconds), "{seconds}");
    assert!(answer.text().contains("pushes_per_second"), "{}", answer.text());
    assert_eq!(send_as(&gateway, "a", "DELETE", "/metrics/job/j").status, 429);
    assert!((0..20).all(|_| push(&gateway, "b", &[], b"other 1\n").status == 200));
    assert_eq!(refusals(&gateway, "pushes_per_second"), 2);
}

#[test]
fn a_body_over_the_quota_is_refused_as_it_comes_and_as_it_grows() {
    let gateway = gateway("body", "body_bytes: 100");
    let long = format!("m 1\n# {}\n", "x".repeat(200));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut gzip, long.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    assert!(gzip.len() < 100);
    for (headers, body) in [(&[][..], long.as_bytes()), (&["content-encoding: gzip"], &gzip)] {
        let answer = push(&gateway, "a", headers, body);
        assert_eq!(answer.status, 413);
        assert!(answer.text().contains("quota body_bytes"), "{}", answer.text());
        assert_eq!(push(&gateway, "b", headers, body).status, 200);
    }
    assert_eq!(push(&gateway, "a", &[], b"m 1\n").status, 200);
    assert_eq!(refusals(&gateway, "body_bytes"), 2);
}

#[test]
fn groups_and_series_are_bounded_by_what_is_stored() {
    for (name, quota, bound) in
        [("groups", "groups: 2", "groups"), ("series", "series: 7", "series")]
    {
        let gateway = gateway(name, quota);
        let put =
            |user: &str, job: &str| send_as(&gateway, user, "PUT", &format!("/metrics/job/{job}"));
        // Each group has a series and two push times.
        assert_eq!((put("a", "one").status, put("a", "two").status), (200, 200));
        let refused = put("a", "three");
        assert_eq!((refused.status, refused.header("retry-after")), (429, Some("60")), "{quota}");
        assert!(refused.text().contains(bound), "{}", refused.text());
        assert_eq!(put("a", "two").status, 200, "what is stored may be replaced");
        assert!((0..5).all(|at| put("b", &format!("b{at}")).status == 200), "others go on");
        let scrape = send_as(&gateway, "b", "GET", "/metrics");
        assert!(!scrape.text().contains("job=\"three\""), "nothing of it is applied");
        assert_eq!(send_as(&gateway, "a", "DELETE", "/metrics/job/one").status, 202);
        assert_eq!(put("a", "three").status, 200, "there is room again");
        assert_eq!(refusals(&gateway, bound), 1);
    }
}

#[test]
fn a_group_counts_for_who_pushed_it_last() {
    let gateway = gateway("owner", "groups: 1");
    let put =
        |user: &str, job: &str| send_as(&gateway, user, "PUT", &format!("/metrics/job/{job}"));
    assert_eq!(put("a", "one").status, 200);
    assert_eq!(put("b", "one").status, 200);
    assert_eq!(put("a", "two").status, 200, "the first is now another's");
    assert_eq!(put("a", "one").status, 429, "and would be a second one");
}

#[test]
fn bytes_are_bounded_by_what_is_stored_and_counted_apart() {
    let gateway = gateway("bytes", "bytes: 20000");
    let put = |job: &str, bytes: usize| {
        let body = format!("m{{x=\"{}\"}} 1\n", "y".repeat(bytes));
        let credentials = credentials("a", "a");
        gateway.send("PUT", &format!("/metrics/job/{job}"), &[&credentials], body.as_bytes())
    };
    assert_eq!((put("one", 8000).status, put("two", 5000).status), (200, 200));
    let refused = put("three", 5000);
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("60")));
    assert!(refused.text().contains("quota of bytes"), "{}", refused.text());
    assert_eq!(put("one", 7000).status, 200, "what is stored may shrink");
    assert_eq!(put("two", 16_000).status, 429, "and not grow");
    assert_eq!(send_as(&gateway, "b", "PUT", "/metrics/job/b").status, 200, "others go on");
    assert_eq!(send_as(&gateway, "a", "DELETE", "/metrics/job/one").status, 202);
    assert_eq!(put("three", 5000).status, 200, "there is room again");
    assert_eq!((refusals(&gateway, "bytes"), refusals(&gateway, "series")), (2, 0));
}
