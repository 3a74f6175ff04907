//! What was pushed before a restart is what is shown after it.

use std::path::Path;
use std::time::Duration;

use crate::formats::ALL_KINDS;
use crate::persistence::{Directory, Process, file_flag, program, start};
use crate::persistence_shown::{assert_same, shown};

const OPEN_METRICS: &str = "--web.enable-openmetrics";
const UTF8_NAMES: &str = "--push.enable-utf8-names";
/// What is answered is on disk.
const SYNC: &str = "--persistence.sync=push";
const PROTOBUF: &str = "content-type: application/vnd.google.protobuf; \
    proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// A field of fewer than 128 bytes, whose number is below 16.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, content.len() as u8], content].concat()
}

/// A family of one metric without labels, delimited.
fn family(name: &str, kind: u8, value: &[u8]) -> Vec<u8> {
    let about = [field(1, name.as_bytes()), vec![3 << 3, kind]].concat();
    let family = [about, field(4, value)].concat();
    [&[family.len() as u8], &family[..]].concat()
}

/// What text has no words for: a native histogram with a time of creation, and a counter with an exemplar.
fn beyond_text() -> Vec<u8> {
    let native = b"\x08\x03\x11\0\0\0\0\0\0\0\0\x28\0\x38\x01\x62\x04\x08\0\x10\x02\x6a\x02\x02\0";
    let created = field(15, b"\x08\xc0\xcf\x24");
    let native = family("native", 4, &field(7, &[&native[..], &created].concat()));
    let value = [b"\x09".as_slice(), &7f64.to_le_bytes()].concat();
    let trace = field(1, &[field(1, b"trace"), field(2, b"0af")].concat());
    let exemplar = field(2, &[&trace[..], b"\x11", &1.5f64.to_le_bytes()].concat());
    let counter = family("exemplary", 0, &field(3, &[value, exemplar].concat()));
    [native, counter].concat()
}

/// One group of each sort that could be forgotten or come back as another.
fn push_everything(gateway: &Process) {
    gateway.put("/metrics/job/kinds", ALL_KINDS);
    let answer = gateway.send("PUT", "/metrics/job/beyond", &[PROTOBUF], &beyond_text());
    assert_eq!(answer.status, 200, "{answer:?}");
    let names = "# HELP \"a.b\" Über.\n# TYPE \"a.b\" counter\n{\"a.b\",\"c d\"=\"é\\n\"} 2\n{\"a b\"} 3\na_b 4\n";
    gateway.put("/metrics/job/names/U__l_2e_m/x", names);
    for (at, help) in ["zebra", "ape", "middle"].iter().enumerate() {
        let body = format!("# HELP helped {help}\n# TYPE helped gauge\nhelped {at}\n");
        gateway.put(&format!("/metrics/job/help/at/{at}"), &body);
    }
    for family in ["first 1\nsecond 1\n", "# TYPE third gauge\nthird 1\n", "second 2\n"] {
        let answer = gateway.send("POST", "/metrics/job/posted", &[], family.as_bytes());
        assert_eq!(answer.status, 200);
    }
    gateway.put("/metrics/job/empty/instance@base64/=", "e 1\n");
    gateway.put("/metrics/job/bare", "");
    gateway.put("/metrics/job@base64/w6kvIg==/instance@base64/YS9i/n/%22%5C", "path 1\n");
    gateway.put("/metrics/job/failed", "fine 1\n");
    for job in ["failed", "never"] {
        let path = format!("/metrics/job/{job}");
        let answer = gateway.send("PUT", &path, &[], b"# TYPE c gauge\nc 1\n");
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    gateway.put("/metrics/job/gone", "gone 1\n");
    assert_eq!(gateway.send("DELETE", "/metrics/job/gone", &[], b"").status, 202);
}

#[test]
fn everything_is_shown_as_before_however_the_gateway_ended() {
    let directory = Directory::new();
    let flags = [OPEN_METRICS, UTF8_NAMES, "--persistence.interval=100ms", "--shards=3"];
    let gateway = start(&directory.store(), &flags);
    push_everything(&gateway);
    let before = shown(&gateway);
    gateway.stop();
    // What was pushed with the flag stays when the flag is gone.
    for flags in [&flags[..], &[OPEN_METRICS, "--shards=1"], &[OPEN_METRICS, "--shards=8"]] {
        let gateway = start(&directory.store(), flags);
        assert_same(&before, &shown(&gateway));
        gateway.kill();
    }
    let gateway = start(&directory.store(), &flags);
    for path in ["/metrics/job/kinds", "/metrics/job/names/U__l_2e_m/x"] {
        assert_eq!(gateway.send("DELETE", path, &[], b"").status, 202);
    }
    push_everything(&gateway);
    let before = shown(&gateway);
    gateway.await_saved();
    gateway.kill();
    assert_same(&before, &shown(&start(&directory.store(), &flags)));
}

#[test]
fn what_conflicts_with_what_was_loaded_is_refused_and_what_replaces_it_is_not() {
    let directory = Directory::new();
    let gateway = start(&directory.store(), &[]);
    gateway.put("/metrics/job/a", "# TYPE h histogram\nh_count 1\nh_sum 1\n");
    gateway.put("/metrics/job/b", "m{n=\"1\"} 1\n");
    gateway.stop();
    let gateway = start(&directory.store(), &["--shards=5"]);
    for (path, body) in [
        ("/metrics/job/c", "# TYPE h gauge\nh 1\n"),
        ("/metrics/job/c", "h_bucket 1\n"),
        ("/metrics/job/b/n/1", "m 1\n"),
    ] {
        let answer = gateway.send("PUT", path, &[], body.as_bytes());
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.text().starts_with("pushed metrics are invalid"), "{answer:?}");
    }
    gateway.put("/metrics/job/b", "# TYPE m counter\nm{n=\"1\"} 2\n");
    gateway.put("/metrics/job/a", "h_bucket 1\n");
    assert_eq!(gateway.send("DELETE", "/metrics/job/b", &[], b"").status, 202);
    gateway.put("/metrics/job/b/n/1", "m 1\n");
}

#[test]
fn deletes_and_wipes_that_were_answered_are_on_disk_where_each_answer_waits_for_it() {
    let directory = Directory::new();
    let flags = [SYNC, "--persistence.interval=1h", "--web.enable-admin-api"];
    let mut gateway = start(&directory.store(), &flags);
    let restart = |gateway: Process| {
        gateway.kill();
        start(&directory.store(), &flags)
    };
    gateway.put("/metrics/job/a", "m 1\n");
    gateway.put("/metrics/job/b", "m 1\n");
    gateway = restart(gateway);
    assert_eq!(gateway.lines().iter().filter(|line| line.starts_with("m{")).count(), 2);
    assert_eq!(gateway.send("DELETE", "/metrics/job/a", &[], b"").status, 202);
    gateway = restart(gateway);
    let jobs: Vec<_> =
        gateway.lines().into_iter().filter(|line| line.contains("job=\"a\"")).collect();
    assert_eq!(jobs, [""; 0]);
    assert!(gateway.lines().iter().any(|line| line.starts_with("m{")), "the other group is there");
    gateway.put("/metrics/job/c", "k 1\n");
    let deleted = gateway.send("DELETE", "/api/v1/groups?job=c", &[], b"");
    assert!(deleted.text().contains("\"deleted\":1"), "{deleted:?}");
    gateway = restart(gateway);
    assert!(!gateway.lines().iter().any(|line| line.contains("job=\"c\"")));
    assert_eq!(gateway.send("PUT", "/api/v1/admin/wipe", &[], b"").status, 202);
    gateway = restart(gateway);
    assert_eq!(gateway.get("/api/v1/metrics").text(), r#"{"data":[],"status":"success"}"#);
}

#[test]
fn what_was_pushed_right_before_it_is_asked_to_end_is_there_again() {
    let directory = Directory::new();
    let gateway = start(&directory.store(), &["--persistence.interval=1h"]);
    gateway.put("/metrics/job/a", "m 1\n");
    gateway.stop();
    let gateway = start(&directory.store(), &["--persistence.interval=1h"]);
    assert!(gateway.lines().contains(&r#"m{instance="",job="a"} 1"#.to_owned()));
    gateway.put("/metrics/job/a", "m 2\n");
    gateway.kill();
    let gateway = start(&directory.store(), &[]);
    let is_old = gateway.lines().contains(&r#"m{instance="",job="a"} 1"#.to_owned());
    assert!(is_old, "the last push was to be written within the hour");
}

#[test]
fn a_store_is_one_file_and_without_the_flag_there_is_none() {
    let names = |directory: &Path| {
        let entries = std::fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>()
    };
    let directory = Directory::new();
    for (flag, files) in [
        ("--persistence.sync=push".to_owned(), &[][..]),
        (file_flag(Path::new("")), &[]),
        (file_flag(Path::new("store")), &["store"]),
    ] {
        let mut command = program(&[&flag, "--persistence.interval=10ms"]);
        let gateway = Process::start(command.current_dir(directory.path()));
        gateway.put("/metrics/job/a", "m 1\n");
        std::thread::sleep(Duration::from_millis(50));
        gateway.stop();
        assert_eq!(names(directory.path()), files, "{flag}");
    }
}
