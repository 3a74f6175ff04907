//! Small bodies that come to much, and large ones that only begin: what is in memory is bounded, and others go on.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::gateway::{Running, start};
use crate::hostile::{gzip, snappy};
use crate::persistence::await_that;

const PROTOBUF: &str = "content-type: application/vnd.google.protobuf; \
    proto=io.prometheus.client.MetricFamily; encoding=delimited";

fn in_flight(gateway: &Running) -> Option<f64> {
    gateway.value("shardgate_push_bytes_in_flight")
}

/// A gauge with so many samples of one label each, as delimited protobuf.
fn gauge(samples: usize) -> Vec<u8> {
    let field = |key: u8, bytes: &[u8]| [&[key, bytes.len() as u8][..], bytes].concat();
    let metric = |at: usize| {
        let label = [field(0x0a, b"l"), field(0x12, at.to_string().as_bytes())].concat();
        field(0x22, &[field(0x0a, &label), field(0x12, b"\x09\0\0\0\0\0\0\0\0")].concat())
    };
    let metrics: Vec<u8> = (0..samples).flat_map(metric).collect();
    let family = [field(0x0a, b"m"), b"\x18\x01".to_vec(), metrics].concat();
    let (mut body, mut len) = (Vec::new(), family.len());
    while len >= 0x80 {
        body.push(len as u8 | 0x80);
        len >>= 7;
    }
    body.push(len as u8);
    [body, family].concat()
}

#[test]
fn a_small_body_that_comes_to_much_is_told_where_and_what_to_do_and_stores_nothing() {
    let gateway = start(&["--push.max-rendered-bytes=4000000"]);
    let path = format!("/metrics/job/{}", "j".repeat(60_000));
    let text: String = (0..5000).map(|at| format!("m{{l=\"{at}\"}} 1\n")).collect();
    let text = text.into_bytes();
    for (headers, body, place) in [
        (&[][..], text.clone(), "line "),
        (&["content-encoding: gzip"][..], gzip(&text), "line "),
        (&["content-encoding: snappy"][..], snappy(&text), "line "),
        (&[PROTOBUF][..], gauge(5000), "metric family 1"),
    ] {
        let answer = gateway.send("PUT", &path, headers, &body);
        assert_eq!(answer.status, 413, "{answer:?}");
        for part in ["--push.max-rendered-bytes (4000000", place, "60", "fewer samples"] {
            assert!(answer.text().contains(part), "{part}: {}", answer.text());
        }
        assert_eq!(in_flight(&gateway), Some(0.0));
    }
    assert_eq!(gateway.value("shardgate_groups{shard=\"0\"}").unwrap_or_default(), 0.0);
    let few = &text[..text.iter().position(|&byte| byte == b'\n').unwrap() + 1];
    assert_eq!(gateway.send("PUT", &path, &[], few).status, 200);
}

#[test]
fn what_a_small_body_comes_to_takes_room_before_it_is_there() {
    // Sixteen times what there is room for, were it rendered first.
    let gateway = start(&["--push.max-body-bytes=1000000", "--push.max-bytes-in-flight=1000000"]);
    let path = format!("/metrics/job/{}", "j".repeat(60_000));
    let text: String = (0..260).map(|at| format!("m{{l=\"{at}\"}} 1\n")).collect();
    for (headers, body) in [
        (&[][..], text.clone().into_bytes()),
        (&["content-encoding: gzip"][..], gzip(text.as_bytes())),
        (&["content-encoding: snappy"][..], snappy(text.as_bytes())),
        (&[PROTOBUF][..], gauge(260)),
    ] {
        let answer = gateway.send("PUT", &path, headers, &body);
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
        assert!(answer.text().contains("--push.max-bytes-in-flight"), "{answer:?}");
        assert_eq!(in_flight(&gateway), Some(0.0));
    }
    let few: String = (0..8).map(|at| format!("m{{l=\"{at}\"}} 1\n")).collect();
    for _ in 0..3 {
        assert_eq!(gateway.put(&path, &few).status, 200, "it has room, and gives it back");
    }
}

/// Announces a body, and sends some of it.
fn announce(gateway: &Running, length: usize, sent: usize) -> TcpStream {
    let mut slow = gateway.connect();
    let head =
        format!("PUT /metrics/job/slow HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
    slow.write_all(head.as_bytes()).unwrap();
    slow.write_all(&vec![b'\n'; sent]).unwrap();
    slow
}

#[test]
fn bodies_that_are_only_announced_take_no_room_from_others() {
    let gateway = start(&["--push.max-body-bytes=1000000", "--push.max-bytes-in-flight=1000000"]);
    let announced: Vec<_> = (0..200).map(|_| announce(&gateway, 64 << 10, 1)).collect();
    await_that("they have begun", || {
        in_flight(&gateway).is_some_and(|bytes| bytes >= 200.0 * 1024.0)
    });
    assert!(in_flight(&gateway).is_some_and(|bytes| bytes <= 400.0 * 1024.0));
    let body = " ".repeat(99_999) + "\n";
    for _ in 0..20 {
        assert_eq!(gateway.put("/metrics/job/honest", &body).status, 200);
    }
    drop(announced);
    await_that("they have given it back", || in_flight(&gateway) == Some(0.0));
}

#[test]
fn bodies_that_no_longer_come_give_way_to_others() {
    let gateway = start(&["--push.max-body-bytes=400000", "--push.max-bytes-in-flight=400000"]);
    let mut stalled: Vec<_> = (0..6).map(|_| announce(&gateway, 100_000, 50_001)).collect();
    let body = " ".repeat(299_999) + "\n";
    await_that("they give way", || gateway.put("/metrics/job/honest", &body).status == 200);
    let mut told = 0;
    for slow in &mut stalled {
        let mut answer = String::new();
        slow.set_read_timeout(Some(std::time::Duration::from_millis(200))).unwrap();
        let _waits = slow.read_to_string(&mut answer);
        let has_given_way = answer.starts_with("HTTP/1.1 408 ")
            && answer.contains("--push.max-bytes-in-flight")
            && answer.contains("send it again");
        let had_no_room = answer.starts_with("HTTP/1.1 503 ");
        assert!(has_given_way || had_no_room || answer.is_empty(), "{answer}");
        told += usize::from(has_given_way);
    }
    assert!(told >= 1, "who gives way is told");
    drop(stalled);
    await_that("all is given back", || in_flight(&gateway) == Some(0.0));
}
