//! More than there is room for: a quick answer that says so, and a gateway that lives and then goes on.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::gateway::{Answer, Running, read_answer, start};
use crate::hostile::gzip;
use crate::persistence::{Process, await_that, program, run};

/// On a connection that stays open.
fn put(stream: &mut TcpStream, path: &str, body: &str) -> Answer {
    let length = body.len();
    let head = format!("PUT {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    read_answer(stream).unwrap()
}

fn is_shed(answer: &Answer, reason: &str) {
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
    assert!(answer.text().contains(reason), "{answer:?}");
}

fn shed(gateway: &Running, reason: &str) -> Option<f64> {
    gateway.value(&format!("shardgate_pushes_shed_total{{reason=\"{reason}\"}}"))
}

/// How many requests a connection sends at one go: on four of them more than wait for a shard.
const PIPELINED: usize = 600;

#[test]
fn pushes_for_a_shard_that_is_far_behind_are_answered_soon_and_taken_again_later() {
    // Answered before they are applied, so that one connection can fill a queue.
    let rendered = "--push.max-rendered-bytes=67108864";
    let gateway = start(&["--push.disable-consistency-check", rendered]);
    let path = "/metrics/job/busy";
    // Each has no series in common with the other, so all of them go and come.
    let huge = ["one", "other"].map(|label| -> String {
        (0..600_000).map(|at| format!("h{{{label}=\"{at}\"}} 1\n")).collect()
    });
    let request = format!("PUT {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nm 1\n");
    let many = request.repeat(PIPELINED);
    let mut streams: Vec<_> = (0..4).map(|_| gateway.connect()).collect();
    let mut tries = 0;
    let (shed_answer, waited, taken) = loop {
        assert!(tries < 5, "the shard keeps up");
        tries += 1;
        assert_eq!(gateway.put(path, &huge[tries % 2]).status, 202);
        // The shard is at it now. Nobody waits for an answer before all are on their way to it.
        let since = Instant::now();
        streams.iter_mut().for_each(|stream| stream.write_all(many.as_bytes()).unwrap());
        let (mut taken, mut first_shed) = (0, None);
        for stream in &mut streams {
            let mut has_shed = false;
            for _ in 0..PIPELINED {
                let answer = read_answer(stream).unwrap();
                if answer.status == 202 {
                    taken += usize::from(!has_shed);
                    continue;
                }
                has_shed = true;
                first_shed.get_or_insert_with(|| {
                    let waited = since.elapsed();
                    assert_eq!(gateway.get("/-/healthy").status, 200);
                    is_shed(&gateway.get("/-/ready"), "turned away");
                    (answer, waited)
                });
            }
        }
        if let Some((answer, waited)) = first_shed {
            break (answer, waited, taken);
        }
    };
    is_shed(&shed_answer, "too many pushes are waiting");
    assert!(taken >= 1024, "the queue was full: {taken}");
    assert!((Duration::from_millis(150)..Duration::from_secs(10)).contains(&waited), "{waited:?}");
    let mut stream = streams.remove(0);
    // The connection is still good, and so is the shard once it has caught up.
    await_that("it takes pushes", || put(&mut stream, path, "m 2\n").status == 202);
    await_that("it is ready again", || gateway.get("/-/ready").status == 200);
    await_that("it is applied", || gateway.pushed() == [r#"m{instance="",job="busy"} 2"#]);
    assert!(shed(&gateway, "queue").is_some_and(|count| count >= 1.0));
}

#[test]
fn bodies_beyond_the_bytes_in_flight_are_answered_at_once_and_give_back_what_they_took() {
    let flags = ["--push.max-body-bytes=1000", "--push.max-bytes-in-flight=1500"];
    let gateway = start(&flags);
    let blanks = |bytes: usize| " ".repeat(bytes - 1) + "\n";
    for _ in 0..5 {
        assert_eq!(gateway.put("/metrics/job/a", &blanks(1000)).status, 200);
    }
    let begin = || {
        let mut slow = gateway.connect();
        let head = "PUT /metrics/job/slow HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nm";
        slow.write_all(head.as_bytes()).unwrap();
        slow
    };
    let flag = "--push.max-bytes-in-flight";
    let (mut slow, mut other) = (begin(), gateway.connect());
    await_that("it counts with all of its length", || {
        let is_counted = put(&mut other, "/metrics/job/b", &blanks(600)).status == 503;
        slow.set_nonblocking(true).unwrap();
        if slow.peek(&mut [0]).is_ok() {
            slow = begin(); // It met the other, and was shed itself.
            return false;
        }
        slow.set_nonblocking(false).unwrap();
        is_counted
    });
    let answer = put(&mut other, "/metrics/job/b", &blanks(600));
    is_shed(&answer, flag);
    is_shed(&gateway.get("/-/ready"), "turned away");
    assert_eq!(put(&mut other, "/metrics/job/b", &blanks(500)).status, 200, "there is room for it");
    // Of unknown length, and no room for all of it.
    let mut chunked = gateway.connect();
    let head = "PUT /metrics/job/c HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    chunked.write_all(head.as_bytes()).unwrap();
    for _ in 0..3 {
        let _closed = chunked.write_all(format!("12c\r\n{}\r\n", blanks(300)).as_bytes());
    }
    let answer = read_answer(&mut chunked).unwrap();
    is_shed(&answer, flag);
    assert_eq!(answer.header("connection"), Some("close"));
    // Small as it is sent.
    let gzipped = gzip(blanks(900).as_bytes());
    let answer = gateway.send("PUT", "/metrics/job/d", &["content-encoding: gzip"], &gzipped);
    is_shed(&answer, flag);
    slow.write_all(blanks(999).as_bytes()).unwrap();
    assert_eq!(read_answer(&mut slow).unwrap().status, 400, "m alone is no sample");
    let answer = gateway.send("PUT", "/metrics/job/d", &["content-encoding: gzip"], &gzipped);
    assert_eq!(answer.status, 200);
    assert_eq!(gateway.put("/metrics/job/a", &blanks(1000)).status, 200);
    assert!(shed(&gateway, "in_flight").is_some_and(|count| count >= 3.0));
    await_that("it is ready again", || gateway.get("/-/ready").status == 200);
}

#[test]
fn who_announces_much_and_sends_little_takes_no_room_from_others() {
    let gateway = start(&[]);
    // Together they announce all the room there is. More of each than the sockets hold: the gateway has read some of it.
    let slow: Vec<_> = (0..4)
        .map(|at| {
            let mut slow = gateway.connect();
            let length = 64 << 20;
            let head = format!(
                "PUT /metrics/job/slow{at} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n"
            );
            slow.write_all(head.as_bytes()).unwrap();
            slow.write_all(&vec![b' '; 12 << 20]).unwrap();
            slow
        })
        .collect();
    assert_eq!(gateway.put("/metrics/job/b", "m 1\n").status, 200);
    assert_eq!(gateway.put("/metrics/job/b", &" ".repeat(1 << 20)).status, 200);
    drop(slow);
}

#[test]
fn a_delete_needs_no_room_for_its_body() {
    let gateway = start(&["--push.max-body-bytes=1000", "--push.max-bytes-in-flight=1000"]);
    let mut slow = gateway.connect();
    let head = "PUT /metrics/job/slow HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nm";
    slow.write_all(head.as_bytes()).unwrap();
    // A push that came before it is read would take its room.
    let taken = || gateway.value("shardgate_push_bytes_in_flight") == Some(1000.0);
    await_that("there is no room", taken);
    is_shed(&gateway.put("/metrics/job/a", "m 1\n"), "--push.max-bytes-in-flight");
    assert_eq!(gateway.send("DELETE", "/metrics/job/a", &[], &[b' '; 1000]).status, 202);
}

#[test]
fn what_a_body_is_decoded_to_needs_room_too_if_it_is_much() {
    let gateway = start(&["--push.max-body-bytes=400000", "--push.max-bytes-in-flight=400000"]);
    let path = format!("/metrics/job/{}", "j".repeat(1000));
    let body =
        |lines: usize| -> String { (0..lines).map(|at| format!("m{{l=\"{at}\"}} 1\n")).collect() };
    for encoded in [false, true] {
        let push = |lines| {
            let body = body(lines);
            if encoded {
                gateway.send("PUT", &path, &["content-encoding: gzip"], &gzip(body.as_bytes()))
            } else {
                gateway.put(&path, &body)
            }
        };
        for _ in 0..3 {
            assert_eq!(push(300).status, 200, "it has room, and gives it back");
        }
        is_shed(&push(500), "--push.max-bytes-in-flight");
        assert_eq!(gateway.pushed().len(), 300, "nothing of it is stored");
    }
}

#[test]
fn a_body_that_breaks_off_gives_its_room_back() {
    let gateway = start(&["--push.max-body-bytes=1000", "--push.max-bytes-in-flight=1000"]);
    for _ in 0..20 {
        let mut broken = gateway.connect();
        let head = "PUT /metrics/job/a HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nm";
        broken.write_all(head.as_bytes()).unwrap();
        drop(broken);
    }
    await_that("there is room", || gateway.put("/metrics/job/a", &" ".repeat(1000)).status != 503);
}

#[test]
fn a_push_that_could_never_fit_is_no_configuration() {
    let flags = ["--push.max-body-bytes=1000", "--push.max-bytes-in-flight=999"];
    let said = run(&mut program(&flags));
    assert!(!said.status.success());
    let [error] = &said.errors[..] else { panic!("{:?}", said.errors) };
    assert!(flags.iter().all(|flag| error.contains(flag.split('=').next().unwrap())), "{error}");
}

/// Some expressions that are expensive on the values of [`push_long_values`].
fn expensive_query() -> String {
    let mut query = form_urlencoded::Serializer::new("/api/v1/metrics?".to_owned());
    for at in 0..4 {
        query.append_pair("match[]", &format!("{{l=~\".*a[ax]{{150}}b{at}\"}}"));
    }
    query.finish()
}

fn push_long_values(gateway: &Process) {
    for at in 0..8 {
        gateway.put(&format!("/metrics/job/a/l/{}{at}", "xa".repeat(30_000)), "m 1\n");
    }
}

#[test]
fn expensive_queries_of_clients_that_have_left_delay_neither_other_queries_nor_the_end() {
    let gateway = Process::start(&mut program(&[]));
    push_long_values(&gateway);
    let ask_and_leave = || {
        let request = format!("GET {} HTTP/1.1\r\nhost: x\r\n\r\n", expensive_query());
        TcpStream::connect(gateway.address()).unwrap().write_all(request.as_bytes()).unwrap();
    };
    (0..4).for_each(|_| ask_and_leave());
    let since = Instant::now();
    assert_eq!(gateway.get("/api/v1/metrics?job=none").status, 200);
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    (0..4).for_each(|_| ask_and_leave());
    let since = Instant::now();
    gateway.stop();
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
}
