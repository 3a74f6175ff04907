//! Scrapes that are slow, too many, or made while everything changes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::formats::{GZIP, OPEN_METRICS, PROTOBUF};
use crate::gateway::{Answer, Running, read_head, start, status};
use crate::read::{self, Samples};

/// More than what the buffers of the kernel and of the gateway take from a scrape that nobody reads.
const GROUPS: usize = 24;
const LINES: usize = 40;
const LINE_BYTES: usize = 25_000;

/// Pushes a state of 24 MB in which everything has this value.
fn fill(gateway: &Running, value: usize) {
    let pad = "x".repeat(LINE_BYTES);
    let line = |at| format!("big{{at=\"{at}\",pad=\"{pad}\"}} {value}\n");
    let body: String = (0..LINES).map(line).collect();
    for group in 0..GROUPS {
        assert_eq!(gateway.put(&format!("/metrics/job/big/group/{group}"), &body).status, 200);
    }
}

/// A scrape whose answer has begun, and is read no further.
struct Slow {
    stream: TcpStream,
    head: String,
}

fn slow(gateway: &Running, header: &str) -> Slow {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(16 << 10).unwrap();
    socket.connect(&gateway.address.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nhost: x\r\n{header}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let head = read_head(&mut stream).unwrap();
    Slow { stream, head }
}

impl Slow {
    fn read_to_its_end(mut self) -> Answer {
        let mut answer = Answer { status: status(&self.head), head: self.head, body: Vec::new() };
        answer.body.resize(answer.header("content-length").unwrap().parse().unwrap(), 0);
        self.stream.read_exact(&mut answer.body).unwrap();
        answer
    }
}

fn values(samples: &Samples, family: &str) -> Vec<f64> {
    let family = samples.iter().filter(|((name, _), _)| name == family);
    family.map(|(_, value)| f64::from_bits(*value)).collect()
}

#[test]
fn slow_readers_cost_nobody_a_scrape() {
    let gateway = start(&["--web.max-scrapes=1"]);
    fill(&gateway, 1);
    // Many more than are made at a time.
    let slow: Vec<_> = (0..24).map(|at| slow(&gateway, ["x: y", GZIP][at % 2])).collect();
    for _ in 0..20 {
        for query in ["", "?job=other", "?shard=0/2"] {
            assert_eq!(gateway.get(&format!("/metrics{query}")).status, 200);
        }
    }
    assert_eq!(gateway.put("/metrics/job/other", "m 1\n").status, 200);
    assert_eq!(gateway.get("/-/ready").status, 200);
    for slow in slow {
        assert_eq!(
            slow.read_to_its_end().status,
            200,
            "what is shared costs nothing, so none was cut"
        );
    }
}

#[test]
fn slow_readers_of_many_states_are_cut_before_memory_is_full_and_the_slowest_first() {
    const STATES: usize = 9; // Of 24 MB each.
    let gateway = start(&[]);
    let mut slow_ones = Vec::new();
    for value in 0..STATES {
        fill(&gateway, value);
        slow_ones.push(slow(&gateway, "x: y"));
    }
    let newest = slow_ones.pop().expect("the newest");
    assert_eq!(newest.read_to_its_end().status, 200);
    let mut oldest = slow_ones.swap_remove(0).stream;
    let is_cut = std::io::copy(&mut oldest, &mut std::io::sink());
    assert!(is_cut.is_err() || is_cut.is_ok_and(|bytes| bytes < 24_000_000), "it was cut");
}

#[test]
fn a_scrape_is_answered_after_one_of_a_single_huge_sample_that_nobody_reads() {
    let gateway = start(&["--web.max-scrapes=1", "--push.max-label-bytes=67108864"]);
    // The last family, and so large that nobody takes it in at once.
    let body = format!("zz{{pad=\"{}\"}} 1\n", "x".repeat(GROUPS * LINES * LINE_BYTES));
    assert_eq!(gateway.put("/metrics/job/a", &body).status, 200);
    let first = slow(&gateway, "x: y");
    assert_eq!(gateway.get("/metrics?job=other").status, 200);
    assert_eq!(values(&read::text(first.read_to_its_end().text()), "zz"), [1.0]);
}

#[test]
fn a_slow_scrape_shows_the_whole_state_of_its_moment_though_all_has_changed_since() {
    let gateway = start(&[]);
    fill(&gateway, 1);
    for header in ["x: y", PROTOBUF] {
        let slow = slow(&gateway, header);
        fill(&gateway, 2);
        assert_eq!(gateway.delete("/metrics/job/big/group/0").status, 202);
        let now = read::text(&gateway.text("?job=big", &[]));
        assert_eq!(values(&now, "big"), vec![2.0; (GROUPS - 1) * LINES]);
        let answer = slow.read_to_its_end();
        let then = match header {
            PROTOBUF => read::protobuf(&answer.body).1,
            _ => read::text(answer.text()),
        };
        assert_eq!(values(&then, "big"), vec![1.0; GROUPS * LINES]);
        fill(&gateway, 1);
    }
}

/// Every group holds one value, in several families, and is replaced by one with another value.
fn body(value: usize) -> String {
    let lines = |family: usize| (0..5).map(move |at| format!("m{family}{{at=\"{at}\"}} {value}\n"));
    let gauges = (0..8).flat_map(lines).collect::<String>();
    format!(
        "{gauges}# TYPE h histogram\nh_bucket{{le=\"1\"}} {value}\nh_count {value}\nh_sum {value}\n"
    )
}

/// Checks that all groups are there, and each as one push has left it.
fn assert_whole(samples: Samples, groups: usize) {
    let mut seen = std::collections::BTreeMap::<String, Vec<u64>>::new();
    for ((name, labels), value) in samples {
        if let Some(group) = labels.get("group").filter(|_| !name.starts_with("push_")) {
            seen.entry(group.clone()).or_default().push(value);
        }
    }
    assert_eq!(seen.len(), groups);
    for (group, values) in seen {
        assert_eq!(values.len(), 8 * 5 + 4, "{group}");
        assert!(values.iter().all(|value| *value == values[0]), "{group}: {values:?}");
    }
}

#[test]
fn scrapes_in_all_forms_at_once_are_whole_while_everything_changes() {
    const GROUPS: usize = 150;
    let gateway = start(&["--web.enable-openmetrics"]);
    let put = |group: usize, value| {
        let path = format!("/metrics/job/a/group/{group}");
        assert_eq!(gateway.put(&path, &body(value)).status, 200);
    };
    (0..GROUPS).for_each(|group| put(group, 0));
    let until = Instant::now() + Duration::from_secs(3);
    let is_over = AtomicBool::new(false);
    let scrape = |headers: &[&str]| {
        let mut scrapes = 0;
        while scrapes < 2 || Instant::now() < until {
            let body = gateway.body("", headers);
            assert_whole(
                if headers.contains(&PROTOBUF) {
                    read::protobuf(&body).1
                } else {
                    read::text(std::str::from_utf8(&body).unwrap())
                },
                GROUPS,
            );
            scrapes += 1;
        }
    };
    std::thread::scope(|threads| {
        for first in 0..2 {
            let (put, is_over) = (&put, &is_over);
            threads.spawn(move || {
                let groups = (0..GROUPS).filter(|group| group % 2 == first).cycle();
                for (value, group) in groups.enumerate() {
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    put(group, value);
                }
            });
        }
        let forms: [&[&str]; 6] =
            [&[], &[GZIP], &[PROTOBUF], &[PROTOBUF, GZIP], &[OPEN_METRICS], &[OPEN_METRICS, GZIP]];
        let scrapers = forms.map(|headers| threads.spawn(move || scrape(headers)));
        let ends = scrapers.map(std::thread::ScopedJoinHandle::join);
        is_over.store(true, Ordering::Relaxed);
        for end in ends {
            end.unwrap();
        }
    });
}
