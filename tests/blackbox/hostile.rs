//! Input that nobody should send: a clear status or a closed connection, and nothing stored in part.

use std::io::{Read, Write};
use std::net::Shutdown;

use crate::gateway::{read_answer, start};

pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text).expect("writes to memory");
    encoder.finish().expect("writes to memory")
}

pub(crate) fn snappy(text: &[u8]) -> Vec<u8> {
    let mut encoder = snap::write::FrameEncoder::new(Vec::new());
    encoder.write_all(text).expect("writes to memory");
    encoder.into_inner().expect("writes to memory")
}

#[test]
fn compressed_bodies_are_understood() {
    let gateway = start(&[]);
    let put = |path, encoding, body: &[u8]| gateway.send("PUT", path, &[encoding], body).status;
    assert_eq!(put("/metrics/job/a", "content-encoding: gzip", &gzip(b"a 1\n")), 200);
    assert_eq!(put("/metrics/job/b", "content-encoding: snappy", &snappy(b"b 1\n")), 200);
    assert_eq!(put("/metrics/job/c", "content-encoding: identity", b"c 1\n"), 200);
    assert_eq!(gateway.pushed().len(), 3);
}

#[test]
fn broken_and_truncated_compression_stores_nothing() {
    let gateway = start(&[]);
    let body = "m 1\n".repeat(100).into_bytes();
    for (encoding, whole) in
        [("content-encoding: gzip", gzip(&body)), ("content-encoding: snappy", snappy(&body))]
    {
        for bad in [&whole[..whole.len() - 1], &whole[..whole.len() / 2], b"m 1\n", b""] {
            if encoding.contains("snappy") && bad.is_empty() {
                continue; // An empty stream is a whole one.
            }
            let answer = gateway.send("PUT", "/metrics/job/a", &[encoding], bad);
            assert_eq!(answer.status, 400, "{encoding} {}", bad.len());
        }
    }
    assert_eq!(gateway.value(r#"push_failure_time_seconds{instance="",job="a"}"#), None);
}

#[test]
fn a_gzip_bomb_is_too_large() {
    let gateway = start(&["--push.max-body-bytes=1000000"]);
    let bomb = gzip(&vec![b'\n'; 20_000_000]);
    assert!(bomb.len() < 1_000_000);
    let answer = gateway.send("PUT", "/metrics/job/a", &["content-encoding: gzip"], &bomb);
    assert_eq!(answer.status, 413);
    assert!(answer.text().contains("--push.max-body-bytes"));
}

#[test]
fn a_body_over_the_bound_is_too_large_with_and_without_its_length_told() {
    let gateway = start(&["--push.max-body-bytes=1000"]);
    assert_eq!(gateway.put("/metrics/job/a", &"\n".repeat(1000)).status, 200);
    assert_eq!(gateway.put("/metrics/job/a", &"\n".repeat(1001)).status, 413);
    let mut stream = gateway.connect();
    let head = "PUT /metrics/job/a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("sends");
    for _ in 0..3 {
        let _refused = stream.write_all(format!("1f4\r\n{}\r\n", "\n".repeat(500)).as_bytes());
    }
    assert_eq!(read_answer(&mut stream).expect("an answer").status, 413);
}

#[test]
fn a_connection_cut_in_the_middle_of_a_body_stores_nothing() {
    let gateway = start(&[]);
    let mut stream = gateway.connect();
    let head = "PUT /metrics/job/a HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nm 1\nn 2\n";
    stream.write_all(head.as_bytes()).expect("sends");
    stream.shutdown(Shutdown::Write).expect("is open");
    // Answered or just closed; the group must not be there, nor half of it.
    if let Some(answer) = read_answer(&mut stream) {
        assert_eq!(answer.status, 400);
    }
    assert_eq!(gateway.get("/metrics").text().find("job=\"a\""), None);
}

#[test]
fn a_client_that_has_said_all_it_wants_to_say_is_still_answered() {
    let gateway = start(&[]);
    let mut stream = gateway.connect();
    let request = "PUT /metrics/job/half HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nm 1\n";
    stream.write_all(request.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_answer(&mut stream).map(|answer| answer.status), Some(200));
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "and then the connection is closed");
}

#[test]
fn a_series_with_a_hundred_thousand_labels_is_a_series() {
    let gateway = start(&["--push.max-labels=100002"]);
    let labels: Vec<String> = (0..100_000).map(|at| format!("l{at}=\"{at}\"")).collect();
    assert_eq!(
        gateway.put("/metrics/job/a", &format!("m{{{}}} 1\n", labels.join(","))).status,
        200
    );
    let pushed = gateway.pushed();
    assert_eq!(pushed.len(), 1);
    assert_eq!(pushed[0].matches("=\"").count(), 100_002);
}

#[test]
fn a_line_of_ten_megabytes_is_read() {
    let gateway = start(&["--push.max-label-bytes=10485760"]);
    let value = "x".repeat(10 << 20);
    assert_eq!(gateway.put("/metrics/job/a", &format!("m{{l=\"{value}\"}} 1\n")).status, 200);
    assert_eq!(
        gateway.pushed()[0].len(),
        value.len() + "m{instance=\"\",job=\"a\",l=\"\"} 1".len()
    );
    assert_eq!(gateway.put("/metrics/job/a", &"y".repeat(10 << 20)).status, 400);
}

#[test]
fn invalid_utf8_is_refused_where_it_would_be_shown() {
    let gateway = start(&[]);
    let put = |body: &[u8]| gateway.send("PUT", "/metrics/job/a", &[], body).status;
    assert_eq!(put(b"m{l=\"\xff\"} 1\n"), 400);
    assert_eq!(put(b"# HELP m \xff\nm 1\n"), 400);
    assert_eq!(put(b"\xff 1\n"), 400);
    assert_eq!(put(b"# \xff is only a comment\nm 1\n"), 200);
    assert_eq!(gateway.put("/metrics/job/%FF", "m 1\n").status, 400);
    assert_eq!(gateway.put("/metrics/job@base64/_w", "m 1\n").status, 400);
}

#[test]
fn what_is_not_http_is_answered_or_closed() {
    let gateway = start(&[]);
    let huge = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(1 << 20));
    let both = "PUT /metrics/job/a HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nm 1\n";
    for bad in ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", &huge, both] {
        let mut stream = gateway.connect();
        let _refused = stream.write_all(bad.as_bytes());
        let _closed = stream.shutdown(Shutdown::Write);
        if let Some(answer) = read_answer(&mut stream) {
            assert!((400..500).contains(&answer.status), "{answer:?}");
        }
    }
    assert_eq!(gateway.get("/-/healthy").status, 200);
}
