//! How many connections there may be, and how long they may keep the gateway waiting.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::gateway::{Answer, Running, read_answer, start};

const HEALTHY: &str = "GET /-/healthy HTTP/1.1\r\nhost: x\r\n\r\n";

fn ask(stream: &mut TcpStream, request: &str) -> Option<Answer> {
    stream.write_all(request.as_bytes()).ok()?;
    read_answer(stream)
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Connections that are served, as many as are asked for.
fn served(gateway: &Running, count: usize) -> Vec<TcpStream> {
    let mut streams: Vec<_> = (0..count).map(|_| gateway.connect()).collect();
    for stream in &mut streams {
        let answer = ask(stream, HEALTHY).unwrap();
        assert_eq!((answer.status, answer.header("connection")), (200, None));
    }
    streams
}

#[test]
fn who_comes_when_there_is_no_room_is_told_so() {
    let gateway = start(&["--web.max-connections=2"]);
    let mut held = served(&gateway, 2);
    let answer = gateway.put("/metrics/job/a", &"x".repeat(100_000));
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(answer.text().contains("--web.max-connections"));
    assert!(answer.header("x-request-id").is_some());
    for probe in ["/-/healthy", "/-/ready"] {
        let answer = gateway.get(probe);
        assert_eq!((answer.status, answer.header("connection")), (200, Some("close")), "{probe}");
    }
    let _silent = gateway.connect();
    let scrape = "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n";
    until("the counts are exposed", || {
        let scrape = ask(&mut held[0], scrape).unwrap();
        let has = |line: &str| scrape.text().lines().any(|found| found == line);
        has("shardgate_connections{state=\"serving\"} 2")
            && has("shardgate_connections{state=\"reserve\"} 1")
            && has("shardgate_connections_refused_total 1")
    });
    held.pop();
    until("there is room again", || gateway.put("/metrics/job/a", "m 1\n").status == 200);
}

#[test]
fn the_reserve_answers_one_request_and_waits_for_no_second() {
    let gateway = start(&["--web.max-connections=1"]);
    let _held = served(&gateway, 1);
    let mut stream = gateway.connect();
    assert_eq!(ask(&mut stream, HEALTHY).unwrap().status, 200);
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0, "it is closed");
    let mut slow = gateway.connect();
    slow.write_all(&HEALTHY.as_bytes()[..9]).unwrap();
    let since = Instant::now();
    assert_eq!(slow.read(&mut [0]).unwrap_or(0), 0, "it is closed");
    assert!((4..10).contains(&since.elapsed().as_secs()), "{:?}", since.elapsed());
}

#[test]
fn probes_are_quick_however_many_connections_say_nothing() {
    let gateway = start(&["--web.max-connections=1"]);
    let held = served(&gateway, 1);
    let mut silent: Vec<_> = (0..600).map(|_| gateway.connect()).collect();
    for probe in ["/-/healthy", "/-/ready"].repeat(5) {
        let since = Instant::now();
        assert_eq!(gateway.get(probe).status, 200);
        assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    }
    assert_eq!(silent[0].read(&mut [0]).unwrap_or(0), 0, "the oldest has given way");
    let newest = silent.last_mut().unwrap();
    newest.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(newest.peek(&mut [0]).is_err(), "the newest still has its time");
    drop((held, silent));
    let mut next = gateway.connect();
    until("there is room again", || {
        ask(&mut next, HEALTHY).is_some_and(|answer| answer.status == 200)
    });
}

#[test]
fn a_slow_head_is_cut_while_others_are_served() {
    let gateway = start(&["--web.header-timeout=500ms"]);
    let mut slow = gateway.connect();
    slow.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let since = Instant::now();
    let mut answer = Vec::new();
    for byte in HEALTHY.bytes().cycle().take(HEALTHY.len() - 1) {
        let _cut = slow.write_all(&[byte]);
        let mut piece = [0; 1024];
        match slow.read(&mut piece) {
            Ok(0) => break,
            Ok(bytes) => answer.extend_from_slice(&piece[..bytes]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                assert_eq!(gateway.get("/-/healthy").status, 200);
            }
            Err(_) => break,
        }
        assert!(since.elapsed() < Duration::from_secs(3), "it is not cut");
    }
    assert!(answer.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn a_slow_body_is_given_up() {
    let gateway = start(&["--web.body-timeout=300ms"]);
    let mut slow = gateway.connect();
    let head = "PUT /metrics/job/a HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nm";
    let since = Instant::now();
    let answer = ask(&mut slow, head).unwrap();
    assert_eq!((answer.status, answer.header("connection")), (408, Some("close")));
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    assert_eq!(gateway.pushed(), [""; 0]);
}

#[test]
fn idle_connections_have_their_own_time() {
    let gateway = start(&["--web.header-timeout=100ms", "--web.idle-timeout=1s"]);
    let mut idle = served(&gateway, 1).remove(0);
    let since = Instant::now();
    assert_eq!(idle.read(&mut [0]).unwrap(), 0, "it is closed");
    let seconds = since.elapsed().as_secs_f64();
    assert!((0.9..3.0).contains(&seconds), "{seconds}");
    let mut silent = gateway.connect();
    let since = Instant::now();
    assert_eq!(silent.read(&mut [0]).unwrap(), 0, "it is closed");
    assert!(since.elapsed() < Duration::from_millis(900), "{:?}", since.elapsed());
}

#[test]
fn who_reads_no_answers_is_cut() {
    let gateway = start(&["--web.header-timeout=300ms", "--web.idle-timeout=500ms"]);
    let mut stream = gateway.connect();
    stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    let since = Instant::now();
    let many = HEALTHY.repeat(1000);
    let mut sent = 0;
    while stream.write_all(many.as_bytes()).is_ok() {
        sent += many.len();
        assert!(sent < 256 << 20, "answers are gathered without a bound");
    }
    assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
}
