//! Scrapes of some jobs or some families.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::formats::{GZIP, PROTOBUF};
use crate::gateway::{Running, start};
use crate::read::{self, Samples};

/// Two groups of job `a`, one of `b`, one of `ab`.
fn three_jobs() -> Running {
    let gateway = start(&[]);
    let bodies = [
        ("a", "# HELP m Help.\n# TYPE m gauge\nm 1\nonly_a 2\n"),
        ("a/x/1", "# TYPE m gauge\nm 3\n"),
        (
            "b",
            "# TYPE m gauge\nm 4\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_count 3\nh_sum 4\n",
        ),
        ("ab", "# TYPE m gauge\nm 5\n"),
    ];
    for (path, body) in bodies {
        assert_eq!(gateway.put(&format!("/metrics/job/{path}"), body).status, 200);
    }
    gateway
}

/// What the whole scrape shows of some jobs.
fn of_jobs(gateway: &Running, jobs: &[&str]) -> Samples {
    let mut samples = gateway.samples("");
    samples.retain(|(_, labels), _| labels.get("job").is_some_and(|job| jobs.contains(&&**job)));
    samples
}

#[test]
fn a_job_shows_the_families_and_push_times_of_its_groups_and_nothing_else() {
    let gateway = three_jobs();
    let text = gateway.text("?job=a", &[]);
    let families = ["m", "only_a", "push_failure_time_seconds", "push_time_seconds"];
    assert_eq!(read::families(&text), families);
    assert!(
        text.starts_with("# HELP m Help.\n# TYPE m gauge\nm{instance=\"\",job=\"a\""),
        "{text}"
    );
    assert_eq!(read::text(&text).len(), 2 + 1 + 2 + 2);
    assert_eq!(read::text(&text), of_jobs(&gateway, &["a"]));
}

#[test]
fn several_jobs_show_what_each_shows_once() {
    let gateway = three_jobs();
    let both = gateway.samples("?job=b&job=a&job=b");
    assert_eq!(both, of_jobs(&gateway, &["a", "b"]));
    let apart = gateway.samples("?job=a").len() + gateway.samples("?job=b").len();
    assert_eq!(both.len(), apart);
    assert_eq!(gateway.samples("?job=a&job=nobody"), of_jobs(&gateway, &["a"]));
}

#[test]
fn a_job_that_nobody_has_shows_nothing() {
    let gateway = three_jobs();
    for query in
        ["?job=nobody", "?job=A", "?job=a%20", "?name[]=nothing", "?name[]=", "?job=a&name[]=h"]
    {
        let answer = gateway.get(&format!("/metrics{query}"));
        assert_eq!((answer.status, answer.text()), (200, ""), "{query}");
        assert_eq!(answer.header("content-length"), Some("0"));
        let content_type = answer.header("content-type");
        assert_eq!(content_type, Some("text/plain; version=0.0.4; charset=utf-8"));
        assert_eq!(gateway.text(query, &[GZIP]), "", "{query}");
        assert_eq!(gateway.text(query, &[PROTOBUF]), "", "{query}");
    }
}

#[test]
fn jobs_of_any_text_are_found() {
    let gateway = start(&[]);
    let jobs = [
        "say \"hi\"",
        "back\\slash",
        "a/b",
        "é ✓",
        "two words",
        "a+b",
        "x&job=y",
        "li\nne",
        "%41",
        "y",
    ];
    for (at, job) in jobs.iter().enumerate() {
        let path = format!("/metrics/job@base64/{}", BASE64_URL_SAFE_NO_PAD.encode(job));
        assert_eq!(gateway.put(&path, &format!("m {at}\n")).status, 200);
    }
    for (at, job) in jobs.iter().enumerate() {
        let escaped: String = job.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for query in [escaped.clone(), escaped.replace("%20", "+"), escaped.to_lowercase()] {
            let found = gateway.samples(&format!("?job={query}"));
            assert_eq!(found.len(), 3, "{job}");
            assert_eq!(found, of_jobs(&gateway, &[job]));
            let value = found.iter().find(|((name, _), _)| name == "m").map(|(_, value)| *value);
            assert_eq!(value, Some((at as f64).to_bits()));
        }
    }
}

#[test]
fn names_show_whole_families_the_gateways_own_among_them() {
    let gateway = three_jobs();
    let families = |query: &str| {
        let text = gateway.text(query, &[]);
        let names: Vec<String> = read::families(&text).into_iter().map(str::to_owned).collect();
        names.join(" ")
    };
    let query =
        "?name[]=shardgate_groups&name%5B%5D=push_time_seconds&name[]=m&name[]=m&name[]=none";
    assert_eq!(families(query), "m push_time_seconds shardgate_groups");
    let shown = gateway.samples(query);
    let own = shown.keys().filter(|(name, _)| name == "shardgate_groups");
    assert_eq!(own.count(), 3, "one for each shard");
    let mut expected = of_jobs(&gateway, &["a", "b", "ab"]);
    expected.retain(|(name, _), _| name == "m" || name == "push_time_seconds");
    assert_eq!(expected.len(), 8);
    assert_eq!(read::pushed(shown), expected);
    // A family goes by its own name, not by those of its samples.
    assert_eq!(families("?name[]=h_sum"), "");
    assert_eq!(gateway.samples("?name[]=h").len(), 4);
}

#[test]
fn a_job_and_names_show_what_is_of_both() {
    let gateway = three_jobs();
    let shown = gateway.samples("?name[]=m&job=a&name[]=push_time_seconds&name[]=h");
    let mut expected = of_jobs(&gateway, &["a"]);
    expected.retain(|(name, _), _| name == "m" || name == "push_time_seconds");
    assert_eq!(shown.len(), 4);
    assert_eq!(shown, expected);
    assert_eq!(gateway.text("?job=a&name[]=shardgate_groups", &[]), "");
}

#[test]
fn nonsense_is_an_error_that_names_the_parameter() {
    let gateway = three_jobs();
    for (query, parameter) in [
        ("shard=3/3", "shard"),
        ("shard=x", "shard"),
        ("shard=", "shard"),
        ("shard=1", "shard"),
        ("shard=0/0", "shard"),
        ("shard=-1/3", "shard"),
        ("shard=%2B1/3", "shard"),
        ("shard=0/1025", "shard"),
        ("shard=0/3/1", "shard"),
        ("shard=0/99999999999999999999", "shard"),
        ("shard=0/2&shard=0/2", "shard"),
        ("job=", "job"),
        ("job", "job"),
        ("job=a&job=&name[]=m", "job"),
    ] {
        let answer = gateway.get(&format!("/metrics?{query}"));
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.text().contains(&format!("parameter {parameter}")), "{answer:?}");
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    }
}

#[test]
fn parameters_that_are_not_known_change_nothing() {
    let gateway = three_jobs();
    let whole = read::pushed(gateway.samples(""));
    for query in ["?", "?x=1", "?JOB=a&name=m&shards=0/3&Shard=x", "?job[]=a&&=&%", "?collect[]=x"]
    {
        let text = gateway.text(query, &[]);
        assert!(text.contains("\npushgateway_build_info{"));
        assert_eq!(read::pushed(read::text(&text)), whole, "{query}");
    }
}

#[test]
fn every_filter_shows_the_same_in_every_form() {
    let gateway = three_jobs();
    for query in [
        "?job=a",
        "?job=b&job=a",
        "?name[]=h&name[]=push_time_seconds",
        "?shard=1/2",
        "?job=a&shard=0/2&name[]=m",
    ] {
        let plain = gateway.text(query, &[]);
        for _ in 0..2 {
            assert_eq!(
                read::pushed(read::text(&gateway.text(query, &[GZIP]))),
                read::pushed(read::text(&plain))
            );
            for headers in [&[PROTOBUF][..], &[PROTOBUF, GZIP]] {
                let (families, samples) = read::protobuf(&gateway.body(query, headers));
                assert_eq!(read::pushed(samples), read::pushed(read::text(&plain)), "{query}");
                let names: Vec<&str> = families.iter().map(|family| &*family.name).collect();
                assert_eq!(names, read::families(&plain));
            }
        }
    }
}

#[test]
fn a_job_follows_what_becomes_of_its_groups() {
    let gateway = start(&["--web.enable-admin-api"]);
    let put = |path: &str, value: usize| {
        let answer = gateway.put(&format!("/metrics/job/{path}"), &format!("m {value}\n"));
        assert_eq!(answer.status, 200);
    };
    let values = || {
        let mut shown = gateway.samples("?job=a");
        assert_eq!(shown, of_jobs(&gateway, &["a"]));
        shown.retain(|(name, _), _| name == "m");
        let mut values: Vec<f64> = shown.into_values().map(f64::from_bits).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    (0..50).for_each(|at| put(&format!("a/at/{at}"), at));
    put("b", 1000);
    assert_eq!(values().len(), 50);
    (1..50)
        .for_each(|at| assert_eq!(gateway.delete(&format!("/metrics/job/a/at/{at}")).status, 202));
    assert_eq!(values(), [0.0]);
    put("a/at/7", 70);
    put("a/at/0", 71);
    assert_eq!(values(), [70.0, 71.0]);
    gateway.delete("/metrics/job/a/at/0");
    gateway.delete("/metrics/job/a/at/7");
    assert_eq!(values(), [0.0; 0]);
    put("a", 80);
    // A group that only a refused push has made is one too.
    assert_eq!(gateway.put("/metrics/job/a/x/1", "m 1 5\n").status, 400);
    assert_eq!(gateway.samples("?job=a").len(), 3 + 2);
    assert_eq!(gateway.send("PUT", "/api/v1/admin/wipe", &[], b"").status, 202);
    assert_eq!(gateway.text("?job=a", &[]), "");
    assert_eq!(gateway.text("?job=b", &[]), "");
    put("a/at/1", 90);
    assert_eq!(values(), [90.0]);
}
