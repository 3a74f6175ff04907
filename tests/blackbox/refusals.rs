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
fn an_answer_before_the_body_keeps_the_connection_or_says_that_it_is_closed() {
    let gateway = start(&[]);
    let ask = |expect: &str, body: &[u8], bytes: usize| {
        let mut stream = gateway.connect();
        let head =
            format!("PUT /nothing HTTP/1.1\r\nhost: x\r\n{expect}content-length: {bytes}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let answer = read_answer(&mut stream).unwrap();
        let says_close = answer.header("connection") == Some("close");
        stream.write_all(b"GET /-/healthy HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        (answer.status, says_close, read_answer(&mut stream).map(|answer| answer.status))
    };
    assert_eq!(ask("", b"m 1\n", 4), (404, false, Some(200)), "a small body is taken in");
    assert_eq!(
        ask("", &[b'x'; 300_000], 300_000),
        (404, false, Some(200)),
        "one that is there, too"
    );
    assert_eq!(ask("", b"m", 4_000_000), (404, true, None), "one that does not come");
    assert_eq!(
        ask("expect: 100-continue\r\n", b"", 4),
        (404, true, None),
        "one that was not asked for"
    );
}

#[test]
fn a_head_that_is_too_large_is_refused_however_it_arrives() {
    let gateway = start(&[]);
    let ask = |bytes: usize, pieces: usize| {
        let mut stream = gateway.connect();
        let header = |at: usize| format!("x{at}: {}\r\n", "y".repeat(bytes / 10));
        let headers: String = (0..10).map(header).collect();
        let head = format!("GET /-/healthy HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
        for piece in head.as_bytes().chunks(head.len().div_ceil(pieces)) {
            let _closed = stream.write_all(piece);
            std::thread::sleep(Duration::from_millis(10));
        }
        let answer = read_answer(&mut stream).unwrap();
        (answer.status, answer.header("connection") == Some("close"))
    };
    for pieces in [1, 2, 20] {
        assert_eq!(ask(60_000, pieces), (200, false));
        for bytes in [66_000, 100_000, 120_000] {
            assert_eq!(ask(bytes, pieces), (431, true), "{bytes} bytes in {pieces} pieces");
        }
    }
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
