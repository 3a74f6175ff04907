//! Bodies that a refusal leaves unread, over HTTP/1: the client sees the refusal, and cannot send for ever.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::gateway::{Running, read_answer, start};

/// More than the buffers of both sockets hold.
const BODY_BYTES: usize = 16 << 20;

fn begin(gateway: &Running, path: &str, bytes: usize) -> TcpStream {
    let mut stream = gateway.connect();
    let head = format!("PUT {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {bytes}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

#[test]
fn a_client_that_reads_only_once_it_has_sent_a_large_body_sees_the_refusal() {
    let gateway = start(&["--push.max-body-bytes=100"]);
    let body = vec![b'x'; BODY_BYTES];
    for (path, status) in
        [("/nothing", 404), ("/metrics/job/a%zz", 400), ("/metrics/job/a", 413), ("/-/ready", 405)]
    {
        let mut stream = begin(&gateway, path, body.len());
        stream.write_all(&body).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(read_answer(&mut stream).unwrap().status, status, "{path}");
    }
}

#[test]
fn a_client_that_sends_nonsense_behind_the_head_sees_why_it_is_refused() {
    let gateway = start(&[]);
    let mut stream = gateway.connect();
    stream.write_all(b"PUT /metrics HTTP/1.1\r\nhost: x\r\nno header\r\n\r\n").unwrap();
    stream.write_all(&vec![b'x'; BODY_BYTES]).unwrap();
    assert_eq!(read_answer(&mut stream).unwrap().status, 400);
}

#[test]
fn a_client_that_sends_on_and_on_behind_a_refusal_is_cut() {
    let gateway = start(&[]);
    let mut stream = begin(&gateway, "/nothing", usize::MAX >> 2);
    assert_eq!(read_answer(&mut stream).unwrap().status, 404);
    let since = Instant::now();
    while stream.write_all(&[b'x'; 4096]).is_ok() {
        assert!(since.elapsed() < Duration::from_secs(20), "it may send for ever");
    }
}
