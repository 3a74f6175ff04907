//! Clients that are too many, though each behaves.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::hostile::case::push;
use crate::hostile::exchange::{read_answer, send};
use crate::hostile::gateway::{Gateway, wait_until};

/// What a push may take meanwhile, on a machine that has other things to do.
const PUSH_MAX: Duration = Duration::from_secs(5);

fn assert_quick_push(gateway: &Gateway) {
    let since = Instant::now();
    let mut stream = gateway.connect();
    stream.write_all(&push("/metrics/job/good", "", "m 1\n")).expect("it is read");
    assert_eq!(read_answer(&mut stream).map(|answer| answer.status), Some(200));
    assert!(since.elapsed() < PUSH_MAX, "a push took {:?}", since.elapsed());
}

/// How many connections this process and its child may have open: as many as asked for, or as allowed.
fn allowed(wanted: usize) -> usize {
    const OTHERS: usize = 100;
    let limits = std::fs::read_to_string("/proc/self/limits").expect("this process has limits");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next());
    // Not a number where there is no limit.
    let soft = soft.and_then(|soft| soft.parse().ok()).unwrap_or(usize::MAX);
    wanted.min(soft.saturating_sub(OTHERS))
}

#[test]
fn ten_thousand_idle_connections_cost_little() {
    /// Two buffers of 8 KiB that hyper makes for each connection, and a task.
    const KIB_EACH_MAX: f64 = 24.0;
    let gateway = Gateway::start(&["--web.idle-timeout=10m", "--web.header-timeout=10m"]);
    let count = allowed(10_000);
    assert!(count >= 500, "too few descriptors are allowed to say anything");
    let descriptors = gateway.descriptors();
    assert_quick_push(&gateway);
    let before = gateway.resident_kib();
    let mut idle: Vec<TcpStream> = Vec::with_capacity(count);
    for at in 0..count {
        let mut stream = gateway.connect();
        // Half of them have been served before, and hold what that takes.
        if at % 2 == 0 {
            send(&mut stream, "GET", "/-/healthy");
            assert_eq!(read_answer(&mut stream).map(|answer| answer.status), Some(200));
        }
        idle.push(stream);
    }
    wait_until("all are accepted", || gateway.descriptors() >= descriptors + count);
    let each = gateway.resident_kib().saturating_sub(before) as f64 / count as f64;
    assert!(each < KIB_EACH_MAX, "{each:.1} KiB for each of {count} idle connections");
    assert_quick_push(&gateway);
    drop(idle);
    gateway.wait_for_descriptors(descriptors);
    assert_quick_push(&gateway);
}

/// Beyond the bound nobody hangs: the probes are answered as ever, all else is told to come back.
#[test]
fn connections_beyond_the_bound_are_told_so() {
    const ANSWER_MAX: Duration = Duration::from_secs(3);
    let gateway = Gateway::start(&["--web.max-connections=50", "--web.header-timeout=10m"]);
    let before = gateway.descriptors();
    let mut served: Vec<TcpStream> = (0..50).map(|_| gateway.connect()).collect();
    for stream in &mut served {
        send(stream, "GET", "/-/healthy");
        assert_eq!(read_answer(stream).map(|answer| answer.status), Some(200));
    }
    let mut beyond: Vec<TcpStream> = (0..150).map(|_| gateway.connect()).collect();
    for (at, stream) in beyond.iter_mut().enumerate() {
        let since = Instant::now();
        let (request, expected) = match at % 3 {
            0 => (push("/metrics/job/evil", "", "m 1\n"), 503),
            1 => (b"GET /-/healthy HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(), 200),
            _ => (b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(), 503),
        };
        stream.write_all(&request).expect("it is read");
        let answer = read_answer(stream).expect("an answer");
        assert_eq!(answer.status, expected, "request {at}");
        assert_eq!(answer.header("connection"), Some("close"), "{answer:?}");
        assert_eq!(answer.header("retry-after").is_some(), expected == 503, "{answer:?}");
        assert!(since.elapsed() < ANSWER_MAX, "it took {:?}", since.elapsed());
    }
    for _ in 0..20 {
        gateway.assert_healthy();
    }
    // Who is served goes on being served, and who leaves makes room.
    for stream in &mut served {
        send(stream, "GET", "/-/ready");
        assert_eq!(read_answer(stream).map(|answer| answer.status), Some(200));
    }
    drop((served, beyond));
    gateway.wait_for_descriptors(before);
    assert_quick_push(&gateway);
    let scrape = gateway.ask("GET", "/metrics");
    assert!(!String::from_utf8_lossy(&scrape.body).contains("evil"), "a refused push is applied");
}
