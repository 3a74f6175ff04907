//! What may be stored, and what a push may say: beyond it an answer that names the flag, and nothing changed.

use crate::gateway::{Answer, Running, start};
use crate::persistence::{self, Process, program};

fn refused(answer: &Answer, status: u16, flag: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert!(answer.text().contains(flag), "{answer:?}");
}

fn shed(gateway: &Running, reason: &str) -> Option<f64> {
    gateway.value(&format!("shardgate_pushes_shed_total{{reason=\"{reason}\"}}"))
}

fn full(answer: &Answer, flag: &str) {
    refused(answer, 503, flag);
    assert_eq!(answer.header("retry-after"), Some("60"));
}

#[test]
fn series_beyond_the_bound_are_refused_and_change_nothing() {
    let gateway = start(&["--storage.max-series=10", "--storage.max-bytes=0"]);
    assert_eq!(gateway.put("/metrics/job/a", "m 1\nn 1\no 1\n").status, 200);
    assert_eq!(gateway.put("/metrics/job/b", "m 1\nn 1\n").status, 200);
    // Nine of ten: five and four, the push times among them.
    let flag = "--storage.max-series";
    full(&gateway.put("/metrics/job/c", "m 1\n"), flag);
    full(&gateway.put("/metrics/job/c", ""), flag);
    full(&gateway.post("/metrics/job/a", "p 1\nq 1\n"), flag);
    let before = gateway.pushed();
    let failed = |job: &str| format!("push_failure_time_seconds{{instance=\"\",job=\"{job}\"}}");
    assert_eq!(gateway.value(&failed("a")), Some(0.0));
    assert_eq!(gateway.value(&failed("c")), None);
    // A group that only failed would take room too.
    assert_eq!(gateway.put("/metrics/job/c", "m 1\nm 2\n").status, 400);
    assert_eq!((gateway.value(&failed("c")), gateway.pushed()), (None, before));
    assert_eq!(shed(&gateway, "series"), Some(3.0));
    assert_eq!(gateway.value("shardgate_storage_series_limit"), Some(10.0));
    assert_eq!(gateway.value("shardgate_storage_bytes_limit"), None);
    // What grows nothing is taken, and what goes makes room.
    assert_eq!(gateway.get("/-/ready").status, 200);
    assert_eq!(gateway.post("/metrics/job/a", "p 1\n").status, 200, "the tenth");
    assert_eq!(gateway.put("/metrics/job/a", "m 2\nn 2\no 2\np 200000\n").status, 200);
    assert_eq!(gateway.put("/metrics/job/a", "m 2\n").status, 200);
    assert_eq!(gateway.put("/metrics/job/c", "m 1\n").status, 200);
    full(&gateway.put("/metrics/job/d", ""), flag);
    assert_eq!(gateway.delete("/metrics/job/b").status, 202);
    assert_eq!(gateway.put("/metrics/job/d", "m 1\nn 1\n").status, 200);
}

/// What all that is stored counts for.
fn stored(gateway: &Running) -> f64 {
    let lines = gateway.scrape().text().to_owned();
    let counted = lines.lines().filter_map(|line| line.strip_prefix("shardgate_storage_bytes{"));
    counted.map(|line| line.split(' ').next_back().unwrap().parse::<f64>().unwrap()).sum()
}

#[test]
fn a_wipe_makes_room_and_of_two_full_sizes_each_is_told() {
    let gateway =
        start(&["--storage.max-series=1000", "--storage.max-bytes=2500", "--web.enable-admin-api"]);
    let body = "m{l=\"0123456789012345678901234567890123456789012345678901234567890\"} 1\n";
    assert_eq!(gateway.put("/metrics/job/a", body).status, 200);
    let lines = gateway.pushed().iter().map(|line| line.len() as f64 + 1.0).sum::<f64>();
    assert!((lines..2500.0).contains(&stored(&gateway)), "{}", stored(&gateway));
    full(
        &gateway.put("/metrics/job/b", &body.repeat(2).replacen('m', "n", 1)),
        "--storage.max-bytes",
    );
    assert_eq!(shed(&gateway, "bytes"), Some(1.0));
    assert_eq!(gateway.send("PUT", "/api/v1/admin/wipe", &[], b"").status, 202);
    assert_eq!(stored(&gateway), 0.0);
    assert_eq!(gateway.put("/metrics/job/b", body).status, 200);
}

#[test]
fn values_may_become_longer_however_full_the_gateway_is() {
    let gateway = start(&[]);
    assert_eq!(gateway.put("/metrics/job/a", "m 1\n").status, 200);
    let gateway = start(&[&format!("--storage.max-bytes={}", stored(&gateway))]);
    assert_eq!(gateway.put("/metrics/job/a", "m 1\n").status, 200);
    assert_eq!(gateway.put("/metrics/job/a", "m 1.2345678901234\n").status, 200);
    full(&gateway.post("/metrics/job/a", "n 1\n"), "--storage.max-bytes");
    assert_eq!(gateway.put("/metrics/job/a", "m 1.23456789012345\n").status, 200);
    full(&gateway.put("/metrics/job/a", "# HELP m Help.\nm 1\n"), "--storage.max-bytes");
}

#[test]
fn help_texts_keys_names_and_groups_of_rejected_pushes_count() {
    const BYTES_MAX: usize = 1_000_000;
    let long = |at: usize| format!("{at:03}{}", "x".repeat(60_000));
    let help = |at| (format!("/metrics/job/{at}"), format!("# HELP m {}\nm 1\n", long(at)));
    let key = |at| (format!("/metrics/job/{}", long(at)), String::new());
    let name = |at| (format!("/metrics/job/{at}"), format!("m{} 1\n", long(at)));
    let value = |at| (format!("/metrics/job/{at}"), format!("m{{l=\"{}\"}} 1\n", long(at)));
    for push in [&help as &dyn Fn(usize) -> (String, String), &key, &name, &value] {
        let gateway = start(&[&format!("--storage.max-bytes={BYTES_MAX}")]);
        let mut pushes = (0..BYTES_MAX / 60_000 + 1).map(push);
        let refused = pushes.find_map(|(path, body)| {
            let answer = gateway.put(&path, &body);
            (answer.status != 200).then_some(answer)
        });
        full(&refused.expect("the next does not fit"), "--storage.max-bytes");
        assert!(stored(&gateway) <= BYTES_MAX as f64);
        assert!(gateway.scrape().body.len() < 2 * BYTES_MAX, "nor is more than that shown");
    }
    // Groups that are there since a push was rejected, and one that there is no room for.
    let gateway = start(&[&format!("--storage.max-bytes={BYTES_MAX}")]);
    for at in 0..BYTES_MAX / 60_000 {
        let answer = gateway.put(&format!("/metrics/job/{}", long(at)), "m 1\nm 2\n");
        refused(&answer, 400, "same series twice");
    }
    let scrape = gateway.scrape();
    let failed =
        scrape.text().lines().filter(|line| line.starts_with("push_failure_time_seconds{"));
    assert!((1..=4).contains(&failed.count()), "each counts for its key and its push times");
    assert!(stored(&gateway) <= BYTES_MAX as f64);
}

#[test]
fn a_share_of_the_memory_bounds_what_is_stored_unless_a_flag_does() {
    let started = |flags: &[&str]| {
        let gateway = Process::start(&mut program(flags));
        let status = gateway.get("/status").text().to_owned();
        let scrape = gateway.get("/metrics");
        let limit = "shardgate_storage_bytes_limit ";
        let bound = scrape.text().lines().find_map(|line| line.strip_prefix(limit));
        let bound = bound.map(|bound| bound.parse::<f64>().unwrap());
        (status, bound, gateway.terminate().1.concat())
    };
    let (status, bound, log) = started(&[]);
    assert!(status.contains("half of "), "{status}");
    let bound = bound.expect("there is a bound");
    assert!(log.contains(&format!("bytes_max={bound} ")), "{log:?}");
    let (status, bound, log) = started(&["--storage.max-bytes=0"]);
    assert!(status.contains("none: --storage.max-bytes=0"), "{status}");
    assert_eq!(bound, None);
    assert!(log.contains("--storage.max-bytes is 0"), "{log:?}");
}

#[test]
fn a_group_beyond_its_bound_is_refused_and_stays_as_it_is() {
    let gateway = start(&["--storage.max-group-bytes=5000"]);
    assert_eq!(gateway.put("/metrics/job/a", "m 1\n").status, 200);
    let lines = |from: usize| {
        (from..from + 30).map(|at| format!("n{{l=\"{at}\"}} 1\n")).collect::<String>()
    };
    assert_eq!(gateway.post("/metrics/job/a", &lines(0)).status, 200);
    let before = gateway.pushed();
    let flag = "--storage.max-group-bytes";
    let help = format!("# HELP o {}\no 1\n", "x".repeat(4000));
    refused(&gateway.post("/metrics/job/a", &lines(0).replace('n', "o")), 400, flag);
    refused(&gateway.post("/metrics/job/a", &help), 400, flag);
    refused(&gateway.put("/metrics/job/b", &(lines(100) + &lines(200))), 400, flag);
    assert_eq!(gateway.pushed(), before);
    assert_eq!(gateway.put("/metrics/job/a", &lines(30)).status, 200);
}

#[test]
fn what_was_stored_under_a_larger_bound_is_loaded_and_only_growth_is_refused() {
    let directory = persistence::Directory::new();
    let file = directory.store();
    let gateway = persistence::start(&file, &["--persistence.sync=push"]);
    let body = |value: usize| format!("# HELP m {}\nm {value}\n", "x".repeat(10_000));
    for job in ["a", "b"] {
        gateway.put(&format!("/metrics/job/{job}"), &body(1));
    }
    gateway.stop();
    let bounds = ["--storage.max-bytes=9000", "--storage.max-group-bytes=4000"];
    let gateway = persistence::start(&file, &bounds);
    assert_eq!(gateway.lines().iter().filter(|line| line.starts_with("m{")).count(), 2);
    let push = |method: &str, job: &str, body: &str| {
        gateway.send(method, &format!("/metrics/job/{job}"), &[], body.as_bytes())
    };
    gateway.put("/metrics/job/a", &body(2));
    refused(&push("POST", "a", "n 1\n"), 400, "--storage.max-group-bytes");
    full(&push("PUT", "c", "m 1\n"), "--storage.max-bytes");
    for job in ["a", "b", "c"] {
        gateway.put(&format!("/metrics/job/{job}"), "m 1\n");
    }
    let (_, log) = gateway.terminate();
    assert!(log.iter().any(|line| line.contains("nothing can be added")), "{log:?}");
}

#[test]
fn an_unchecked_push_that_does_not_fit_is_dropped_and_counted() {
    let gateway = start(&["--storage.max-series=3", "--push.disable-consistency-check"]);
    assert_eq!(gateway.put("/metrics/job/a", "m 1\n").status, 202);
    // It is answered before it is stored, and the other may be for another shard.
    assert_eq!(gateway.pushed(), [r#"m{instance="",job="a"} 1"#]);
    assert_eq!(gateway.put("/metrics/job/b", "m 1\n").status, 202);
    assert_eq!(gateway.pushed(), [r#"m{instance="",job="a"} 1"#]);
    assert_eq!(gateway.value("shardgate_pushes_dropped_total"), Some(1.0));
}

#[test]
fn what_is_on_disk_is_loaded_whatever_the_bound_and_can_be_replaced() {
    let directory = persistence::Directory::new();
    let file = directory.store();
    let gateway = persistence::start(&file, &["--persistence.sync=push"]);
    for job in ["a", "b", "c"] {
        gateway.put(&format!("/metrics/job/{job}"), "m 1\nn 1\n");
    }
    gateway.stop();
    let gateway = persistence::start(&file, &["--storage.max-series=5"]);
    assert_eq!(gateway.lines().iter().filter(|line| line.starts_with("m{")).count(), 3);
    let push = |job: &str, body: &str| {
        let path = format!("/metrics/job/{job}");
        gateway.send("POST", &path, &[], body.as_bytes()).status
    };
    assert_eq!((push("a", "m 2\n"), push("a", "o 1\n"), push("d", "m 1\n")), (200, 503, 503));
    gateway.put("/metrics/job/a", "m 3\n");
    for job in ["b", "c"] {
        let path = format!("/metrics/job/{job}");
        assert_eq!(gateway.send("DELETE", &path, &[], b"").status, 202);
    }
    assert_eq!((push("a", "n 1\no 1\n"), push("a", "p 1\n")), (200, 503));
    let (_, log) = gateway.terminate();
    let warned = log.iter().filter(|line| line.contains("level=warn")).collect::<Vec<_>>();
    assert!(warned.iter().any(|line| line.contains("--storage.max-series")), "{warned:?}");
}

#[test]
fn labels_beyond_the_bounds_name_line_and_flag_and_store_nothing() {
    let gateway = start(&["--push.max-labels=4", "--push.max-label-bytes=16"]);
    let (many, long) = ("--push.max-labels", "--push.max-label-bytes");
    let sixteen = "x".repeat(16);
    let body = format!("m 1\nm{{a=\"{sixteen}\",b=\"1\"}} 1\n");
    assert_eq!(gateway.put("/metrics/job/a", &body).status, 200);
    for (body, flag) in [
        ("m 1\nm{a=\"1\",b=\"1\",c=\"1\"} 1\n".to_owned(), many),
        (format!("m 1\nm{{a=\"{sixteen}x\"}} 1\n"), long),
        (format!("m 1\nm{{{sixteen}x=\"1\"}} 1\n"), long),
    ] {
        let answer = gateway.put("/metrics/job/b", &body);
        refused(&answer, 400, flag);
        assert!(answer.text().contains("line 2"), "{answer:?}");
    }
    refused(&gateway.put("/metrics/job/b/c/1/d/1/e/1", "m 1\n"), 400, many);
    refused(&gateway.put(&format!("/metrics/job/{sixteen}x"), "m 1\n"), 400, long);
    refused(&gateway.put(&format!("/metrics/job/b/{sixteen}x/1"), "m 1\n"), 400, long);
    // A family `m`, an untyped metric with three labels.
    let label = |name: u8| [&b"\x0a\x06\x0a\x01"[..], &[name], b"\x12\x01x"].concat();
    let metric = [label(b'a'), label(b'b'), label(b'c'), b"\x2a\x09\x09\0\0\0\0\0\0\0\0".to_vec()];
    let metric = metric.concat();
    let family = [&b"\x0a\x01m\x18\x03\x22"[..], &[metric.len() as u8], &metric].concat();
    let body = [&[family.len() as u8][..], &family].concat();
    let protobuf = "content-type: application/vnd.google.protobuf; \
        proto=io.prometheus.client.MetricFamily; encoding=delimited";
    let answer = gateway.send("PUT", "/metrics/job/b", &[protobuf], &body);
    refused(&answer, 400, many);
    assert!(answer.text().contains("metric family 1"), "{answer:?}");
    assert!(!gateway.scrape().text().contains("job=\"b\""), "no failure time either");
    let one_fewer = start(&["--push.max-labels=5"]);
    assert_eq!(one_fewer.send("PUT", "/metrics/job/b", &[protobuf], &body).status, 200);
}
