//! What is in the log when a client does something wrong, and how much of it.

use std::io::Write;
use std::net::TcpStream;

use crate::gateway::read_answer;
use crate::persistence::{Process, program};

fn start(flags: &[&str]) -> Process {
    Process::start(&mut program(flags))
}

/// The lines that hold all of these.
fn lines<'l>(log: &'l [String], parts: &[&str]) -> Vec<&'l String> {
    log.iter().filter(|line| parts.iter().all(|part| line.contains(part))).collect()
}

#[test]
fn every_push_that_is_rejected_is_one_line_with_job_source_and_reason() {
    let gateway = start(&["--push.max-body-bytes=100", "--storage.max-series=3"]);
    gateway.put("/metrics/job/there", "m 1\n");
    let big = "m 1\n".repeat(30);
    for (path, body, status, job, reason) in [
        ("/metrics/job/syntax", "m x\n", 400, "job=syntax", "line 1"),
        ("/metrics/job/there", "m 1\nm 2\n", 400, "job=there", "twice"),
        ("/metrics/job/big", &*big, 413, "job=big", "--push.max-body-bytes"),
        ("/metrics/job/full", "m 1\n", 503, "job=full", "--storage.max-series"),
        ("/metrics/job/odd/x", "m 1\n", 400, "job=/odd/x", "odd number"),
        ("/metrics/job/a%zz", "m 1\n", 400, "job=/metrics/job/a%zz", "percent-encoding"),
        ("/metrics/job@base64/YSBi", "m x\n", 400, "job=\"a b\"", "line 1"),
        ("/metrics/job/new%0Alevel=error", "m x\n", 400, r#"job="new\nlevel=error""#, "line 1"),
    ] {
        let answer = gateway.send("PUT", path, &["x-request-id: given-1"], body.as_bytes());
        assert_eq!((answer.status, answer.header("x-request-id")), (status, Some("given-1")));
        let given = gateway.send("PUT", path, &["authorization: Basic c2VjcmV0"], body.as_bytes());
        let made = given.header("x-request-id").unwrap().to_owned();
        assert_ne!(made, "given-1");
        let message = "msg=\"push rejected\"";
        let parts =
            ["level=info", message, job, "source=127.0.0.1:", "method=PUT path=", path, reason];
        let (log, of_both) = (gateway.log_so_far(&made), parts.map(str::to_owned));
        let of_both: Vec<&str> = of_both.iter().map(String::as_str).collect();
        for id in ["request_id=given-1", &format!("request_id={made}")] {
            let parts: Vec<&str> = of_both.iter().copied().chain([id]).collect();
            assert_eq!(lines(&log, &parts).len(), 1, "{parts:?}: {log:#?}");
        }
    }
    let (_, log) = gateway.terminate();
    assert!(lines(&log, &["c2VjcmV0"]).is_empty() && lines(&log, &["m x"]).is_empty());
}

#[test]
fn requests_have_an_id_only_where_it_is_of_use() {
    let gateway = start(&[]);
    let id = "x-request-id: abc";
    let answer = gateway.send("PUT", "/metrics/job/a", &[id], b"m 1\n");
    assert_eq!((answer.status, answer.header("x-request-id")), (200, None));
    let answer = gateway.send("GET", "/nowhere", &[id], b"");
    assert_eq!((answer.status, answer.header("x-request-id")), (404, Some("abc")));
    let long = format!("x-request-id: {}", "x".repeat(129));
    for bad in ["x-request-id: a b", &long, "x-request-id: \u{e9}"] {
        let answer = gateway.send("GET", "/nowhere", &[bad], b"");
        let id = answer.header("x-request-id").unwrap();
        assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    }
    gateway.stop();
}

#[test]
fn a_client_that_does_much_wrong_does_not_fill_the_log() {
    let gateway = start(&[]);
    let mut stream = TcpStream::connect(gateway.address()).unwrap();
    let request = "PUT /metrics/job/loud HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nm x\n";
    for _ in 0..3000 {
        stream.write_all(request.as_bytes()).unwrap();
        assert_eq!(read_answer(&mut stream).unwrap().status, 400);
    }
    let summary = gateway.log_so_far("messages suppressed");
    let summary = lines(&summary, &["messages suppressed"])[0].clone();
    let number = |key: &str| {
        let value = summary.split_once(key).unwrap().1.split(' ').next().unwrap();
        value.parse::<usize>().unwrap()
    };
    assert!(summary.contains("loudest=127.0.0.1") && number("sources=") == 1, "{summary}");
    let (status, log) = gateway.terminate();
    assert!(status.success());
    let told = lines(&log, &["push rejected"]).len();
    assert!((20..1500).contains(&told), "{told}");
    assert!(number("messages=") > 1000, "{summary}");
    assert!(lines(&log, &["msg=stopped"]).len() == 1, "what no client causes is not limited");
}
