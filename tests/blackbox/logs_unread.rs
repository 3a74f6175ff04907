//! A standard error that nobody reads: the gateway goes on, and says afterwards what is missing.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use shardgate::config::{LogFormat, LogLevel};
use socket2::{Domain, Socket, Type};

use crate::gateway::read_answer;
use crate::persistence::{await_that, program};

/// How many clients push; the log takes 20 lines at once of each.
const SOURCES: u8 = 100;
const LINES_EACH: usize = 20;

/// A program whose standard error is read only up to the line that says where it listens.
struct Unread {
    child: Child,
    log: BufReader<ChildStderr>,
    address: SocketAddr,
}

impl Unread {
    fn start() -> Unread {
        let mut command = program(&[]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("address=") {
            line.clear();
            log.read_line(&mut line).unwrap();
        }
        let address = line.trim().split_once("address=").unwrap().1.parse().unwrap();
        Unread { child, log, address }
    }

    /// A connection from 127.0.0.`host`.
    fn connect(&self, host: u8) -> TcpStream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, host], 0)).into()).unwrap();
        socket.connect(&self.address.into()).unwrap();
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }

    /// Has pushes rejected whose lines in the log come to several MiB, more than pipe and queue hold.
    fn fill(&self) {
        // The log shows 1 KiB of it, each quote with a backslash.
        let job = "%22".repeat(1100);
        for host in 1..=SOURCES {
            let mut stream = self.connect(host);
            for _ in 0..LINES_EACH {
                assert_eq!(ask(&mut stream, "PUT", &format!("/metrics/job/{job}"), "m x\n").0, 400);
            }
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.log.read_line(&mut line).unwrap();
        line
    }

    fn terminate(&mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let _has_ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

fn ask(stream: &mut TcpStream, method: &str, path: &str, body: &str) -> (u16, String) {
    let length = body.len();
    let request =
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).unwrap();
    let answer = read_answer(stream).unwrap();
    (answer.status, String::from_utf8(answer.body).unwrap())
}

fn dropped(scrape: &str) -> usize {
    let name = "shardgate_log_lines_dropped_total ";
    scrape.lines().find_map(|line| line.strip_prefix(name)).unwrap().parse().unwrap()
}

#[test]
fn a_log_that_nobody_reads_stops_nothing_and_says_later_how_much_is_missing() {
    let mut gateway = Unread::start();
    gateway.fill();
    let mut stream = gateway.connect(200);
    assert_eq!(ask(&mut stream, "PUT", "/metrics/job/a", "m 1\n").0, 200);
    let (status, scrape) = ask(&mut stream, "GET", "/metrics", "");
    assert!(status == 200 && scrape.contains("\nm{"), "{status}: {scrape}");
    let count = dropped(&scrape);
    assert!(count > 0, "the log was read, or its queue has no bound");
    let mut log = Vec::new();
    while !log.last().is_some_and(|line: &String| line.contains("lines were dropped")) {
        log.push(gateway.line());
    }
    let rejected = log.iter().filter(|line| line.contains("push rejected")).count();
    let said = format!("{count} lines were dropped because standard error was not read");
    assert!(rejected > 100 && log.last().unwrap().contains(&said), "{:?}", log.last());
    assert!(log.is_sorted_by_key(|line| line.split(' ').next()), "in the order of their times");
    gateway.terminate();
    let mut rest = String::new();
    gateway.log.read_to_string(&mut rest).unwrap();
    assert!(gateway.child.wait().unwrap().success());
    assert!(rest.trim_end().ends_with("msg=stopped"), "{rest}");
    assert!(!rest.contains("lines were dropped"), "it is said once: {rest}");
}

#[test]
fn a_log_that_nobody_reads_does_not_keep_the_gateway_from_stopping() {
    let mut gateway = Unread::start();
    gateway.fill();
    let since = Instant::now();
    gateway.terminate();
    await_that("it has ended", || gateway.child.try_wait().unwrap().is_some());
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
}

#[test]
fn a_panic_is_a_line_of_the_log() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "logs_unread::panics", "--ignored", "--nocapture"]);
    let output = command.env_remove("RUST_BACKTRACE").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let log = String::from_utf8(output.stderr).unwrap();
    let line = log.lines().find(|line| line.contains("msg=panicked")).unwrap();
    for part in ["level=error", "logs_unread.rs:", "thread=fragile", "err=\"it \\\"broke\\\"\""] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(!log.contains("thread 'fragile'"), "it is said once: {log}");
}

#[test]
#[ignore = "the other one runs it in a process of its own"]
fn panics() {
    shardgate::log::init(LogLevel::Info, LogFormat::Logfmt).unwrap();
    let fragile = std::thread::Builder::new().name("fragile".to_owned());
    let ended = fragile.spawn(|| panic!("it \"broke\"")).unwrap().join();
    assert!(ended.is_err());
    shardgate::log::flush();
}
